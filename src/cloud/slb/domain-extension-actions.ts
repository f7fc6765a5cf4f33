import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { findListener, requireCertificate, requireLoadBalancer } from './find.ts'
import { type DomainExtension, LISTENERS, type Listener, listenerKey, type TlsSettings } from './model.ts'

/** Certificates of an HTTPS listener for the names that clients ask for (SNI). */
export const DOMAIN_EXTENSION_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateDomainExtension', createDomainExtension],
  ['DeleteDomainExtension', deleteDomainExtension],
  ['SetDomainExtensionAttribute', setDomainExtensionAttribute],
  ['DescribeDomainExtensions', describeDomainExtensions],
  ['DescribeDomainExtensionAttribute', describeDomainExtensionAttribute],
]

const DOMAIN = {
  pattern: /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i,
  wanted: 'a domain name such as www.example.com or *.example.com',
}

function createDomainExtension({ parameters, transaction }: Call): object {
  const { listener, tls } = requireHttps({ parameters, transaction })
  const domain = parameters.required('Domain', DOMAIN).toLowerCase()
  const certificateId = requireCertificate(transaction, parameters.required('ServerCertificateId')).id
  if (tls.domainExtensions.some((extension) => extension.domain === domain)) {
    throw new Refusal(
      'DomainExtensionExist',
      `The listener of port ${listener.port} has a certificate for ${domain} already.`,
    )
  }
  const wanted = tls.domainExtensions.length + 1
  requireQuota(transaction, 'slb_quota_domain_extensions_num', {
    wanted,
    holder: `${listener.loadBalancerId}:${listener.port}`,
  })
  const id = newResourceId('de')
  store(transaction, listener, [...tls.domainExtensions, { id, domain, certificateId }])
  return { DomainExtensionId: id, ListenerPort: listener.port }
}

function deleteDomainExtension({ parameters, transaction }: Call): object {
  const { listener, extension, others } = requireExtension({ parameters, transaction })
  store(transaction, listener, others)
  return { DomainExtensionId: extension.id }
}

function setDomainExtensionAttribute({ parameters, transaction }: Call): object {
  const { listener, extension, others } = requireExtension({ parameters, transaction })
  const certificateId = requireCertificate(transaction, parameters.required('ServerCertificateId')).id
  store(transaction, listener, [...others, { ...extension, certificateId }])
  return {}
}

function describeDomainExtensions({ parameters, transaction }: Call): object {
  const { tls } = requireHttps({ parameters, transaction })
  const id = parameters.string('DomainExtensionId')
  const found = tls.domainExtensions.filter((extension) => id === undefined || extension.id === id)
  return { DomainExtensions: { DomainExtension: found.map(view) } }
}

function describeDomainExtensionAttribute({ parameters, transaction }: Call): object {
  const { listener, extension } = requireExtension({ parameters, transaction })
  return { LoadBalancerId: listener.loadBalancerId, ListenerPort: listener.port, ...view(extension) }
}

function view({ id, domain, certificateId }: DomainExtension) {
  return { DomainExtensionId: id, Domain: domain, ServerCertificateId: certificateId }
}

function requireHttps({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): {
  listener: Listener
  tls: TlsSettings
} {
  const loadBalancerId = requireLoadBalancer(transaction, parameters.required('LoadBalancerId')).id
  const port = parameters.requiredInteger('ListenerPort', { min: 1, max: 65_535 })
  const listener = findListener(transaction, { loadBalancerId, port, protocol: 'https' })
  const tls = listener?.layer7?.tls
  if (listener !== undefined && tls !== undefined) return { listener, tls }
  throw new Refusal(
    'InvalidParameter.ListenerNotFound',
    `The instance ${loadBalancerId} has no HTTPS listener on port ${port}.`,
    404,
  )
}

function requireExtension({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>) {
  const id = parameters.required('DomainExtensionId')
  for (const listener of transaction.list(LISTENERS)) {
    const extensions = listener.layer7?.tls?.domainExtensions ?? []
    const extension = extensions.find((candidate) => candidate.id === id)
    if (extension !== undefined)
      return { listener, extension, others: extensions.filter((candidate) => candidate.id !== id) }
  }
  throw new Refusal('DomainExtensionNotExist', `The domain extension ${id} does not exist.`, 404)
}

function store(
  transaction: Call['transaction'],
  listener: Listener,
  domainExtensions: readonly DomainExtension[],
): void {
  const { layer7 } = listener
  if (layer7?.tls === undefined) return
  const changed = { ...listener, layer7: { ...layer7, tls: { ...layer7.tls, domainExtensions } } }
  transaction.put(LISTENERS, listenerKey(listener.loadBalancerId, listener.protocol, listener.port), changed)
}
