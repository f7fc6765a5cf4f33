import { cidrContains, parseCidr, requireAddress } from '../../base/ip.ts'
import { arrange } from '../../proxy/arrange.ts'
import { carrierOf } from './carrier.ts'
import type { BackendHealth, BackendPlan, DataPlane, DataPlaneReport, ListenerPlan, LoadBalancerPlan } from './plan.ts'

/** Where a connection of the fake goes. */
export type FakeOutcome =
  | { readonly kind: 'connected'; readonly backend: BackendPlan }
  /** Nobody listens there, or no backend serves. */
  | { readonly kind: 'refused' }
  /** The access list lets nobody know that anybody is there. */
  | { readonly kind: 'dropped' }

interface ListenerState {
  slots: readonly string[]
  next: number
  connections: bigint
  readonly clients: Map<string, string>
}

/**
 * A data plane without a kernel, for tests of what stands above: it takes the same plans, and says where a connection
 * would go. Health is what the test says. Time does not pass: a client that persists does so for ever.
 */
export class FakeDataPlane implements DataPlane {
  #plan: LoadBalancerPlan = { listeners: [] }
  #states = new Map<string, ListenerState>()
  readonly #health = new Map<string, BackendHealth>()
  /** How many plans were applied. */
  applied = 0

  async apply(plan: LoadBalancerPlan): Promise<void> {
    this.#plan = plan
    this.applied += 1
    const states = plan.listeners.map((listener) => [listener.key, this.#stateOf(listener)] as const)
    this.#states = new Map(states)
    this.#arrange()
  }

  async report(): Promise<DataPlaneReport> {
    const { listeners } = this.#plan
    return {
      health: new Map(
        listeners.flatMap((listener) => listener.backends.map(({ key }) => this.#healthOf(listener, key))),
      ),
      traffic: new Map(
        listeners.map(({ key }) => {
          const newConnections = this.#states.get(key)?.connections ?? 0n
          return [key, { newConnections, activeConnections: 0n, inBytes: 0n, outBytes: 0n }]
        }),
      ),
      problems: new Map(
        listeners.flatMap((listener) => {
          const carrier = carrierOf(listener)
          return carrier.kind === 'none' ? [[listener.key, carrier.reason] as const] : []
        }),
      ),
    }
  }

  /** Says what the health checks of a backend find, by the listener's key and its own. */
  setHealth(listenerKey: string, backendKey: string, health: BackendHealth): void {
    this.#health.set(`${listenerKey} ${backendKey}`, health)
    this.#arrange()
  }

  /** A new connection from `client`, an address, to an address and port. */
  connect(client: string, address: string, port: number): FakeOutcome {
    const listener = this.#plan.listeners.find(
      (one) => one.address === address && port >= one.port && port <= (one.lastPort ?? one.port),
    )
    const state = listener === undefined ? undefined : this.#states.get(listener.key)
    if (listener === undefined || state === undefined || carrierOf(listener).kind === 'none') return { kind: 'refused' }
    state.connections += 1n
    if (!admits(listener, client)) return { kind: 'dropped' }
    const persists = (listener.layer4?.persistenceTimeout ?? 0) > 0
    const bound = persists ? state.clients.get(client) : undefined
    const key = bound !== undefined && state.slots.includes(bound) ? bound : state.slots[this.#slot(listener, client)]
    const backend = listener.backends.find((one) => one.key === key)
    if (backend === undefined) return { kind: 'refused' }
    state.clients.set(client, backend.key)
    return { kind: 'connected', backend }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #stateOf({ key }: ListenerPlan): ListenerState {
    return this.#states.get(key) ?? { slots: [], next: 0, connections: 0n, clients: new Map() }
  }

  #healthOf(listener: ListenerPlan, backendKey: string): readonly [string, BackendHealth] {
    const key = `${listener.key} ${backendKey}`
    return [key, listener.healthCheck.type === 'off' ? 'unavailable' : (this.#health.get(key) ?? 'unavailable')]
  }

  #arrange(): void {
    for (const listener of this.#plan.listeners) {
      const state = this.#states.get(listener.key)
      if (state === undefined) continue
      const serving = listener.backends.filter(
        ({ key, weight }) => weight > 0 && this.#healthOf(listener, key)[1] !== 'abnormal',
      )
      const weighted = serving.map(({ key, weight }) => ({ key, weight: listener.scheduler === 'rr' ? 1 : weight }))
      const balancing = isHash(listener) ? 'maglev' : 'round-robin'
      state.slots = arrange(weighted, { balancing, former: state.slots }).slots
    }
  }

  #slot(listener: ListenerPlan, client: string): number {
    const state = this.#stateOf(listener)
    if (state.slots.length === 0) return 0
    if (isHash(listener)) {
      const hash = requireAddress(client).reduce((sum, byte) => (sum * 31 + byte) >>> 0, 0)
      return hash % state.slots.length
    }
    const slot = state.next % state.slots.length
    state.next += 1
    return slot
  }
}

function isHash({ scheduler }: ListenerPlan): boolean {
  return scheduler === 'sch' || scheduler === 'tch' || scheduler === 'qch'
}

function admits({ acl }: ListenerPlan, client: string): boolean {
  if (acl === undefined) return true
  const address = requireAddress(client)
  const listed = acl.cidrs.some((text) => {
    const cidr = parseCidr(text)
    return cidr !== undefined && cidrContains(cidr, address)
  })
  return listed === (acl.type === 'white')
}
