import { missing } from '../openapi/parameters.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { pageByToken } from '../resource/page.ts'
import { requireCertificate, requireListener } from './find.ts'
import { startJob } from './jobs.ts'
import { requireCertificateQuota } from './listener-actions.ts'
import { certificatesOf, type Listener, NLB_LISTENERS, type TlsListenerSettings } from './model.ts'

/** Certificates of a TCPSSL listener beside its standard one, for other names that clients ask for (SNI). */
export const CERTIFICATE_ACTIONS: readonly (readonly [string, Action])[] = [
  ['ListListenerCertificates', listListenerCertificates],
  ['AssociateAdditionalCertificatesWithListener', associate],
  ['DisassociateAdditionalCertificatesWithListener', disassociate],
]

const MAXIMUM_PER_CALL = 15

function listListenerCertificates({ parameters, transaction }: Call): object {
  const listener = requireListener(transaction, parameters.required('ListenerId'))
  const standard = listener.tls?.certificateId
  const ids = certificatesOf(listener).sort()
  const { items, ...page } = pageByToken(ids, parameters, { keyOf: (id) => id })
  return {
    CertificateIds: items,
    Certificates: items.map((id) => ({
      CertificateId: id,
      CertificateType: 'Server',
      IsDefault: id === standard,
      Status: 'Associated',
    })),
    ...page,
  }
}

function associate(call: Call): object {
  const { listener, tls } = requireTls(call)
  const added = idsOf(call)
  for (const id of added) {
    requireCertificate(call.transaction, id)
    if (!certificatesOf(listener).includes(id)) continue
    throw new Refusal(
      'ResourceAlreadyAssociated.Certificate',
      `The listener ${listener.id} has the certificate ${id} already.`,
    )
  }
  return store(call, listener, { ...tls, additionalCertificateIds: [...tls.additionalCertificateIds, ...added] })
}

function disassociate(call: Call): object {
  const { listener, tls } = requireTls(call)
  const removed = idsOf(call)
  const additionalCertificateIds = tls.additionalCertificateIds.filter((id) => !removed.includes(id))
  return store(call, listener, { ...tls, additionalCertificateIds })
}

function idsOf({ parameters }: Pick<Call, 'parameters'>): string[] {
  const ids = [...new Set(parameters.list('AdditionalCertificateIds'))]
  if (ids.length === 0) return missing('AdditionalCertificateIds')
  if (ids.length <= MAXIMUM_PER_CALL) return ids
  throw new Refusal(
    'IllegalParamSize.AdditionalCertificateIds',
    `AdditionalCertificateIds has ${ids.length} entries: give at most ${MAXIMUM_PER_CALL} in one call.`,
  )
}

function requireTls({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): {
  listener: Listener
  tls: TlsListenerSettings
} {
  const listener = requireListener(transaction, parameters.required('ListenerId'))
  const { tls } = listener
  if (tls !== undefined) return { listener, tls }
  throw new Refusal(
    'Mismatch.Protocol',
    `The listener ${listener.id} is of the protocol ${listener.protocol}: only a TCPSSL one has certificates.`,
  )
}

function store(call: Call, listener: Listener, tls: TlsListenerSettings): object {
  const changed = { ...listener, tls }
  requireCertificateQuota(call, changed)
  call.transaction.put(NLB_LISTENERS, listener.id, changed)
  return startJob(call)
}
