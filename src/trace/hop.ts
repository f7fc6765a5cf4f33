/** The words in which a path is told: what happens to the first packet of a connection, hop by hop, and how it ends. */
import type { CauseOf, ObjectRef, ServiceCauseCode } from '../controllers/service-diagnosis/cause.ts'
import type { Protocol } from '../kube/types/meta.ts'
import type { Client } from '../proxy/explain.ts'
import type { Balancing } from '../proxy/service-plan.ts'

/** Where a packet can be. */
export type Place =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string; readonly node: string }
  | { readonly kind: 'node'; readonly name: string }
  | { readonly kind: 'vpc' }
  | { readonly kind: 'control-plane' }
  | { readonly kind: 'internet' }

/** Both ends of a connection as one packet has them. The client's port is its own and not told. */
export interface Flow {
  readonly protocol: Protocol
  readonly source: string
  readonly destination: string
  readonly port: number
}

/** One step of a packet. */
export type Hop =
  | { readonly kind: 'origin'; readonly place: Place; readonly flow: Flow }
  /** A Service's element in the proxy's tables of a node. */
  | {
      readonly kind: 'lookup'
      readonly place: Place
      readonly table: string
      readonly map: string
      /** As `nft list map` prints its key. */
      readonly element: string
      readonly object: ObjectRef
      readonly frontend: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalIP'
      readonly port: string
      readonly policy: 'Cluster' | 'Local'
      readonly client: Client
      /** Chains that the packet passes after it was found. */
      readonly chains: readonly string[]
    }
  /** One of the proxy's rules that ends a packet that no Service takes. */
  | {
      readonly kind: 'rule'
      readonly place: Place
      readonly table: string
      readonly chain: string
      readonly rule: string
      readonly verdict: 'reject' | 'drop'
      readonly object?: ObjectRef
    }
  | {
      readonly kind: 'translate'
      readonly place: Place
      readonly what: 'source' | 'destination'
      readonly before: Flow
      readonly after: Flow
      /** Table and chain. */
      readonly by: string
      readonly why: string
    }
  | { readonly kind: 'route'; readonly place: Place; readonly to: string; readonly device: string }
  | {
      readonly kind: 'tunnel'
      readonly device: string
      readonly vni: number
      readonly from: Place
      readonly to: Place
      /** Addresses of the outer packet. */
      readonly outer: { readonly source: string; readonly destination: string; readonly port: number }
    }
  /** A listener of a load balancer, which sends on to one of its backends. */
  | {
      readonly kind: 'balance'
      readonly place: Place
      readonly object: ObjectRef
      /** `203.0.113.20:80/tcp` */
      readonly listener: string
      readonly scheduler: string
      readonly carrier: 'kernel' | 'haproxy'
      /** `lb-…` or `nlb-…`, where the cloud was asked. */
      readonly loadBalancer?: string
      /** Backends that get no new connections, and why. */
      readonly idle?: readonly { readonly endpoint: string; readonly why: 'weight 0' | 'unhealthy' }[]
    }
  /** HAProxy takes the connection: what is sent on is another one, of its own. */
  | {
      readonly kind: 'proxy'
      readonly place: Place
      /** What it does: sends on, answers itself, closes. */
      readonly does: string
      /** Headers that a backend sees, as `X-Forwarded-For: 198.51.100.2`. */
      readonly headers: readonly string[]
    }
  | { readonly kind: 'arrive'; readonly place: Place; readonly flow: Flow; readonly object?: ObjectRef }

/** Why a connection fails: one sentence, whose doing, and what to change. */
export type Cause = CauseOf<CauseCode>

export type CauseCode =
  | ServiceCauseCode
  | 'not-listening'
  | 'no-local-endpoints'
  | 'source-ranges'
  | 'port-missing'
  | 'protocol-mismatch'
  | 'cluster-ip-of-nobody'
  | 'inside-address-from-internet'
  | 'no-public-address'
  | 'external-name-outside'
  | 'headless-no-endpoints'
  | 'wrong-namespace'
  | 'name-outside'
  | 'name-server'
  | 'no-cluster-dns'
  | 'nobody-there'
  | 'no-route'
  | 'no-way-back'
  | 'own-load-balancer'
  | 'access-list'
  | 'security-group'
  | 'no-backend'
  | 'no-listener'
  | 'not-carried'
  | 'routing-loop'

/** How the way of a packet ends, as its sender sees it. */
export type End =
  | { readonly kind: 'delivered'; readonly place: Place; readonly flow: Flow; readonly back: readonly BackHop[] }
  /** Told at once: reset, or port unreachable. */
  | { readonly kind: 'refused'; readonly cause: Cause }
  /** Silence: the sender waits for its time-out. */
  | { readonly kind: 'dropped'; readonly cause: Cause }
  /** Told by a router that there is no way. */
  | { readonly kind: 'unreachable'; readonly cause: Cause }

/** A step of the answer. */
export type BackHop =
  | { readonly kind: 'answer'; readonly place: Place; readonly flow: Flow }
  | { readonly kind: 'tunnel'; readonly from: Place; readonly to: Place; readonly device: string }
  /** What was changed on the way there is put back by the connection's entry (conntrack) at the same place. */
  | { readonly kind: 'restore'; readonly place: Place; readonly what: 'source' | 'destination'; readonly to: string }

export interface Branch {
  /** Share of new connections, 0..1. */
  readonly share: number
  readonly endpoint: string
  readonly object?: ObjectRef
  readonly path: Path
}

/** Hops, then an end, or a choice among endpoints each with a way of its own. */
export interface Path {
  readonly hops: readonly Hop[]
  readonly next:
    | End
    | {
        readonly kind: 'choice'
        readonly how: Balancing | 'load balancer' | 'addresses of the name'
        /** Seconds that a client stays with its endpoint. */
        readonly affinitySeconds?: number
        readonly because?: string
        readonly branches: readonly Branch[]
      }
}

/** One way through all choices. */
export interface Route {
  readonly share: number
  readonly endpoint: string | undefined
  readonly hops: readonly Hop[]
  readonly end: End
}

/** All ways through a path. */
export function routesOf(path: Path): Route[] {
  const { hops, next } = path
  if (next.kind !== 'choice') return [{ share: 1, endpoint: undefined, hops, end: next }]
  return next.branches.flatMap(({ share, endpoint, path: rest }) =>
    routesOf(rest).map((route) => ({
      share: share * route.share,
      endpoint: route.endpoint ?? endpoint,
      hops: [...hops, ...route.hops],
      end: route.end,
    })),
  )
}

/** The ways of the sender's own connection, which ends where a proxy takes it. */
export function ownRoutesOf(path: Path): Route[] {
  return routesOf(path).map((route) => {
    const taken = route.hops.findIndex(({ kind }) => kind === 'proxy')
    const first = route.hops.find((hop) => hop.kind === 'origin')
    const proxy = route.hops[taken]
    if (proxy?.kind !== 'proxy' || first?.kind !== 'origin') return route
    const end: End = { kind: 'delivered', place: proxy.place, flow: first.flow, back: [] }
    return { ...route, hops: route.hops.slice(0, taken + 1), end }
  })
}

/** The same as a person says it: `pod default/web-1 on node-1`. */
export function placeText(place: Place): string {
  switch (place.kind) {
    case 'pod':
      return `pod ${place.namespace}/${place.name} on ${place.node}`
    case 'node':
      return place.name
    case 'vpc':
      return 'the VPC'
    case 'control-plane':
      return 'the control plane'
    case 'internet':
      return 'the internet'
    default:
      return place satisfies never
  }
}
