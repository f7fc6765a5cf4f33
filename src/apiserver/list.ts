import { isFairleadError } from '../base/error.ts'
import type { AnyKind } from '../kube/registry.ts'
import { apiVersionOf } from '../kube/resource.ts'
import type { ListMeta } from '../kube/types/meta.ts'
import type { Entry } from '../store/store.ts'
import type { ApiContext } from './context.ts'
import { decodedObject } from './decoded.ts'
import { spliceVersion } from './object-bytes.ts'
import { partialMetadata } from './partial-metadata.ts'
import type { Form } from './representation.ts'
import type { Selection } from './selection.ts'
import { badRequest, futureVersion, gone } from './status-error.ts'
import { prefixOfKind, servedEntry } from './stored-form.ts'
import { tableOf } from './table.ts'

export interface ListRequest {
  readonly kind: AnyKind
  readonly namespace: string | undefined
  readonly selection: Selection
  readonly limit: number | undefined
  readonly continueToken: string | undefined
  readonly resourceVersion: string
  readonly resourceVersionMatch: string
}

export interface ObjectPage {
  readonly revision: number
  readonly entries: readonly Entry[]
  readonly metadata: ListMeta
}

/** Reads one page of the objects of a kind, all as of one revision. @throws StatusError */
export function listObjects(context: ApiContext, request: ListRequest): ObjectPage {
  const prefix = prefixOfKind(request.kind, request.namespace)
  const from = request.continueToken === undefined ? undefined : readToken(request.continueToken, prefix)
  if (from !== undefined && request.resourceVersion !== '' && request.resourceVersion !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue')
  }
  const revision = from === undefined ? exactRevision(request, context.store.revision()) : from.revision
  const entries: Entry[] = []
  let after = from?.after
  for (;;) {
    const options = {
      ...(revision === undefined ? {} : { revision }),
      ...(after === undefined ? {} : { after }),
      ...(request.limit === undefined ? {} : { limit: request.limit - entries.length }),
    }
    const page = readPage(context, prefix, options)
    entries.push(...selected(served(request.kind, page.entries), request.selection))
    after = page.entries.at(-1)?.key
    if (page.remaining === 0 || after === undefined)
      return { revision: page.revision, entries, metadata: { resourceVersion: String(page.revision) } }
    if (entries.length >= (request.limit ?? 0)) {
      return {
        revision: page.revision,
        entries,
        metadata: moreFollows(page, after.slice(prefix.length), request.selection),
      }
    }
  }
}

function served(kind: AnyKind, entries: readonly Entry[]): readonly Entry[] {
  return kind.stored === undefined ? entries : entries.map((entry) => servedEntry(kind, entry))
}

function selected(entries: readonly Entry[], selection: Selection): readonly Entry[] {
  return selection.all ? entries : entries.filter((entry) => selection.matches(decodedObject(entry)))
}

function moreFollows(
  page: { readonly revision: number; readonly remaining: number },
  after: string,
  selection: Selection,
): ListMeta {
  return {
    resourceVersion: String(page.revision),
    continue: tokenOf(page.revision, after),
    ...(selection.all ? { remainingItemCount: page.remaining } : {}),
  }
}

const EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'
/** As the version in a token: go on in what there is now. */
const INCONSISTENT = -1

function readPage(context: ApiContext, prefix: string, options: Parameters<ApiContext['store']['list']>[1]) {
  try {
    return context.store.list(prefix, options)
  } catch (error) {
    if (!isFairleadError(error, 'STORE_COMPACTED')) throw error
    const after = options?.after
    if (after === undefined) throw gone('The resourceVersion for the provided list is too old.')
    throw gone(EXPIRED, { continue: tokenOf(INCONSISTENT, after.slice(prefix.length)) })
  }
}

/** @param after Name of the last object shown, with its namespace where the list has several */
function tokenOf(revision: number, after: string): string {
  const token = JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: `${after}\u0000` })
  return Buffer.from(token).toString('base64url')
}

interface Continuation {
  /** `undefined`: the newest. */
  readonly revision: number | undefined
  readonly after: string
}

function readToken(token: string, prefix: string): Continuation {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString())
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
  }
  const { rv, start } = (value ?? {}) as { rv?: unknown; start?: unknown }
  const known = Number.isSafeInteger(rv) && (Number(rv) > 0 || rv === INCONSISTENT)
  if (!known || typeof start !== 'string') {
    throw badRequest('invalid continue token: continue key is not valid: it was not given by this server')
  }
  return { revision: rv === INCONSISTENT ? undefined : Number(rv), after: `${prefix}${start.replace(/\0$/, '')}` }
}

/** The revision that must be shown; `undefined` for the newest. */
function exactRevision(
  { resourceVersion, resourceVersionMatch, limit }: ListRequest,
  current: number,
): number | undefined {
  if (resourceVersion === '' || resourceVersion === '0') return undefined
  const wanted = versionNumber(resourceVersion)
  if (wanted > current) throw futureVersion(wanted, current)
  const exact = resourceVersionMatch === 'Exact' || (resourceVersionMatch === '' && limit !== undefined)
  return exact ? wanted : undefined
}

/** A resourceVersion of a query as a number. @throws StatusError */
export function versionNumber(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw badRequest(`Invalid value: ${JSON.stringify(text)}: resourceVersion must be an unsigned integer`)
}

/** A page as a client gets it. Whole objects are copied as they are stored, without parsing. */
export function encodePage(kind: AnyKind, page: ObjectPage, form: Form, now: number): Uint8Array {
  if (form.as === 'table') {
    const objects = page.entries.map(decodedObject)
    return Buffer.from(JSON.stringify(tableOf(kind, objects, { metadata: page.metadata, include: form.include, now })))
  }
  if (form.as === 'metadata') {
    const items = page.entries.map((entry) => partialMetadata(decodedObject(entry)))
    const list = { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: page.metadata, items }
    return Buffer.from(JSON.stringify(list))
  }
  return joinObjects(kind, page)
}

function joinObjects(kind: AnyKind, { entries, metadata }: ObjectPage): Uint8Array {
  const head = `{"kind":"${kind.listKind}","apiVersion":"${apiVersionOf(kind.resource)}","metadata":${JSON.stringify(metadata)},"items":[`
  const splices = entries.map((entry) => spliceVersion(entry.value, entry.modRevision))
  const size = entries.reduce(
    (sum, { value }, index) => sum + value.byteLength + (splices[index]?.text.length ?? 0) + 1,
    0,
  )
  const out = Buffer.allocUnsafe(Buffer.byteLength(head) + size + 2)
  let at = out.write(head, 0)
  for (const [index, { value }] of entries.entries()) {
    const splice = splices[index]
    if (splice === undefined) continue
    if (index > 0) at += out.write(',', at)
    out.set(value.subarray(0, splice.at), at)
    at += splice.at
    at += out.write(splice.text, at, 'latin1')
    out.set(value.subarray(splice.at), at)
    at += value.byteLength - splice.at
  }
  at += out.write(']}', at)
  return out.subarray(0, at)
}
