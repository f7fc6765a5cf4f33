/**
 * The model: what each address of a Service does with a connection, and why. Pure: objects in, data out. The compiler
 * turns it into set elements; `trace`, `matrix` and the console read its reasons.
 */
import type { Protocol } from '../kube/types/meta.ts'

export type Family = 'ip' | 'ip6'
export const FAMILIES = ['ip', 'ip6'] as const satisfies readonly Family[]

/** Where a connection comes from, as seen by the node: a pod of its own, one of its own processes, anything else. */
export type ClientClass = 'pod' | 'node' | 'outside'

export interface Backend {
  /** Canonical. */
  readonly address: string
  readonly port: number
  /** Undefined when the slice does not say. */
  readonly node: string | undefined
  /** Share of new connections beside the others' shares, 1..100. @default 1 */
  readonly weight?: number
}

/** Hints that narrowed the endpoints down, named as the Service's `trafficDistribution` (KEP-3015). */
export type Topology = 'PreferSameNode' | 'PreferSameZone'

/** How an endpoint is picked: in turn, at random, or by a hash of the client's address and port. */
export type Balancing = 'round-robin' | 'random' | 'maglev'

/** Which endpoints take connections, or why none does. */
export type Backends =
  | {
      readonly kind: 'endpoints'
      /** `terminating`: no endpoint is ready, so those that finish their work go on serving (KEP-1669). */
      readonly because: 'ready' | 'terminating'
      /** Left out when endpoints of all nodes and zones take part. */
      readonly topology?: Topology
      readonly endpoints: readonly Backend[]
    }
  /** Refused at once: nobody serves, or (`--proxy-mode ipvs` only) nobody on this node. */
  | { readonly kind: 'reject'; readonly reason: 'no-endpoints' | 'no-ready-endpoints' | 'no-local-endpoints' }
  /** Silently dropped: somebody serves, but the traffic policy wants an endpoint on this node. */
  | { readonly kind: 'drop'; readonly reason: 'no-local-endpoints' }

export type TrafficPolicy = 'Cluster' | 'Local'
/** Which endpoints: all of them, or those of this node. */
export type Scope = 'cluster' | 'local'
export type FrontendSource = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalIP'

/** Whether the client's address is replaced by the node's, and why. (A connection to oneself always is: hairpin.) */
export interface Masquerade {
  readonly masquerade: boolean
  readonly why:
    | 'client is a pod of this node'
    | 'all clients of ClusterIPs are masqueraded (masqueradeAll)'
    | 'client is not a pod of this node'
    | 'pods of this node are not known by their addresses'
    | 'external traffic policy Cluster'
    | 'external traffic policy Local keeps the client address'
    | 'load-balancer addresses are bound to the node (proxy mode ipvs)'
    | 'the reply must come back through this node'
}

/** What happens to a class of clients: to which of the port's two endpoint lists, with which source address. */
export interface Treatment extends Masquerade {
  readonly scope: Scope
}

/** An address and port that a Service answers on. */
export interface Frontend {
  readonly source: FrontendSource
  /** Canonical. */
  readonly address: string
  readonly port: number
  readonly policy: TrafficPolicy
  /** The address is the node's own, in IPVS's way: ports that no Service has are refused. */
  readonly bound?: true
  readonly clients: Readonly<Record<ClientClass, Treatment>>
  /**
   * Ranges of clients that may come (`loadBalancerSourceRanges`); others are dropped, pods and nodes too. Left out when
   * everybody may.
   */
  readonly sources?: readonly string[]
}

/** One port of a Service in one family. */
export interface PortPlan {
  readonly namespace: string
  readonly service: string
  /** Empty for the only port of a Service. */
  readonly name: string
  readonly protocol: Protocol
  readonly family: Family
  /** Orders claims on one address: the older Service keeps it. */
  readonly since: string
  readonly frontends: readonly Frontend[]
  /** @default 'round-robin' */
  readonly balancing?: Balancing
  /** Seconds for which a client address stays with its endpoint after its last connection; left out for no affinity. */
  readonly affinitySeconds?: number
  readonly cluster: Backends
  /** Left out when no policy is Local. */
  readonly local?: Backends
  /** Of UDP: every endpoint that serves, taken or not. Connections to others are forgotten. */
  readonly serving?: readonly Backend[]
}

export type SkipReason = 'external-name' | 'headless' | 'another-proxy'

/** Something in the objects that cannot be programmed; the rest is. */
export interface Problem {
  readonly object: 'Service' | 'EndpointSlice'
  readonly name: string
  /** Of the Event that tells it. @default 'NotProgrammed' */
  readonly reason?: string
  readonly message: string
}

export type ServicePlan =
  | { readonly kind: 'skipped'; readonly reason: SkipReason }
  | { readonly kind: 'programmed'; readonly ports: readonly PortPlan[]; readonly problems: readonly Problem[] }

/** Identifies a port plan among all: `default/web/http/TCP/ip`. */
export function portKeyOf(plan: PortPlan): string {
  return [plan.namespace, plan.service, plan.name, plan.protocol, plan.family].join('/')
}
