/**
 * The chains that classes lead to: each picks a slot of a list, of whatever number, and sends the connection to who is in
 * it. There are as many as there are sizes, ways of picking and round-robin counters, not as many as Services.
 */
import { and, word } from '../linux/nftables/bits.ts'
import type { Expression, Register } from '../linux/nftables/expression.ts'
import { IP_HEADERS, sourceAddress } from '../linux/nftables/ip-header.ts'
import { NUMBER_MASK, SHARDS } from './encoding.ts'
import { endpointsName } from './layout.ts'
import type { Balancing, Family } from './service-plan.ts'

/** What a pick chain does. */
export interface Pick {
  readonly balancing: Balancing
  /** Slots. */
  readonly size: number
  /** Of the endpoints' maps; 0 with affinity, whose endpoints are in maps of their own. */
  readonly shard: number
  /** Session affinity; 0 is none. */
  readonly seconds: number
}

const WORDS = { 'round-robin': 'rr', random: 'random', maglev: 'maglev' } as const satisfies Record<Balancing, string>

/** `rr-3-17`: a pick of one slot of three; k modulo {@link SHARDS} is the shard. With affinity: `rr-3-16-sticky-10800`. */
export function pickChainName({ balancing, size, seconds }: Pick, k: number): string {
  return `${WORDS[balancing]}-${size}-${k}${seconds === 0 ? '' : `-sticky-${seconds}`}`
}

/** Reads a name as {@link pickChainName} makes it; undefined for any other. */
export function parsePickChain(name: string): (Pick & { readonly k: number }) | undefined {
  const match = /^(rr|random|maglev)-([1-9]\d*)-([1-9]\d*)(?:-sticky-([1-9]\d*))?$/.exec(name)
  if (match === null) return undefined
  const balancing = match[1] === 'rr' ? 'round-robin' : match[1] === 'random' ? 'random' : 'maglev'
  const k = Number(match[3])
  return { balancing, size: Number(match[2]), k, shard: k % SHARDS, seconds: Number(match[4] ?? 0) }
}

/** The rules of a pick chain. */
export function pickRules(family: Family, pick: Pick): readonly (readonly Expression[])[] {
  return pick.seconds === 0 ? [plainRule(family, pick)] : stickyRules(family, pick)
}

function plainRule(family: Family, pick: Pick): Expression[] {
  return [
    ...loadNumber(0),
    ...chooseSlot(family, pick),
    { kind: 'lookup', set: endpointsName(pick.shard), source: 0, dest: 0 },
    ...resetPriority,
    destination(family, 0),
  ]
}

/**
 * A client that is bound goes where it was, for another while; one that is not, or whose endpoint left, is bound to the
 * endpoint picked. The binding travels in the priority in place of the class.
 */
function stickyRules(family: Family, pick: Pick): Expression[][] {
  const { words } = IP_HEADERS[family]
  const client = [sourceAddress(family, 0), ...loadNumber(words)]
  const endpoint = [loadPriority(8), { kind: 'lookup', set: 'sticky-endpoints', source: 8, dest: 8 } as const]
  const go = [...resetPriority, destination(family, 8)]
  const learn: Expression = {
    kind: 'dynset',
    op: 'update',
    set: 'affinity',
    key: 0,
    data: words + 1,
    timeout: pick.seconds * 1000,
  }
  const learnAndGo = [...endpoint, ...client, loadPriority(words + 1), learn, ...go]
  return [
    [...loadNumber(0), setPriority(0)],
    [...client, { kind: 'lookup', set: 'affinity', source: 0, dest: 0 }, setPriority(0)],
    learnAndGo,
    // Bound to an endpoint that left: an update would keep that.
    [
      ...client,
      { kind: 'immediate', dest: words + 1, data: word(0) },
      { kind: 'dynset', op: 'delete', set: 'affinity', key: 0, data: words + 1 },
    ],
    [
      ...loadNumber(0),
      ...chooseSlot(family, pick),
      { kind: 'lookup', set: 'sticky-slots', source: 0, dest: 0 },
      setPriority(0),
    ],
    learnAndGo,
    // The map of clients is full.
    [...endpoint, ...go],
  ]
}

/** The slot into word 1, after the number in word 0. */
function chooseSlot(family: Family, { balancing, size }: Pick): Expression[] {
  const { words } = IP_HEADERS[family]
  if (balancing !== 'maglev') {
    const mode = balancing === 'random' ? 'random' : 'inc'
    return [{ kind: 'numgen', mode, modulus: size, offset: 0, dest: 1 }]
  }
  return [
    sourceAddress(family, 4),
    { kind: 'payload', base: 'transport', offset: 0, length: 2, dest: 4 + words },
    // The same seed everywhere: all nodes send a client's connection to the same endpoint.
    { kind: 'jhash', source: 4, length: 4 * words + 4, modulus: size, seed: 0x6661_6972, offset: 0, dest: 1 },
  ]
}

function loadPriority(dest: Register): Expression {
  return { kind: 'meta', key: 'priority', dest }
}

function setPriority(source: Register): Expression {
  return { kind: 'meta-set', key: 'priority', source }
}

function loadNumber(dest: Register): Expression[] {
  return [loadPriority(dest), and(dest, NUMBER_MASK)]
}

function destination(family: Family, at: Register): Expression {
  return { kind: 'nat', type: 'dnat', family, addressMin: at, portMin: at + IP_HEADERS[family].words }
}

const resetPriority: readonly Expression[] = [{ kind: 'immediate', dest: 13, data: word(0) }, setPriority(13)]
