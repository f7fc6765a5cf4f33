import { formatTime } from '../../base/time.ts'
import { objectIn } from '../../kube/kinds/draft.ts'
import { pods } from '../../kube/resource.ts'
import type { Pod } from '../../kube/types/core.ts'
import { invalid } from '../../kube/validation/field-error.ts'
import { ANONYMOUS } from '../authorization.ts'
import { readObject } from '../body.ts'
import { decodedObject } from '../decoded.ts'
import { restrictToken } from '../nodes/node-restriction.ts'
import { findPod } from '../nodes/pod-references.ts'
import { getEntry } from '../object-storage.ts'
import type { BoundObject, TokenSigner } from '../pki/service-account-token.ts'
import { jsonResponse } from '../request.ts'
import { type ObjectCall, placeOf } from '../resource-requests.ts'
import { conflict, invalidObject, methodNotAllowed, notFound } from '../status-error.ts'
import type { SubresourceHandler } from './subresource.ts'

const REQUEST = { group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest' }
const HOUR = 3600
const SHORTEST = 600

/** `serviceaccounts/token`: issues a token that is good for a time, and as long as the pod it is bound to exists. */
export function tokenHandler(signer: TokenSigner): SubresourceHandler {
  return async (call) => {
    const { context, name, namespace = '', request } = call
    if (request.method !== 'POST') throw methodNotAllowed()
    const account = decodedObject(getEntry(context, placeOf(call)))
    const body = await readObject(await request.body(), request.headers['content-type'])
    const spec = objectIn(body, 'spec') ?? {}
    const expirationSeconds = Number(spec.expirationSeconds ?? HOUR)
    if (!(expirationSeconds >= SHORTEST)) {
      const text = 'may not specify a duration less than 10 minutes'
      throw invalidObject(REQUEST, name, [invalid('spec.expirationSeconds', spec.expirationSeconds, text)])
    }
    const audiences = Array.isArray(spec.audiences) ? spec.audiences.map(String) : []
    const bound = boundPod(call, objectIn(spec, 'boundObjectRef'))
    restrictToken(request.user ?? ANONYMOUS, name, bound)
    const pod = bound === undefined ? undefined : placeOfPod(bound)
    const issued = signer.issueToken({
      namespace,
      serviceAccount: name,
      uid: account.metadata.uid ?? '',
      expirationSeconds,
      ...(audiences.length === 0 ? {} : { audiences }),
      ...(pod === undefined ? {} : { pod }),
    })
    const status = { token: issued.token, expirationTimestamp: formatTime(issued.expires) }
    const metadata = { name, namespace, creationTimestamp: formatTime(context.clock.now()) }
    const shown = { ...spec, audiences, expirationSeconds }
    return jsonResponse(201, {
      kind: REQUEST.kind,
      apiVersion: 'authentication.k8s.io/v1',
      metadata,
      spec: shown,
      status,
    })
  }
}

function boundPod(
  { context, namespace, name }: ObjectCall,
  ref: Readonly<Record<string, unknown>> | undefined,
): Pod | undefined {
  if (ref === undefined) return undefined
  if (ref.kind !== 'Pod' || typeof ref.name !== 'string') {
    throw invalidObject(REQUEST, name, [invalid('spec.boundObjectRef.kind', ref.kind, 'must be Pod')])
  }
  const found = findPod(context.store, namespace ?? '', ref.name)
  if (found === undefined) throw notFound(pods, ref.name)
  if (ref.uid !== undefined && ref.uid !== found.metadata.uid) {
    throw conflict(
      pods,
      ref.name,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record`,
    )
  }
  return found
}

function placeOfPod({ metadata }: Pod): BoundObject {
  return { name: metadata.name, uid: metadata.uid ?? '' }
}
