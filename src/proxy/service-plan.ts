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
}

/** Which endpoints take connections, or why none does. */
export type Backends =
  | {
      readonly kind: 'endpoints'
      /** `terminating`: no endpoint is ready, so those that finish their work go on serving (KEP-1669). */
      readonly because: 'ready' | 'terminating'
      readonly endpoints: readonly Backend[]
    }
  /** Refused at once: nobody serves. */
  | { readonly kind: 'reject'; readonly reason: 'no-endpoints' | 'no-ready-endpoints' }
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
    | 'client is not a pod of this node'
    | 'pods of this node are not known by their addresses'
    | 'external traffic policy Cluster'
    | 'external traffic policy Local keeps the client address'
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
  readonly clients: Readonly<Record<ClientClass, Treatment>>
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
  readonly message: string
  /** Of the Event that tells it. @default 'NotProgrammed' */
  readonly reason?: string
}

export type ServicePlan =
  | { readonly kind: 'skipped'; readonly reason: SkipReason }
  | { readonly kind: 'programmed'; readonly ports: readonly PortPlan[]; readonly problems: readonly Problem[] }

/** Identifies a port plan among all: `default/web/http/TCP/ip`. */
export function portKeyOf(plan: PortPlan): string {
  return `${plan.namespace}/${plan.service}/${plan.name}/${plan.protocol}/${plan.family}`
}
