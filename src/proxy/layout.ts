/**
 * The fixed part of the ruleset: sets, chains and rules that are the same whatever Services there are.
 *
 * A connection's first packet finds its Service in one of the `…-services` maps. The value found, `class << 20 | number`,
 * travels in the packet's priority (`meta priority`), which is reset before the packet goes on: unlike the mark it
 * decides nothing before then. The class leads to the chain that picks a slot, the number to the endpoints.
 */
import { and, anyBit, word } from '../linux/nftables/bits.ts'
import { type DataType, ifname, inetProto, inetService, mark, number } from '../linux/nftables/data-type.ts'
import { CT_STATUS, type Expression, FIB_FLAGS, NAT_FLAGS, RTN_LOCAL } from '../linux/nftables/expression.ts'
import { destinationAddress, destinationKey, IP_HEADERS, refusal, sourceAddress } from '../linux/nftables/ip-header.ts'
import type { FixedPart } from '../linux/nftables/owned-table.ts'
import type { Chain, NftSet, Rule, TableRef } from '../linux/nftables/program.ts'
import { CLASS_MASK, SHARDS } from './encoding.ts'
import type { Family } from './service-plan.ts'

/** Beginning of the table's comment: tells our table from another one of its name. */
export const OWNER_COMMENT = 'Kubernetes Services, kept by fairlead proxy'

/** kube-proxy's bit, so that others who look for it (flannel, network policies) find it. */
const MASQUERADE_BIT = 0x4000

/** Chains that classes 0 and 1 lead to. */
export const REJECT_CHAIN = 'no-endpoints'
export const DROP_CHAIN = 'no-local-endpoints'

export interface LayoutSets {
  /** ClusterIPs. */
  readonly clusterServices: NftSet
  /** External addresses with external traffic policy Cluster. */
  readonly externalServices: NftSet
  /** External addresses with external traffic policy Local: their endpoints on this node. */
  readonly localServices: NftSet
  /** The same addresses for clients inside: all endpoints. */
  readonly shortCircuits: NftSet
  readonly chains: NftSet
  readonly clusterIps: NftSet
  readonly hairpins: NftSet
  readonly localPods: NftSet
  readonly keepSource: NftSet
  readonly podInterfaces: NftSet
  readonly keepInterfaces: NftSet
  /** Load-balancer addresses that not everybody may reach. */
  readonly firewalled: NftSet
  /** Who may reach them. */
  readonly sourceRanges: NftSet
  /** Where ClusterIPs are taken from. */
  readonly serviceCidrs: NftSet
  /** Of lists with session affinity: number and slot to binding. */
  readonly stickySlots: NftSet
  /** Binding to endpoint. */
  readonly stickyEndpoints: NftSet
}

export interface Layout {
  readonly ref: TableRef
  readonly sets: LayoutSets
  /** By the last digit of the number, see {@link shardOf}. */
  readonly endpoints: readonly NftSet[]
  /** Client and number to binding: written by packets, read by nobody but them and {@link forgetDeadBindings}. */
  readonly affinity: NftSet
  readonly chains: readonly Chain[]
  readonly rules: readonly Rule[]
}

/** Layouts are the same for all who ask: their rules are encoded once. */
const layouts = new Map<string, Layout>()

/** The fixed part of one family's table. */
export function layoutOf(family: Family, table: string): Layout {
  const key = `${family} ${table}`
  const known = layouts.get(key) ?? makeLayout(family, table)
  layouts.set(key, known)
  return known
}

function makeLayout(family: Family, table: string): Layout {
  const ref: TableRef = { family, table }
  const address = IP_HEADERS[family].type
  const endpoints = Array.from({ length: SHARDS }, (_, shard) => endpointsSet(ref, address, shard))
  return {
    ref,
    sets: setsOf(ref, address),
    endpoints,
    affinity: affinitySet(ref, address),
    chains: chainsOf(ref),
    rules: rulesOf(ref, family),
  }
}

/** What of a layout's table is always there. */
export function fixedPart(layout: Layout): FixedPart {
  const { ref, chains, rules } = layout
  return { table: { ...ref, comment: OWNER_COMMENT }, sets: allSets(layout), chains, rules }
}

/** All sets of a layout. */
export function allSets(layout: Layout): NftSet[] {
  return [...Object.values<NftSet>({ ...layout.sets }), ...layout.endpoints, layout.affinity]
}

export function endpointsName(shard: number): string {
  return `endpoints-${shard.toString(16)}`
}

function endpointsSet(ref: TableRef, address: DataType, shard: number): NftSet {
  const name = endpointsName(shard)
  const comment = `Number (that ends in ${shard.toString(16)}) and slot to endpoint`
  return { ...ref, name, key: [mark, number], data: [address, inetService], comment }
}

/** Clients remembered per family; a new one beyond that gets any endpoint each time. */
const MAX_CLIENTS = 1 << 20

function affinitySet(ref: TableRef, address: DataType): NftSet {
  const comment = 'Clients bound to an endpoint (sessionAffinity: ClientIP)'
  const shape = { key: [address, mark], data: [mark], dynamic: true, expires: true, size: MAX_CLIENTS }
  return { ...ref, name: 'affinity', ...shape, comment }
}

function setsOf(ref: TableRef, address: DataType): LayoutSets {
  const frontend = [address, inetProto, inetService]
  const services = { ...ref, key: frontend, data: [mark] }
  const interfaces = { ...ref, key: [ifname], interval: true }
  return {
    clusterServices: { ...services, name: 'cluster-services', comment: 'ClusterIP to class and number' },
    externalServices: { ...services, name: 'external-services', comment: 'Other addresses, policy Cluster' },
    localServices: { ...services, name: 'local-services', comment: 'Other addresses, policy Local' },
    shortCircuits: { ...services, name: 'short-circuits', comment: 'policy Local, seen from inside' },
    chains: { ...ref, name: 'chains', key: [mark], data: 'verdict', comment: 'Class to chain' },
    clusterIps: { ...ref, name: 'cluster-ips', key: [address], comment: 'All ClusterIPs' },
    hairpins: { ...ref, name: 'hairpins', key: [address, address], comment: 'Endpoints that may call themselves' },
    localPods: { ...ref, name: 'local-pods', key: [address], interval: true, comment: 'Pods of this node' },
    keepSource: {
      ...ref,
      name: 'keep-source',
      key: [address],
      interval: true,
      comment: 'Seen by ClusterIPs as they are',
    },
    podInterfaces: { ...interfaces, name: 'pod-interfaces', comment: 'Pods of this node come in here' },
    keepInterfaces: { ...interfaces, name: 'keep-interfaces', comment: 'Seen by ClusterIPs as they are' },
    firewalled: { ...ref, name: 'firewalled', key: frontend, comment: 'Load-balancer addresses not for everybody' },
    sourceRanges: {
      ...ref,
      name: 'source-ranges',
      key: [...frontend, address],
      interval: true,
      comment: 'Who may reach them (loadBalancerSourceRanges)',
    },
    serviceCidrs: {
      ...ref,
      name: 'service-cidrs',
      key: [address],
      interval: true,
      comment: 'Where ClusterIPs are taken from',
    },
    stickySlots: {
      ...ref,
      name: 'sticky-slots',
      key: [mark, number],
      data: [mark],
      comment: 'Number and slot to binding (sessionAffinity)',
    },
    stickyEndpoints: {
      ...ref,
      name: 'sticky-endpoints',
      key: [mark],
      data: [address, inetService],
      comment: 'Binding to endpoint (sessionAffinity)',
    },
  }
}

function chainsOf(ref: TableRef): Chain[] {
  const hook = (name: 'prerouting' | 'output' | 'postrouting', priority: number, suffix = ''): Chain => ({
    ...ref,
    name: name + suffix,
    base: { type: 'nat', hook: name, priority, policy: 'accept' },
  })
  const ways = ['cluster', 'external', 'local', 'short-circuit', 'firewall']
  const plain = ['services', ...ways, 'unserved', 'pick', REJECT_CHAIN, DROP_CHAIN]
  return [
    ...plain.map((name) => ({ ...ref, name })),
    hook('prerouting', -100),
    hook('output', -100),
    // After everybody's translation: a connection that another proxy took is not seen here.
    hook('prerouting', -50, '-unserved'),
    hook('output', -50, '-unserved'),
    hook('postrouting', 100),
  ]
}

function rulesOf(ref: TableRef, family: Family): Rule[] {
  const { words } = IP_HEADERS[family]
  const frontend = destinationKey(family)
  const find = (set: string, chain: string): Expression[] => [
    ...frontend,
    { kind: 'lookup', set, source: 0, dest: 0 },
    { kind: 'meta-set', key: 'priority', source: 0 },
    goTo(chain),
  ]
  const rule = (chain: string, expressions: readonly Expression[], comment?: string): Rule => ({
    ...ref,
    chain,
    expressions,
    ...(comment === undefined ? {} : { comment }),
  })
  return [
    rule('prerouting', [jumpTo('services')], 'from pods and from outside'),
    rule('output', [jumpTo('services')], 'from processes of this node'),
    rule('services', find('cluster-services', 'cluster')),
    rule('services', find('external-services', 'external')),
    rule('services', find('local-services', 'local')),
    rule('prerouting-unserved', [jumpTo('unserved')]),
    rule('output-unserved', [jumpTo('unserved')]),
    rule(
      'unserved',
      [destinationAddress(family, 0), isIn('cluster-ips'), goTo(REJECT_CHAIN)],
      'a port that the ClusterIP does not have',
    ),
    rule('unserved', [destinationAddress(family, 0), isIn('service-cidrs'), drop], 'a ClusterIP that nobody has'),
    rule(
      'firewall',
      [...frontend, isIn('firewalled'), ...frontend, sourceAddress(family, words + 2), notIn('source-ranges'), drop],
      'outside of loadBalancerSourceRanges',
    ),
    rule('cluster', [
      ...[sourceAddress(family, 0), notIn('keep-source')],
      ...[inInterface, notIn('keep-interfaces')],
      ...markForMasquerade,
    ]),
    rule('cluster', [goTo('pick')]),
    rule('external', [jumpTo('firewall')]),
    rule('external', [...markForMasquerade]),
    rule('external', [goTo('pick')]),
    rule('local', [jumpTo('firewall')]),
    rule(
      'local',
      [sourceAddress(family, 0), isIn('local-pods'), goTo('short-circuit')],
      'as if it had gone out and come back',
    ),
    rule('local', [inInterface, isIn('pod-interfaces'), goTo('short-circuit')]),
    rule('local', [...isLocalSource, ...markForMasquerade, goTo('short-circuit')]),
    rule('local', [goTo('pick')]),
    rule('short-circuit', find('short-circuits', 'pick')),
    rule('pick', [
      { kind: 'meta', key: 'priority', dest: 0 },
      and(0, CLASS_MASK),
      { kind: 'lookup', set: 'chains', source: 0, dest: 'verdict' },
    ]),
    ...refusal(family).map((expressions) => rule(REJECT_CHAIN, expressions)),
    rule(DROP_CHAIN, [drop]),
    rule('postrouting', [...masqueradeMarked], 'marked above'),
    rule(
      'postrouting',
      [...wasSentOn, sourceAddress(family, 0), destinationAddress(family, words), isIn('hairpins'), masquerade],
      'a pod that was sent to itself',
    ),
  ]
}

function isIn(set: string): Expression {
  return { kind: 'lookup', set, source: 0 }
}

function notIn(set: string): Expression {
  return { kind: 'lookup', set, source: 0, invert: true }
}

function goTo(chain: string): Expression {
  return { kind: 'verdict', verdict: { kind: 'goto', chain } }
}

/** Of what a process of this node sends, the empty name. */
const inInterface: Expression = { kind: 'meta', key: 'iifname', dest: 0 }

const drop: Expression = { kind: 'verdict', verdict: { kind: 'drop' } }

function jumpTo(chain: string): Expression {
  return { kind: 'verdict', verdict: { kind: 'jump', chain } }
}

const markForMasquerade: readonly Expression[] = [
  { kind: 'meta', key: 'mark', dest: 0 },
  { kind: 'bitwise', source: 0, dest: 0, mask: word(~MASQUERADE_BIT), xor: word(MASQUERADE_BIT) },
  { kind: 'meta-set', key: 'mark', source: 0 },
]

/** Only what a Service sent: a process that calls its own node, perhaps since before these rules, is none of theirs. */
const wasSentOn: readonly Expression[] = [{ kind: 'ct', key: 'status', dest: 0 }, ...anyBit(CT_STATUS.destinationNat)]

const masquerade: Expression = { kind: 'masquerade', flags: NAT_FLAGS.fullyRandom }

const masqueradeMarked: readonly Expression[] = [
  { kind: 'meta', key: 'mark', dest: 0 },
  and(0, MASQUERADE_BIT),
  { kind: 'cmp', op: 'eq', source: 0, data: word(MASQUERADE_BIT) },
  { kind: 'meta', key: 'mark', dest: 0 },
  and(0, ~MASQUERADE_BIT),
  { kind: 'meta-set', key: 'mark', source: 0 },
  masquerade,
]

const isLocalSource: readonly Expression[] = [
  { kind: 'fib', result: 'type', flags: FIB_FLAGS.saddr, dest: 0 },
  { kind: 'cmp', op: 'eq', source: 0, data: word(RTN_LOCAL) },
]
