import { collection } from '../state/collection.ts'
import type { Tag } from '../vpc/model.ts'

/** A Classic Load Balancer instance; names and words as the API of SLB 2014-05-15 has them. */
export interface LoadBalancer {
  /** `lb-…` */
  readonly id: string
  readonly name: string
  readonly address: string
  readonly addressType: 'internet' | 'intranet'
  readonly addressIpVersion: 'ipv4' | 'ipv6'
  readonly networkType: 'classic' | 'vpc'
  readonly vpcId: string
  readonly vSwitchId?: string
  readonly masterZoneId: string
  readonly slaveZoneId: string
  readonly status: 'active' | 'inactive' | 'locked'
  readonly instanceChargeType: 'PayBySpec' | 'PayByCLCU'
  readonly spec?: string
  readonly internetChargeType: 'paybytraffic' | 'paybybandwidth'
  /** Mbps; -1 is no limit. */
  readonly bandwidth: number
  readonly deleteProtection: boolean
  readonly modificationProtection: { readonly status: 'ConsoleProtection' | 'NonProtection'; readonly reason?: string }
  readonly resourceGroupId: string
  readonly tags: readonly Tag[]
  readonly createdAt: number
}

export type ListenerProtocol = 'tcp' | 'udp' | 'http' | 'https'

/** A listener, keyed `<load balancer>/<protocol>/<port>`. TCP and UDP may share a port; HTTP and HTTPS count as TCP. */
export interface Listener {
  readonly loadBalancerId: string
  readonly port: number
  readonly protocol: ListenerProtocol
  readonly status: 'stopped' | 'running'
  readonly description: string
  readonly vServerGroupId?: string
  /** Where backends listen when the listener has no group of its own. */
  readonly backendServerPort?: number
  readonly bandwidth: number
  readonly scheduler: Scheduler
  readonly acl?: { readonly type: 'white' | 'black'; readonly ids: readonly string[] }
  readonly healthCheck: HealthCheck
  /** TCP and UDP. */
  readonly layer4?: Layer4Settings
  /** HTTP and HTTPS. */
  readonly layer7?: Layer7Settings
  readonly createdAt: number
}

export type Scheduler = 'wrr' | 'rr' | 'wlc' | 'sch' | 'tch' | 'qch'

export interface Layer4Settings {
  /** Seconds a client address keeps its backend; 0 is off. */
  readonly persistenceTimeout: number
  /** Seconds an idle connection is kept. */
  readonly establishedTimeout: number
  /** Seconds that connections to a removed or unhealthy backend go on; `undefined` is off: they are not cut at all. */
  readonly connectionDrainTimeout?: number
  readonly proxyProtocolV2: boolean
}

export interface Layer7Settings {
  readonly stickySession: StickySession
  /** Seconds. */
  readonly idleTimeout: number
  /** Seconds until a backend must have answered, else 504. */
  readonly requestTimeout: number
  readonly gzip: boolean
  readonly forwardedFor: {
    readonly proto: boolean
    readonly slbPort: boolean
    readonly slbIp: boolean
    readonly slbId: boolean
    readonly clientSrcPort: boolean
  }
  /** HTTP: requests are redirected to this HTTPS port of the same address. */
  readonly forwardPort?: number
  /** HTTPS. */
  readonly tls?: TlsSettings
}

export type StickySession =
  | { readonly type: 'off' }
  /** The load balancer sets the cookie SERVERID. */
  | { readonly type: 'insert'; readonly timeout: number }
  /** The load balancer rewrites the backend's own cookie. */
  | { readonly type: 'server'; readonly cookie: string }

export interface TlsSettings {
  readonly certificateId: string
  readonly http2: boolean
  readonly cipherPolicy: TlsCipherPolicy
  /** Other certificates, by the domain that a client names (SNI). */
  readonly domainExtensions: readonly DomainExtension[]
}

export type TlsCipherPolicy =
  | 'tls_cipher_policy_1_0'
  | 'tls_cipher_policy_1_1'
  | 'tls_cipher_policy_1_2'
  | 'tls_cipher_policy_1_2_strict'
  | 'tls_cipher_policy_1_2_strict_with_1_3'

export interface DomainExtension {
  readonly id: string
  readonly domain: string
  readonly certificateId: string
}

/** How backends are probed. Times in seconds; a timeout below the interval counts as the interval. */
export type HealthCheck =
  | { readonly type: 'off' }
  | {
      readonly type: 'tcp' | 'http' | 'udp'
      /** The backend's own port when not given. */
      readonly connectPort?: number
      readonly interval: number
      readonly timeout: number
      readonly healthyThreshold: number
      readonly unhealthyThreshold: number
      readonly http?: HttpHealthCheck
      /** What is sent and expected over UDP. */
      readonly udp?: { readonly request: string; readonly expected: string }
    }

export interface HttpHealthCheck {
  readonly method: 'head' | 'get'
  readonly uri: string
  /** @default '1.0' */
  readonly version?: '1.0' | '1.1'
  /** The Host header; the backend's address when not given. */
  readonly domain?: string
  /** `http_2xx`, … */
  readonly codes: readonly string[]
}

/** A group of backends for one listener or more. */
export interface VServerGroup {
  /** `rsp-…` */
  readonly id: string
  readonly name: string
  readonly loadBalancerId: string
  readonly backends: readonly Backend[]
  readonly createdAt: number
}

/** A server behind a load balancer: a node's instance (`ecs`), or a pod's address on an interface (`eni`). */
export interface Backend {
  readonly type: 'ecs' | 'eni'
  /** `i-…` or `eni-…` */
  readonly serverId: string
  /** Always there for `eni`. */
  readonly serverIp?: string
  readonly port: number
  /** 0 to 100; 0 gets no new connections. */
  readonly weight: number
  readonly description: string
}

export interface AccessControlList {
  /** `acl-…` */
  readonly id: string
  readonly name: string
  readonly ipVersion: 'ipv4' | 'ipv6'
  readonly entries: readonly { readonly cidr: string; readonly comment: string }[]
  readonly tags: readonly Tag[]
  readonly createdAt: number
}

export interface ServerCertificate {
  /** `<account>_<digits>_…` */
  readonly id: string
  readonly name: string
  /** PEM, the server's certificate first. */
  readonly certificatePem: string
  readonly privateKeyPem: string
  readonly commonName: string
  readonly alternativeNames: readonly string[]
  readonly fingerprint: string
  readonly expiresAt: number
  readonly createdAt: number
}

export const LOAD_BALANCERS = collection<LoadBalancer>('slb.load-balancers')
export const LISTENERS = collection<Listener>('slb.listeners')
export const VSERVER_GROUPS = collection<VServerGroup>('slb.vserver-groups')
export const ACCESS_CONTROL_LISTS = collection<AccessControlList>('slb.access-control-lists')
export const SERVER_CERTIFICATES = collection<ServerCertificate>('slb.server-certificates')

/** Key of a listener. HTTP and HTTPS listen on a TCP port, which nobody else may then have. */
export function listenerKey(loadBalancerId: string, protocol: ListenerProtocol, port: number): string {
  return `${loadBalancerId}/${protocol === 'udp' ? 'udp' : 'tcp'}/${port}`
}
