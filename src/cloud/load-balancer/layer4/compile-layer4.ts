/** Which elements and chains the kernel shall have for layer-4 listeners of one family. Pure. */
import { parseCidr } from '../../../base/ip.ts'
import { arrange } from '../../../proxy/arrange.ts'
import type { StoredElement } from '../../../proxy/element-map.ts'
import { backendData, bindingText, frontendKey, slotKey, textOf, wordText } from '../../../proxy/encoding.ts'
import { lastAddress } from '../../../proxy/pod-ranges.ts'
import { outermost } from '../../../proxy/source-ranges.ts'
import type { Family, Layer4Sets } from './layout.ts'
import { type Pick as ChainPick, type PickKind, pickChainName, timeoutChainName } from './pick-chains.ts'

/** A listener as the kernel carries it. */
export interface Layer4Listener {
  readonly key: string
  readonly address: string
  readonly port: number
  /** The last of its ports, where it has more than one; backends are called at the same then. */
  readonly lastPort?: number
  readonly protocol: 'tcp' | 'udp'
  readonly pick: PickKind
  /** Seconds that a client keeps its backend; 0 is off. */
  readonly persistence: number
  /** Seconds that an idle TCP connection is kept; the kernel's own time when not given. */
  readonly establishedTimeout?: number
  readonly acl?: { readonly type: 'white' | 'black'; readonly cidrs: readonly string[] }
  /** Those that get new connections, with weights of 1 and more. */
  readonly backends: readonly ServingBackend[]
}

export interface ServingBackend {
  readonly key: string
  readonly address: string
  readonly port: number
  readonly weight: number
}

/** What is kept from one compilation to the next, and read back from the kernel after a restart. */
export interface Layer4Memory {
  /** Listener's number by its frontend. */
  readonly numbers: ReadonlyMap<string, number>
  /** By listener's number: the ordinal of each backend that it has or had, by `addr . port`. */
  readonly ordinals: ReadonlyMap<number, ReadonlyMap<string, number>>
  /** By listener's number: `addr . port` in each slot. */
  readonly slots: ReadonlyMap<number, readonly string[]>
  readonly picks: ReadonlyMap<number, ChainPick>
}

export const NO_MEMORY: Layer4Memory = { numbers: new Map(), ordinals: new Map(), slots: new Map(), picks: new Map() }

export type Layer4Elements = { readonly [K in keyof Layer4Sets]: Map<string, StoredElement> }

export interface Layer4Program {
  readonly elements: Layer4Elements
  /** Chains that pick, by name. */
  readonly picks: ReadonlyMap<string, ChainPick>
  /** Idle times that some listener has. */
  readonly timeouts: ReadonlySet<number>
  readonly memory: Layer4Memory
}

/** Round-robin chains before listeners share them: the kernel looks at each of them for every slot that is added. */
export const MAX_COUNTERS = 256
const MAX_ORDINAL = 0xfff
const COMMENT_LENGTH = 120

/** @param listeners Of this family, no two with the same frontend. */
export function compileLayer4(
  family: Family,
  listeners: readonly Layer4Listener[],
  before: Layer4Memory = NO_MEMORY,
): Layer4Program {
  const numbers = numbersFor(listeners, before.numbers)
  const memory = { numbers, ordinals: new Map(), slots: new Map(), picks: new Map() } satisfies Layer4Memory
  const elements = noElements()
  const wanted = listeners.map((listener) => {
    const number = numbers.get(frontendOf(listener)) ?? 0
    return { listener, number, ...arranged(listener, before.slots.get(number) ?? []) }
  })
  assignCounters(wanted, before.picks, memory.picks)
  for (const { listener, number, slots } of wanted) {
    const ordinals = ordinalsFor(listener.backends, before.ordinals.get(number))
    memory.ordinals.set(number, ordinals)
    memory.slots.set(number, slots)
    addFrontend(elements, listener, number)
    addBackends(elements, listener, { number, slots, ordinals })
    addAcl(elements, listener, { number, family })
    const pick = memory.picks.get(number)
    if (pick !== undefined) elements.picks.set(wordText(number), { data: pickChainName(pick) })
  }
  const picks = new Map([...memory.picks.values()].map((pick) => [pickChainName(pick), pick]))
  const timeouts = new Set(listeners.flatMap(({ establishedTimeout }) => establishedTimeout ?? []))
  return { elements, picks, timeouts, memory }
}

/** `daddr . l4proto . dport`; of many ports the first one's. */
export function frontendOf({ address, protocol, port }: Frontend): string {
  return frontendKey(address, protocol === 'tcp' ? 'TCP' : 'UDP', port)
}

type Frontend = { readonly address: string; readonly protocol: 'tcp' | 'udp'; readonly port: number }

function noElements(): Layer4Elements {
  return {
    listeners: new Map(),
    picks: new Map(),
    timeouts: new Map(),
    slots: new Map(),
    backends: new Map(),
    guarded: new Map(),
    allowed: new Map(),
    denied: new Map(),
    connections: new Map(),
    inbound: new Map(),
    outbound: new Map(),
    ranges: new Map(),
    'range-connections': new Map(),
    'range-inbound': new Map(),
    'range-outbound': new Map(),
  }
}

function numbersFor(listeners: readonly Layer4Listener[], before: ReadonlyMap<string, number>): Map<string, number> {
  const numbers = new Map<string, number>()
  const taken = new Set(before.values())
  let next = 1
  for (const listener of listeners) {
    const frontend = frontendOf(listener)
    let number = before.get(frontend)
    while (number === undefined) {
      if (!taken.has(next)) number = next
      next += 1
    }
    taken.add(number)
    numbers.set(frontend, number)
  }
  return numbers
}

interface Arranged {
  readonly listener: Layer4Listener
  readonly number: number
  readonly slots: readonly string[]
  /** Undefined when nobody serves. */
  readonly pick: Omit<ChainPick, 'counter'> | undefined
}

function arranged(listener: Layer4Listener, former: readonly string[]): Pick<Arranged, 'slots' | 'pick'> {
  const weighted = listener.backends.map(({ address, port, weight }) => ({ key: backendData(address, port), weight }))
  const balancing = listener.pick === 'rr' ? 'round-robin' : 'maglev'
  const { slots, balancing: chosen } = arrange(weighted, { balancing, former })
  const kind = chosen === 'maglev' ? listener.pick : 'rr'
  return {
    slots,
    pick:
      slots.length === 0
        ? undefined
        : {
            kind,
            size: slots.length,
            persistence: listener.persistence,
            keepsPort: listener.lastPort !== undefined,
          },
  }
}

/** Each listener that counts gets a chain of its own while they last. */
function assignCounters(
  wanted: readonly Arranged[],
  before: ReadonlyMap<number, ChainPick>,
  picks: Map<number, ChainPick>,
): void {
  const users = new Map<string, number>()
  const use = (number: number, pick: ChainPick) => {
    picks.set(number, pick)
    users.set(pickChainName(pick), (users.get(pickChainName(pick)) ?? 0) + 1)
  }
  const rest = wanted.filter(({ number, pick }) => {
    const former = before.get(number)
    const stays = pick !== undefined && former !== undefined && samePick(pick, former)
    if (stays) use(number, former)
    return pick !== undefined && !stays
  })
  for (const { number, pick } of rest) {
    if (pick !== undefined) use(number, { ...pick, counter: counterFor(pick, users) })
  }
}

function counterFor(pick: Omit<ChainPick, 'counter'>, users: ReadonlyMap<string, number>): number {
  // Hashes keep no count, and one slot is everybody's.
  if (pick.kind !== 'rr' || pick.size === 1) return 1
  let fewest = { counter: 1, users: Number.POSITIVE_INFINITY }
  for (let counter = 1; ; counter += 1) {
    const found = users.get(pickChainName({ ...pick, counter }))
    if (found === undefined) return users.size < MAX_COUNTERS || counter === 1 ? counter : fewest.counter
    if (found < fewest.users) fewest = { counter, users: found }
  }
}

function samePick(a: Omit<ChainPick, 'counter'>, b: ChainPick): boolean {
  return a.kind === b.kind && a.size === b.size && a.persistence === b.persistence && a.keepsPort === b.keepsPort
}

/** Who was here before keeps the ordinal, also while away: clients may be bound to it. */
function ordinalsFor(
  backends: readonly ServingBackend[],
  before: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const ordinals = new Map(before)
  const serving = new Set(backends.map(({ address, port }) => backendData(address, port)))
  for (const key of serving) {
    if (ordinals.has(key)) continue
    if (ordinals.size >= MAX_ORDINAL) for (const old of before.keys()) if (!serving.has(old)) ordinals.delete(old)
    const taken = new Set(ordinals.values())
    let ordinal = (Math.max(0, ...taken) % MAX_ORDINAL) + 1
    while (taken.has(ordinal)) ordinal = (ordinal % MAX_ORDINAL) + 1
    ordinals.set(key, ordinal)
  }
  return ordinals
}

function addFrontend(elements: Layer4Elements, listener: Layer4Listener, number: number): void {
  const frontend = frontendOf(listener)
  const comment = listener.key.slice(0, COMMENT_LENGTH)
  const { establishedTimeout, lastPort } = listener
  if (lastPort === undefined) {
    elements.listeners.set(frontend, { data: wordText(number), comment })
    for (const set of ['connections', 'inbound', 'outbound'] as const) elements[set].set(frontend, { comment })
  } else {
    const range = frontend + frontendOf({ ...listener, port: lastPort })
    elements.ranges.set(range, { data: wordText(number), comment })
    for (const set of ['range-connections', 'range-inbound', 'range-outbound'] as const) {
      elements[set].set(range, { comment })
    }
  }
  if (establishedTimeout !== undefined) {
    elements.timeouts.set(wordText(number), { data: timeoutChainName(establishedTimeout) })
  }
}

interface Numbered {
  readonly number: number
  readonly slots: readonly string[]
  readonly ordinals: ReadonlyMap<string, number>
}

function addBackends(elements: Layer4Elements, { backends }: Layer4Listener, numbered: Numbered): void {
  const { number, slots, ordinals } = numbered
  for (const { address, port, key } of backends) {
    const data = backendData(address, port)
    const comment = key.slice(0, COMMENT_LENGTH)
    elements.backends.set(bindingText(ordinals.get(data) ?? 0, number), { data, comment })
  }
  for (const [slot, data] of slots.entries()) {
    elements.slots.set(slotKey(number, slot), { data: bindingText(ordinals.get(data) ?? 0, number) })
  }
}

function addAcl(
  elements: Layer4Elements,
  { acl }: Layer4Listener,
  { number, family }: { readonly number: number; readonly family: Family },
): void {
  if (acl === undefined) return
  const cidrs = acl.cidrs
    .flatMap((text) => parseCidr(text) ?? [])
    .filter((cidr) => cidr.family === (family === 'ip' ? 4 : 6))
  const set = acl.type === 'white' ? elements.allowed : elements.denied
  if (acl.type === 'white') elements.guarded.set(wordText(number), {})
  const word = wordText(number)
  for (const cidr of outermost(cidrs)) {
    set.set(word + textOf(cidr.network) + word + textOf(lastAddress(cidr)), {})
  }
}
