import type { HealthCheck, Layer4Settings, Layer7Settings, Scheduler } from '../slb/model.ts'

/**
 * What the data plane shall do, as plain data: one entry per listener that runs, whichever product it belongs to. The
 * products compile their documents to it; the data plane knows nothing of them.
 */
export interface LoadBalancerPlan {
  readonly listeners: readonly ListenerPlan[]
}

export interface ListenerPlan {
  /** Unique and stable: `lb-…/tcp/80`. What its elements, processes and counters carry. */
  readonly key: string
  /** Where clients come: the address in canonical text, and the port. */
  readonly address: string
  readonly port: number
  /** Of a listener for many ports the last one: clients reach backends at the port that they called. */
  readonly lastPort?: number
  readonly protocol: 'tcp' | 'udp' | 'http' | 'https' | 'tcpssl'
  readonly scheduler: Scheduler
  readonly backends: readonly BackendPlan[]
  readonly healthCheck: HealthCheck
  /** TCP: backends see the load balancer, not the client. */
  readonly hidesClient?: boolean
  readonly acl?: { readonly type: 'white' | 'black'; readonly cidrs: readonly string[] }
  readonly layer4?: Layer4Settings
  readonly layer7?: Layer7Settings & {
    readonly certificates?: ListenerCertificates
    /** Protocols that a tcpssl listener offers by ALPN, the preferred one first. */
    readonly alpn?: readonly string[]
  }
}

export interface BackendPlan {
  /** Unique in its listener: `i-…:30080`, `eni-…:10.0.0.7:8080`. */
  readonly key: string
  /** Where it is reached inside the VPC. */
  readonly address: string
  /** 0 where it is the one that the client called. */
  readonly port: number
  /** 0 to 100. */
  readonly weight: number
}

/** PEM of the certificate and its key, the default one and those by name. */
export interface ListenerCertificates {
  readonly default: KeyedCertificate
  readonly byDomain: ReadonlyMap<string, KeyedCertificate>
}

export interface KeyedCertificate {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** What a health check found, as `DescribeHealthStatus` words it. */
export type BackendHealth = 'normal' | 'abnormal' | 'unavailable'

/** What a data plane tells: for the API, metrics, bills and explanations. */
export interface DataPlaneReport {
  /** Health by `<listener key> <backend key>`. */
  readonly health: ReadonlyMap<string, BackendHealth>
  /** Since the start of the instance, by listener key. */
  readonly traffic: ReadonlyMap<string, ListenerTraffic>
  /** Why a listener is not carried, by its key: one sentence each. */
  readonly problems: ReadonlyMap<string, string>
}

export interface ListenerTraffic {
  readonly newConnections: bigint
  readonly activeConnections: bigint
  readonly inBytes: bigint
  readonly outBytes: bigint
  /** Layer 7. */
  readonly requests?: bigint
}

/** Carries traffic by a plan. One real and one fake implementation; one suite holds both to this. */
export interface DataPlane extends AsyncDisposable {
  /** Makes what runs equal to the plan; connections of what stays are not touched. Resolves when new ones follow it. */
  apply(plan: LoadBalancerPlan): Promise<void>
  report(): Promise<DataPlaneReport>
}
