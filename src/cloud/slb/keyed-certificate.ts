import type { KeyedCertificate } from '../load-balancer/plan.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { SERVER_CERTIFICATES } from './model.ts'

/** A server certificate with its key, as a listener holds them; `undefined` when there is none of this id. */
export function keyedCertificate(state: Pick<CloudState, 'get'>, id: string): KeyedCertificate | undefined {
  const document = state.get(SERVER_CERTIFICATES, id)
  return document === undefined
    ? undefined
    : { certificatePem: document.certificatePem, privateKeyPem: document.privateKeyPem }
}
