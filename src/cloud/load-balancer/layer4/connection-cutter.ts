import type { Clock } from '../../../base/clock.ts'
import type { ConntrackEntry, ConntrackSocket } from '../../../linux/conntrack.ts'
import { backendData, textOf } from '../../../proxy/encoding.ts'
import { FAMILIES } from './layout.ts'

/** Connection table as far as it is used here. */
export type Connections = Pick<ConntrackSocket, 'list' | 'delete'>

export const PROTOCOL_NUMBERS = { tcp: 6, udp: 17 } as const

/** What to do with connections to a listener whose backend does not serve any more. */
export interface CutPolicy {
  readonly protocol: 'tcp' | 'udp'
  /** Of a listener for many ports the last one; its backends have port 0. */
  readonly lastPort?: number
  /** `addr . port` of backends whose connections go on. */
  readonly serving: ReadonlySet<string>
  /** `addr . port` of backends that get no new connections by their weight alone. */
  readonly resting: ReadonlySet<string>
  /** Seconds until connections to others are cut; undefined: TCP goes on, UDP goes elsewhere at once. */
  readonly drainTimeout: number | undefined
}

/** When a connection shall be cut: now, after so many seconds, or never. Pure. */
export function cutAfter(policy: CutPolicy | undefined, destination: string): number | undefined {
  // The listener is gone.
  if (policy === undefined) return 0
  if (policy.serving.has(destination)) return undefined
  if (policy.drainTimeout !== undefined) return policy.drainTimeout
  return policy.protocol === 'udp' && !policy.resting.has(destination) ? 0 : undefined
}

/** Cuts connections that may not go on, by making the kernel forget them. */
export class ConnectionCutter implements Disposable {
  readonly #connections: Connections
  readonly #clock: Clock
  #policies: ReadonlyMap<string, CutPolicy> = new Map()
  #resolver: FrontendResolver = frontendResolver([])
  /** Pending cuts, by frontend and destination. */
  readonly #timers = new Map<string, () => void>()

  constructor(connections: Connections, clock: Clock) {
    this.#connections = connections
    this.#clock = clock
  }

  /**
   * Takes what holds from now on.
   *
   * @param policies By frontend, as `daddr . l4proto . dport`.
   * @param gone Frontends that there were before and are no more.
   */
  follow(policies: ReadonlyMap<string, CutPolicy>, gone: ReadonlySet<string>): void {
    const before = this.#policies
    this.#policies = policies
    this.#resolver = frontendResolver([...before, ...policies])
    const changed = new Set(
      [...policies].flatMap(([frontend, policy]) => (mayCut(policy, before.get(frontend)) ? frontend : [])),
    )
    for (const frontend of gone) changed.add(frontend)
    if (changed.size === 0) return
    for (const [frontend, destination] of this.#destinations(changed)) {
      const name = frontend + destination
      const seconds = cutAfter(policies.get(frontend), destination)
      if (seconds === undefined) this.#cancel(name)
      else if (seconds === 0) this.#cut(frontend, destination)
      else if (!this.#timers.has(name)) {
        this.#timers.set(
          name,
          this.#clock.after(seconds * 1000, () => this.#expire(frontend, destination)),
        )
      }
    }
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }

  #expire(frontend: string, destination: string): void {
    this.#timers.delete(frontend + destination)
    if (cutAfter(this.#policies.get(frontend), destination) !== undefined) this.#cut(frontend, destination)
  }

  #cancel(name: string): void {
    this.#timers.get(name)?.()
    this.#timers.delete(name)
  }

  #cut(frontend: string, destination: string): void {
    for (const entry of this.#entries(new Set([frontend]))) {
      if (this.#resolver(entry).destination === destination) this.#connections.delete(entry)
    }
  }

  /** Frontends and destinations that there are connections between, each once. */
  #destinations(frontends: ReadonlySet<string>): Iterable<readonly [frontend: string, destination: string]> {
    const found = new Map<string, readonly [string, string]>()
    for (const entry of this.#entries(frontends)) {
      const { frontend, destination } = this.#resolver(entry)
      found.set(frontend + destination, [frontend, destination])
    }
    return found.values()
  }

  *#entries(frontends: ReadonlySet<string>): Generator<ConntrackEntry> {
    for (const family of FAMILIES) {
      for (const protocol of Object.values(PROTOCOL_NUMBERS)) {
        if (![...frontends].some((frontend) => isOf(frontend, family, protocol))) continue
        for (const entry of this.#connections.list(family, protocol)) {
          if (frontends.has(this.#resolver(entry).frontend)) yield entry
        }
      }
    }
  }
}

/** Whether a change of policy may concern connections that are open: to list them all takes the kernel its time. */
function mayCut(policy: CutPolicy, before: CutPolicy | undefined): boolean {
  if (!everCuts(policy) && (before === undefined || !everCuts(before))) return false
  if (before === undefined) return true
  return (
    policy.drainTimeout !== before.drainTimeout ||
    !sameSet(policy.serving, before.serving) ||
    !sameSet(policy.resting, before.resting)
  )
}

/** TCP goes on where nothing is drained. */
function everCuts({ protocol, drainTimeout }: CutPolicy): boolean {
  return protocol === 'udp' || drainTimeout !== undefined
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one))
}

function isOf(frontend: string, family: 'ip' | 'ip6', protocol: number): boolean {
  const address = family === 'ip' ? 4 : 16
  return frontend.length === address + 8 && frontend.charCodeAt(address) === protocol
}

/** Between which listener and which backend a connection is. */
export type FrontendResolver = (entry: ConntrackEntry) => { readonly frontend: string; readonly destination: string }

/** @param listeners By frontend; those of many ports say the last one. */
export function frontendResolver(
  listeners: Iterable<readonly [frontend: string, { readonly lastPort?: number }]>,
): FrontendResolver {
  /** By what frontends have before the port. */
  const ranges = new Map<string, { readonly first: number; readonly last: number; readonly frontend: string }[]>()
  for (const [frontend, { lastPort }] of listeners) {
    if (lastPort === undefined) continue
    const place = frontend.slice(0, -PORT_BYTES)
    const first = frontend.charCodeAt(frontend.length - 4) * 256 + frontend.charCodeAt(frontend.length - 3)
    ranges.set(place, [...(ranges.get(place) ?? []), { first, last: lastPort, frontend }])
  }
  return (entry) => {
    const exact = frontendOf(entry)
    const port = entry.original.destinationPort
    const range = ranges.get(exact.slice(0, -PORT_BYTES))?.find(({ first, last }) => port >= first && port <= last)
    if (range === undefined) return { frontend: exact, destination: destinationOf(entry, entry.reply.sourcePort) }
    return { frontend: range.frontend, destination: destinationOf(entry, 0) }
  }
}

const PORT_BYTES = 4

/** `daddr . l4proto . dport` of the connection's first packet. */
function frontendOf({ original }: ConntrackEntry): string {
  const rest = Buffer.alloc(8)
  rest.writeUInt8(original.protocol, 0)
  rest.writeUInt16BE(original.destinationPort, 4)
  return textOf(Buffer.concat([original.destination, rest]))
}

/** `addr . port` that the connection leads to. */
function destinationOf({ reply }: ConntrackEntry, port: number): string {
  const rest = Buffer.alloc(4)
  rest.writeUInt16BE(port, 0)
  return textOf(Buffer.concat([reply.source, rest]))
}

/** `addr . port` of a backend, as policies have it. */
export function destinationKey(backend: { readonly address: string; readonly port: number }): string {
  return backendData(backend.address, backend.port)
}
