import type { HealthCheck, TlsCipherPolicy } from '../slb/model.ts'
import { collection } from '../state/collection.ts'
import type { Tag } from '../vpc/model.ts'

/** A Network Load Balancer instance; names and words as the API of NLB 2022-04-30 has them. */
export interface NetworkLoadBalancer {
  /** `nlb-…` */
  readonly id: string
  readonly name: string
  readonly addressType: 'Internet' | 'Intranet'
  /** Of DualStack instances: who may come by IPv6. */
  readonly ipv6AddressType?: 'Internet' | 'Intranet'
  readonly vpcId: string
  readonly zones: readonly ZoneMapping[]
  readonly securityGroupIds: readonly string[]
  readonly bandwidthPackageId?: string
  /** Off: each zone's address leads to the servers of that zone only. */
  readonly crossZoneEnabled: boolean
  readonly deletionProtection: Protection
  /** Against changes in the console; those by the API always go through. */
  readonly modificationProtection: Protection
  readonly resourceGroupId: string
  readonly tags: readonly Tag[]
  readonly createdAt: number
}

export interface Protection {
  readonly enabled: boolean
  readonly reason?: string
  /** Milliseconds since the epoch. */
  readonly since?: number
}

/** Where an instance is in a zone. Its public address there is the EIP that is bound to the private one. */
export interface ZoneMapping {
  readonly zoneId: string
  readonly vSwitchId: string
  readonly privateAddress: string
  /** Of DualStack instances. */
  readonly ipv6Address?: string
  /** An EIP that was allocated for this zone, and goes with it. */
  readonly ownAllocationId?: string
}

export type Protocol = 'TCP' | 'UDP' | 'TCPSSL'

export interface Listener {
  /** `lsn-…@80` */
  readonly id: string
  readonly loadBalancerId: string
  readonly protocol: Protocol
  /** 0 for a range. */
  readonly port: number
  /** Of a listener for many ports: clients reach servers at the port that they called. */
  readonly range?: PortRange
  readonly status: 'Running' | 'Stopped'
  readonly description: string
  readonly serverGroupId: string
  /** Seconds. */
  readonly idleTimeout: number
  readonly proxyProtocol: boolean
  /** New connections per second and zone; 0 is no limit. Kept, not enforced. */
  readonly cps: number
  /** Bytes; 0 leaves it as it is. Kept, not enforced. */
  readonly mss: number
  /** TCPSSL. */
  readonly tls?: TlsListenerSettings
  readonly tags: readonly Tag[]
  readonly createdAt: number
}

/** Both ends belong to it. */
export interface PortRange {
  readonly first: number
  readonly last: number
}

/** The ports that a listener has. */
export function portsOf({ port, range }: Pick<Listener, 'port' | 'range'>): PortRange {
  return range ?? { first: port, last: port }
}

export interface TlsListenerSettings {
  readonly certificateId: string
  readonly securityPolicyId: TlsCipherPolicy
  /** Which protocols are offered by ALPN; off when not given. */
  readonly alpnPolicy?: AlpnPolicy
  /** Certificates for other names that clients ask for (SNI). */
  readonly additionalCertificateIds: readonly string[]
}

export type AlpnPolicy = 'HTTP1Only' | 'HTTP2Only' | 'HTTP2Optional' | 'HTTP2Preferred'

export type GroupProtocol = 'TCP' | 'UDP' | 'TCP_UDP'
export type Scheduler = 'Wrr' | 'Wlc' | 'rr' | 'sch' | 'tch' | 'qch'

/** Servers for listeners of any instance of a VPC. */
export interface ServerGroup {
  /** `sgp-…` */
  readonly id: string
  readonly name: string
  readonly type: 'Instance' | 'Ip'
  readonly vpcId: string
  readonly protocol: GroupProtocol
  readonly scheduler: Scheduler
  readonly healthCheck: HealthCheck
  readonly connectionDrainEnabled: boolean
  /** Seconds. */
  readonly connectionDrainTimeout: number
  readonly preserveClientIp: boolean
  /** For listeners of many ports: servers have no port of their own. */
  readonly anyPort?: boolean
  readonly resourceGroupId: string
  readonly tags: readonly Tag[]
  readonly servers: readonly Server[]
  readonly createdAt: number
}

export interface Server {
  readonly type: 'Ecs' | 'Eni' | 'Ip'
  /** `i-…`, `eni-…`, or the address itself. */
  readonly serverId: string
  /** What traffic goes to. */
  readonly serverIp: string
  /** 0 in a group for any port. */
  readonly port: number
  /** 0 to 100; 0 gets no new connections. */
  readonly weight: number
  readonly description: string
  /** `undefined` for an address of no vSwitch: it counts for every zone. */
  readonly zoneId?: string
}

/** Something that was asked for, keyed by its id, so that a caller can wait until packets follow. */
export interface Job {
  readonly id: string
  readonly createdAt: number
}

export const NETWORK_LOAD_BALANCERS = collection<NetworkLoadBalancer>('nlb.load-balancers')
export const NLB_LISTENERS = collection<Listener>('nlb.listeners')
export const SERVER_GROUPS = collection<ServerGroup>('nlb.server-groups')
export const JOBS = collection<Job>('nlb.jobs')

export const DEFAULT_RESOURCE_GROUP = 'rg-acfmxazb4ph6aiy'

/** Two entries of one server with one port are one server. */
export function serverKey({ type, serverId, serverIp, port }: Pick<Server, 'type' | 'serverId' | 'serverIp' | 'port'>) {
  return type === 'Eni' ? `${serverId}:${serverIp}:${port}` : `${serverId}:${port}`
}

/** Ids of a listener's certificates, the standard one first. */
export function certificatesOf({ tls }: Listener): string[] {
  return tls === undefined ? [] : [tls.certificateId, ...tls.additionalCertificateIds]
}
