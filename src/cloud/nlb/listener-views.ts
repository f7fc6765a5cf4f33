import type { Action, Call } from '../openapi/product.ts'
import { REGION_ID } from '../region.ts'
import { pageByToken } from '../resource/page.ts'
import { hasTags, tagFilter } from '../resource/tags.ts'
import { requireListener } from './find.ts'
import { type Listener, NLB_LISTENERS } from './model.ts'

/** Reading listeners. */
export const LISTENER_VIEWS: readonly (readonly [string, Action])[] = [
  ['ListListeners', listListeners],
  [
    'GetListenerAttribute',
    ({ parameters, transaction }) => {
      return view(requireListener(transaction, parameters.required('ListenerId')))
    },
  ],
]

function listListeners({ parameters, transaction }: Call): object {
  const [ids, loadBalancerIds] = [parameters.list('ListenerIds'), parameters.list('LoadBalancerIds')]
  const protocol = parameters.oneOf('ListenerProtocol', ['TCP', 'UDP', 'TCPSSL'])
  const found = transaction
    .list(NLB_LISTENERS)
    .filter(
      (listener) =>
        (ids.length === 0 || ids.includes(listener.id)) &&
        (loadBalancerIds.length === 0 || loadBalancerIds.includes(listener.loadBalancerId)) &&
        (protocol === undefined || listener.protocol === protocol) &&
        hasTags(listener.tags, tagFilter(parameters)),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const { items, ...page } = pageByToken(found, parameters, { keyOf: ({ id }) => id })
  return { Listeners: items.map(view), ...page }
}

function view(listener: Listener): object {
  const { tls } = listener
  return {
    ListenerId: listener.id,
    LoadBalancerId: listener.loadBalancerId,
    ListenerProtocol: listener.protocol,
    ListenerPort: listener.port,
    ...(listener.range === undefined
      ? {}
      : { StartPort: String(listener.range.first), EndPort: String(listener.range.last) }),
    ListenerStatus: listener.status,
    ListenerDescription: listener.description,
    ServerGroupId: listener.serverGroupId,
    IdleTimeout: listener.idleTimeout,
    ProxyProtocolEnabled: listener.proxyProtocol,
    ProxyProtocolV2Config: {
      Ppv2VpcIdEnabled: false,
      Ppv2PrivateLinkEpIdEnabled: false,
      Ppv2PrivateLinkEpsIdEnabled: false,
    },
    Cps: listener.cps,
    Mss: listener.mss,
    SecSensorEnabled: false,
    AlpnEnabled: tls?.alpnPolicy !== undefined,
    AlpnPolicy: tls?.alpnPolicy ?? '',
    CaEnabled: false,
    CaCertificateIds: [],
    CertificateIds: tls === undefined ? [] : [tls.certificateId],
    SecurityPolicyId: tls?.securityPolicyId ?? '',
    RegionId: REGION_ID,
    Tags: listener.tags.map(({ key, value }) => ({ Key: key, Value: value })),
  }
}
