/**
 * The fixed part of the load balancers' tables: the same whatever listeners there are.
 *
 * A connection's first packet finds its listener's number by address, protocol and port. The number travels in the
 * packet's priority (`meta priority`), which is reset before the packet goes on, and leads to the chain that picks one of
 * the listener's slots; the slot says who is in it.
 */
import { and } from '../../../linux/nftables/bits.ts'
import { type DataType, inetProto, inetService, mark, number } from '../../../linux/nftables/data-type.ts'
import type { Expression, Register } from '../../../linux/nftables/expression.ts'
import { destinationKey, IP_HEADERS, refusal, sourceAddress } from '../../../linux/nftables/ip-header.ts'
import type { FixedPart } from '../../../linux/nftables/owned-table.ts'
import type { Chain, NftSet, Rule, TableRef } from '../../../linux/nftables/program.ts'
import { NUMBER_MASK } from '../../../proxy/encoding.ts'

export type Family = 'ip' | 'ip6'
export const FAMILIES = ['ip', 'ip6'] as const satisfies readonly Family[]

/** Name of the table in both families. */
export const TABLE_NAME = 'fairlead-slb'
const OWNER_COMMENT = 'Layer-4 listeners of load balancers, kept by fairlead'

/** Sets whose elements this process writes. */
export interface Layer4Sets {
  /** `daddr . l4proto . dport` to number. */
  readonly listeners: NftSet
  /** Number to the chain that picks. */
  readonly picks: NftSet
  /** Number to the chain that gives the connection its idle time. */
  readonly timeouts: NftSet
  /** `number . slot` to backend's number. */
  readonly slots: NftSet
  /** Backend's number to address and port. */
  readonly backends: NftSet
  /** Numbers of listeners with a white list. */
  readonly guarded: NftSet
  /** `number . saddr`: who may. */
  readonly allowed: NftSet
  /** `number . saddr`: who may not. */
  readonly denied: NftSet
  readonly connections: NftSet
  readonly inbound: NftSet
  readonly outbound: NftSet
  /** `daddr . l4proto . dport`, ranges of ports, to number. */
  readonly ranges: NftSet
  readonly 'range-connections': NftSet
  readonly 'range-inbound': NftSet
  readonly 'range-outbound': NftSet
}

export interface Layer4Layout {
  readonly family: Family
  readonly ref: TableRef
  readonly sets: Layer4Sets
  /** `saddr . number` to backend's number, with time-outs: written by packets. */
  readonly affinity: NftSet
  readonly fixed: FixedPart
}

/** Clients remembered per family; a new one beyond that gets any backend each time. */
const MAX_CLIENTS = 1 << 20

/** Base chains that exist once, and the chains between them. */
export const CHOOSE_CHAIN = 'choose'

/** The fixed part of one family's table. */
export function layer4Layout(family: Family): Layer4Layout {
  const ref: TableRef = { family, table: TABLE_NAME }
  const sets = setsOf(ref, IP_HEADERS[family].type)
  const affinity: NftSet = {
    ...ref,
    name: 'affinity',
    key: [IP_HEADERS[family].type, mark],
    data: [mark],
    dynamic: true,
    expires: true,
    size: MAX_CLIENTS,
    comment: 'Clients that keep their backend (persistence)',
  }
  const fixed = {
    table: { ...ref, comment: OWNER_COMMENT },
    sets: [...Object.values<NftSet>({ ...sets }), affinity],
    chains: chainsOf(ref),
    rules: rulesOf(ref, family),
  }
  return { family, ref, sets, affinity, fixed }
}

function setsOf(ref: TableRef, address: DataType): Layer4Sets {
  const frontend = [address, inetProto, inetService]
  const counted = { ...ref, key: frontend, counter: true }
  const countedRange = { ...counted, interval: true }
  return {
    backends: { ...ref, name: 'backends', key: [mark], data: [address, inetService], comment: 'Backend to address' },
    slots: { ...ref, name: 'slots', key: [mark, number], data: [mark], comment: 'Listener and slot to backend' },
    timeouts: { ...ref, name: 'timeouts', key: [mark], data: 'verdict', comment: 'Listener to idle time' },
    picks: { ...ref, name: 'picks', key: [mark], data: 'verdict', comment: 'Listener to scheduler' },
    allowed: { ...ref, name: 'allowed', key: [mark, address], interval: true, comment: 'White lists' },
    guarded: { ...ref, name: 'guarded', key: [mark], comment: 'Listeners with a white list' },
    denied: { ...ref, name: 'denied', key: [mark, address], interval: true, comment: 'Black lists' },
    listeners: { ...ref, name: 'listeners', key: frontend, data: [mark], comment: 'Address to listener' },
    connections: { ...counted, name: 'connections', comment: 'New connections' },
    inbound: { ...counted, name: 'inbound', comment: 'From clients' },
    outbound: { ...counted, name: 'outbound', comment: 'To clients' },
    ranges: {
      ...ref,
      name: 'ranges',
      key: frontend,
      data: [mark],
      interval: true,
      comment: 'Address and ports to listener',
    },
    'range-connections': { ...countedRange, name: 'range-connections', comment: 'New connections' },
    'range-inbound': { ...countedRange, name: 'range-inbound', comment: 'From clients' },
    'range-outbound': { ...countedRange, name: 'range-outbound', comment: 'To clients' },
  }
}

function chainsOf(ref: TableRef): Chain[] {
  const nat = (hook: 'prerouting' | 'output'): Chain => ({
    ...ref,
    name: hook,
    base: { type: 'nat', hook, priority: -100, policy: 'accept' },
  })
  return [
    ...['frontends', 'listener', CHOOSE_CHAIN].map((name) => ({ ...ref, name })),
    nat('prerouting'),
    nat('output'),
    { ...ref, name: 'traffic', base: { type: 'filter', hook: 'forward', priority: 0, policy: 'accept' } },
  ]
}

function rulesOf(ref: TableRef, family: Family): Rule[] {
  const rule = (chain: string, comment: string, expressions: readonly Expression[]): Rule => {
    const plain = { ...ref, chain, expressions }
    return comment === '' ? plain : { ...plain, comment }
  }
  return [
    rule('frontends', 'count it', [...destinationKey(family), isIn('connections')]),
    rule('frontends', 'which listener', [
      ...destinationKey(family),
      { kind: 'lookup', set: 'listeners', source: 0, dest: 0 },
      { kind: 'meta-set', key: 'priority', source: 0 },
      verdict('goto', 'listener'),
    ]),
    rule('frontends', 'count it', [...destinationKey(family), isIn('range-connections')]),
    rule('frontends', 'which listener of many ports', [
      ...destinationKey(family),
      { kind: 'lookup', set: 'ranges', source: 0, dest: 0 },
      { kind: 'meta-set', key: 'priority', source: 0 },
      verdict('goto', 'listener'),
    ]),
    rule('listener', 'outside of the white list', [
      priority,
      isIn('guarded'),
      sourceAddress(family, 1),
      { kind: 'lookup', set: 'allowed', source: 0, invert: true },
      { kind: 'verdict', verdict: { kind: 'drop' } },
    ]),
    rule('listener', 'in the black list', [
      priority,
      sourceAddress(family, 1),
      isIn('denied'),
      { kind: 'verdict', verdict: { kind: 'drop' } },
    ]),
    rule('listener', 'idle time', [priority, { kind: 'lookup', set: 'timeouts', source: 0, dest: 'verdict' }]),
    rule('listener', '', [verdict('goto', CHOOSE_CHAIN)]),
    rule(CHOOSE_CHAIN, 'scheduler', [priority, { kind: 'lookup', set: 'picks', source: 0, dest: 'verdict' }]),
    ...refusal(family).map((expressions) => rule(CHOOSE_CHAIN, 'no backend serves', expressions)),
    rule('prerouting', 'from clients', [verdict('jump', 'frontends')]),
    rule('output', "from the VPC's own processes", [verdict('jump', 'frontends')]),
    rule('traffic', 'from clients', [...direction(0), ...originalKey(family), isIn('inbound'), done]),
    rule('traffic', 'to clients', [...direction(1), ...originalKey(family), isIn('outbound'), done]),
    rule('traffic', 'from clients', [...direction(0), ...originalKey(family), isIn('range-inbound')]),
    rule('traffic', 'to clients', [...direction(1), ...originalKey(family), isIn('range-outbound')]),
  ]
}

/** The listener's number, until a backend was picked. */
const priority: Expression = { kind: 'meta', key: 'priority', dest: 0 }

/** The listener's number, from what the packet's priority has in its lower bits. */
export function loadNumber(dest: Register): Expression[] {
  return [{ kind: 'meta', key: 'priority', dest }, and(dest, NUMBER_MASK)]
}

const done: Expression = { kind: 'verdict', verdict: { kind: 'accept' } }

/** The same of a packet of either direction: where the connection's first packet went. */
function originalKey(family: Family): Expression[] {
  const { daddrKey, words } = IP_HEADERS[family]
  return [
    { kind: 'ct', key: daddrKey, dest: 0, direction: 'original' },
    { kind: 'meta', key: 'l4proto', dest: words },
    { kind: 'ct', key: 'proto-dst', dest: words + 1, direction: 'original' },
  ]
}

function direction(value: 0 | 1): Expression[] {
  return [
    { kind: 'ct', key: 'direction', dest: 0 },
    { kind: 'cmp', op: 'eq', source: 0, data: Buffer.of(value) },
  ]
}

function isIn(set: string): Expression {
  return { kind: 'lookup', set, source: 0 }
}

function verdict(kind: 'goto' | 'jump', chain: string): Expression {
  return { kind: 'verdict', verdict: { kind, chain } }
}
