/**
 * What becomes of a connection to a Service, for each address and class of clients, as plain data: for `trace`, `matrix`
 * and whoever asks why.
 */
import { arrange } from './arrange.ts'
import { backendData } from './encoding.ts'
import {
  type Backend,
  type Backends,
  type Balancing,
  type ClientClass,
  type Frontend,
  type Masquerade,
  type PortPlan,
  portKeyOf,
} from './service-plan.ts'
import { admits } from './source-ranges.ts'

/** Who asks, as seen by the node whose plan it is. */
export type Client = 'pod on this node' | 'node itself' | 'other node' | 'external'

const CLASSES = {
  'pod on this node': 'pod',
  'node itself': 'node',
  'other node': 'outside',
  external: 'outside',
} as const satisfies Record<Client, ClientClass>

export const CLIENTS = Object.keys(CLASSES) as readonly Client[]

/** An endpoint with its share of new connections. */
export interface Share {
  readonly endpoint: Backend
  /** Slots of the list that lead to it. */
  readonly slots: number
}

/** What happens to a connection, and why. */
export type Outcome =
  | {
      readonly kind: 'translated'
      readonly because: Extract<Backends, { kind: 'endpoints' }>['because']
      readonly topology?: Extract<Backends, { kind: 'endpoints' }>['topology']
      readonly balancing: Balancing
      readonly affinitySeconds?: number
      readonly slots: number
      readonly shares: readonly Share[]
      readonly masquerade: Masquerade
      /** The endpoint that calls itself sees the node, whatever `masquerade` says: the reply must come back this way. */
      readonly hairpin: true
    }
  | { readonly kind: 'reject' | 'drop'; readonly reason: string }

export interface Explanation {
  /** `default/web/http/TCP/ip` */
  readonly port: string
  readonly frontend: Frontend
  readonly client: Client
  readonly outcome: Outcome
}

/** Everything that a Service port does on this node. */
export function explain(plan: PortPlan): Explanation[] {
  return plan.frontends.flatMap((frontend) =>
    CLIENTS.map((client) => ({
      port: portKeyOf(plan),
      frontend,
      client,
      outcome: outcomeFor(plan, frontend, { client }),
    })),
  )
}

/** One client. With its address the ranges that a load balancer is open to are looked at too. */
export interface Asker {
  readonly client: Client
  readonly address?: string
}

export function outcomeFor(plan: PortPlan, frontend: Frontend, { client, address }: Asker): Outcome {
  if (address !== undefined && !admits(frontend.sources, address)) {
    return { kind: 'drop', reason: 'not-in-load-balancer-source-ranges' }
  }
  const { scope, ...masquerade } = frontend.clients[CLASSES[client]]
  const backends = scope === 'local' ? (plan.local ?? plan.cluster) : plan.cluster
  if (backends.kind !== 'endpoints') return backends
  const { balancing, slots, shares } = sharesOf(backends.endpoints, plan.balancing ?? 'round-robin')
  return {
    kind: 'translated',
    because: backends.because,
    ...(backends.topology === undefined ? {} : { topology: backends.topology }),
    balancing,
    ...(plan.affinitySeconds === undefined ? {} : { affinitySeconds: plan.affinitySeconds }),
    slots,
    shares,
    masquerade,
    hairpin: true,
  }
}

function sharesOf(endpoints: readonly Backend[], wanted: Balancing) {
  const keys = endpoints.map(({ address, port, weight = 1 }) => ({ key: backendData(address, port), weight }))
  const { balancing, slots } = arrange(keys, { balancing: wanted, former: [] })
  const counts = new Map<string, number>()
  for (const key of slots) counts.set(key, (counts.get(key) ?? 0) + 1)
  const shares = endpoints.map((endpoint, index) => ({ endpoint, slots: counts.get(keys[index]?.key ?? '') ?? 0 }))
  return { balancing, slots: slots.length, shares }
}
