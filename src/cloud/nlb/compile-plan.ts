import { addressFamily } from '../../base/ip.ts'
import { INTERNET_CIDRS } from '../fabric/fabric-names.ts'
import type { ListenerCertificates, ListenerPlan } from '../load-balancer/plan.ts'
import { keyedCertificate } from '../slb/keyed-certificate.ts'
import { type Layer7Settings, SERVER_CERTIFICATES } from '../slb/model.ts'
import type { CloudState } from '../state/cloud-state.ts'
import {
  type AlpnPolicy,
  type Listener,
  NETWORK_LOAD_BALANCERS,
  type NetworkLoadBalancer,
  NLB_LISTENERS,
  portsOf,
  SERVER_GROUPS,
  type ServerGroup,
  serverKey,
  type TlsListenerSettings,
  type ZoneMapping,
} from './model.ts'
import { admittedClients } from './security-rules.ts'
import { publicAddressOf } from './zone-mappings.ts'

type Reader = Pick<CloudState, 'get' | 'list'>

/**
 * What the data plane shall carry for all Network Load Balancers: each running listener at the private address of each
 * zone, and at the public one there.
 */
export function compileNlbPlan(state: Reader): ListenerPlan[] {
  return state.list(NLB_LISTENERS).flatMap((listener) => {
    const loadBalancer = state.get(NETWORK_LOAD_BALANCERS, listener.loadBalancerId)
    const group = state.get(SERVER_GROUPS, listener.serverGroupId)
    if (loadBalancer === undefined || group === undefined || listener.status !== 'Running') return []
    return loadBalancer.zones.flatMap((zone) => {
      const backends = backendsOf(group, loadBalancer.crossZoneEnabled ? undefined : zone.zoneId)
      const common = { ...compileListener(state, listener, group), backends }
      return addressesOf(state, zone).map((address) => {
        const acl = aclOf(state, { loadBalancer, listener, address })
        return { ...common, ...(acl === undefined ? {} : { acl }), key: planKey(listener, address), address }
      })
    })
  })
}

/** Keys of a listener in the plan, one for each address: `nlb-…/tcp/80@192.168.0.5`. */
export function planKeys(state: Reader, loadBalancer: NetworkLoadBalancer, listener: Listener): string[] {
  return loadBalancer.zones.flatMap((zone) => addressesOf(state, zone)).map((address) => planKey(listener, address))
}

function planKey(listener: Listener, address: string): string {
  const { first, last } = portsOf(listener)
  const ports = first === last ? String(first) : `${first}_${last}`
  return `${listener.loadBalancerId}/${listener.protocol === 'UDP' ? 'udp' : 'tcp'}/${ports}@${address}`
}

function addressesOf(state: Reader, zone: ZoneMapping): string[] {
  const eip = publicAddressOf(state, zone)
  const ipv6 = zone.ipv6Address === undefined ? [] : [zone.ipv6Address]
  return [zone.privateAddress, ...(eip === undefined ? [] : [eip.address]), ...ipv6]
}

/** Who may come: whom security groups admit, and by IPv6 the internet only where it is let in. */
function aclOf(
  state: Reader,
  { loadBalancer, listener, address }: { loadBalancer: NetworkLoadBalancer; listener: Listener; address: string },
): ListenerPlan['acl'] {
  const isClosed = addressFamily(address) === 6 && loadBalancer.ipv6AddressType !== 'Internet'
  const closedTo = isClosed ? INTERNET_CIDRS : []
  const cidrs = admittedClients(state, loadBalancer, listener, closedTo)
  if (cidrs !== undefined) return { type: 'white', cidrs }
  return isClosed ? { type: 'black', cidrs: closedTo } : undefined
}

const PROTOCOLS = { TCP: 'tcp', UDP: 'udp', TCPSSL: 'tcpssl' } as const
const SCHEDULERS = { Wrr: 'wrr', Wlc: 'wlc', rr: 'rr', sch: 'sch', tch: 'tch', qch: 'qch' } as const
/** What is offered, the preferred one first. */
const ALPN: Readonly<Record<AlpnPolicy, readonly string[]>> = {
  HTTP1Only: ['http/1.1', 'http/1.0'],
  HTTP2Only: ['h2'],
  HTTP2Optional: ['http/1.1', 'http/1.0', 'h2'],
  HTTP2Preferred: ['h2', 'http/1.1', 'http/1.0'],
}
/** What the plan's words for layer 7 say of plain TCP in TLS: nothing. */
const NO_LAYER7: Layer7Settings = {
  stickySession: { type: 'off' },
  idleTimeout: 60,
  requestTimeout: 60,
  gzip: false,
  forwardedFor: { proto: false, slbPort: false, slbIp: false, slbId: false, clientSrcPort: false },
}

function compileListener(
  state: Reader,
  listener: Listener,
  group: ServerGroup,
): Omit<ListenerPlan, 'key' | 'address' | 'backends' | 'acl'> {
  const { connectionDrainEnabled, connectionDrainTimeout } = group
  return {
    port: portsOf(listener).first,
    ...(listener.range === undefined ? {} : { lastPort: listener.range.last }),
    protocol: PROTOCOLS[listener.protocol],
    scheduler: SCHEDULERS[group.scheduler],
    healthCheck: group.healthCheck,
    ...(group.preserveClientIp ? {} : { hidesClient: true }),
    layer4: {
      persistenceTimeout: 0,
      establishedTimeout: listener.idleTimeout,
      ...(connectionDrainEnabled ? { connectionDrainTimeout } : {}),
      proxyProtocolV2: listener.proxyProtocol,
    },
    ...(listener.tls === undefined ? {} : { layer7: tlsPlan(state, listener.tls) }),
  }
}

/** @param zoneId Only of this zone, and of no known zone. */
function backendsOf({ servers }: ServerGroup, zoneId: string | undefined): ListenerPlan['backends'] {
  return servers
    .filter((server) => zoneId === undefined || server.zoneId === undefined || server.zoneId === zoneId)
    .map((server) => ({
      key: serverKey(server),
      address: server.serverIp,
      port: server.port,
      weight: server.weight,
    }))
}

function tlsPlan(state: Reader, tls: TlsListenerSettings): NonNullable<ListenerPlan['layer7']> {
  const { certificateId, securityPolicyId, additionalCertificateIds, alpnPolicy } = tls
  const settings: NonNullable<ListenerPlan['layer7']> = {
    ...NO_LAYER7,
    ...(alpnPolicy === undefined ? {} : { alpn: ALPN[alpnPolicy] }),
    tls: { certificateId, http2: false, cipherPolicy: securityPolicyId, domainExtensions: [] },
  }
  const standard = keyedCertificate(state, certificateId)
  if (standard === undefined) return settings
  const byDomain = additionalCertificateIds.flatMap((id) => {
    const keyed = keyedCertificate(state, id)
    return keyed === undefined ? [] : namesOf(state, id).map((name) => [name, keyed] as const)
  })
  const certificates: ListenerCertificates = { default: standard, byDomain: new Map(byDomain) }
  return { ...settings, certificates }
}

/** The names that a certificate is for: its alternative ones, else the common name. */
function namesOf(state: Reader, id: string): readonly string[] {
  const document = state.get(SERVER_CERTIFICATES, id)
  if (document === undefined) return []
  return document.alternativeNames.length > 0 ? document.alternativeNames : [document.commonName]
}
