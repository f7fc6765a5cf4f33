import { maskAddress, requireAddress } from '../../base/ip.ts'
import { ensureFixedTable, type FixedTable } from '../../linux/fixed-table.ts'
import { NftBatch } from '../../linux/nftables/batch.ts'
import { anyBit, word } from '../../linux/nftables/bits.ts'
import { ipv4Address, mark } from '../../linux/nftables/data-type.ts'
import { CT_STATE, CT_STATUS, type Expression } from '../../linux/nftables/expression.ts'
import { destinationAddress, sourceAddress } from '../../linux/nftables/ip-header.ts'
import type { Element, ListedElement, NftSet, Rule } from '../../linux/nftables/program.ts'
import { NftSocket } from '../../linux/nftables/socket.ts'
import type { Verdict } from '../../linux/nftables/verdict.ts'
import type { Direction, PacketRule, SecurityPlan } from './security-plan.ts'

const TABLE = { family: 'ip', table: 'fairlead-security-groups' } as const
const MEMBERS: NftSet = { ...TABLE, name: 'members', key: [ipv4Address], data: [mark] }
const ELASTIC_IPS: NftSet = { ...TABLE, name: 'elastic-ips', key: [ipv4Address] }
const EGRESS: NftSet = { ...TABLE, name: 'egress-policies', key: [mark], data: 'verdict' }
const INGRESS: NftSet = { ...TABLE, name: 'ingress-policies', key: [mark], data: 'verdict' }
const PROTOCOLS = { icmp: 1, tcp: 6, udp: 17 } as const

const SADDR = sourceAddress('ip', 0)
const DADDR = destinationAddress('ip', 0)
const PORT: Expression = { kind: 'payload', base: 'transport', offset: 2, length: 2, dest: 0 }

/**
 * Security groups where all packets between machines pass. An address is an element; a chain per direction and policy has
 * the rules, which are few. A connection that may begin goes on, in both directions.
 */
export class SecurityTable implements Disposable {
  readonly #socket: NftSocket
  #rules: string | undefined
  #elements = new Map<string, string>()

  constructor(netns: string) {
    this.#socket = NftSocket.open(netns)
  }

  /** Makes the kernel equal to the plan, in one transaction for the rules and one for addresses. */
  apply(plan: SecurityPlan): void {
    const elements = elementsOf(plan)
    const rules = JSON.stringify(plan.policies)
    if (rules !== this.#rules) {
      ensureFixedTable(this.#socket, securityTable(plan, elements))
      this.#elements.clear()
      this.#rules = rules
    }
    const batch = new NftBatch()
    for (const [set, wanted] of elements) {
      const text = JSON.stringify(wanted.map(wordsOf))
      if (this.#elements.get(set.name) === text) continue
      writeDifference(batch, set, { wanted, present: this.#socket.elements(set) })
      this.#elements.set(set.name, text)
    }
    if (batch.size > 0) this.#socket.commit(batch)
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }
}

function writeDifference(
  batch: NftBatch,
  set: NftSet,
  { wanted, present }: { wanted: readonly Element[]; present: readonly ListedElement[] },
): void {
  const kept = new Set<string>()
  const words = new Set(wanted.map(wordsOf))
  for (const { key, data } of present) {
    const element = data === undefined ? { key } : { key, data }
    if (words.has(wordsOf(element))) kept.add(wordsOf(element))
    else batch.deleteElement(set, { key })
  }
  for (const element of wanted) if (!kept.has(wordsOf(element))) batch.addElement(set, element)
}

function wordsOf({ key, data }: Pick<Element, 'key' | 'data'>): string {
  const value = data instanceof Uint8Array ? Buffer.from(data).toString('hex') : ''
  return `${Buffer.from(key).toString('hex')} ${value}`
}

function elementsOf(plan: SecurityPlan): ReadonlyMap<NftSet, readonly Element[]> {
  const members = [...plan.members].map(([address, policy]) => ({ key: requireAddress(address), data: word(policy) }))
  const groups = [...plan.groups].map(
    ([group, addresses]) =>
      [groupSet(group), [...addresses].map((address) => ({ key: requireAddress(address) }))] as const,
  )
  const elastic = [...plan.elasticIps].map((address) => ({ key: requireAddress(address) }))
  return new Map<NftSet, readonly Element[]>([[MEMBERS, members], ...groups, [ELASTIC_IPS, elastic]])
}

function groupSet(group: number): NftSet {
  return { ...TABLE, name: `group-${group}`, key: [ipv4Address] }
}

/** The table's content, as values. */
export function securityTable(
  { policies }: Pick<SecurityPlan, 'policies'>,
  elements: ReadonlyMap<NftSet, readonly Element[]>,
): FixedTable {
  const leading = (prefix: string) =>
    policies.map((policy) => ({
      key: word(policy.number),
      data: { kind: 'jump', chain: `${prefix}-${policy.number}` } as const,
    }))
  const directions = policies.flatMap((policy) => [
    { chain: `egress-${policy.number}`, direction: policy.egress, peer: DADDR },
    { chain: `ingress-${policy.number}`, direction: policy.ingress, peer: SADDR },
  ])
  return {
    table: { ...TABLE, comment: 'security groups of the VPC' },
    sets: [...elements.keys(), EGRESS, INGRESS],
    elements: {
      ...Object.fromEntries([...elements].map(([set, list]) => [set.name, list])),
      [EGRESS.name]: leading('egress'),
      [INGRESS.name]: leading('ingress'),
    },
    chains: [
      ...directions.map(({ chain }) => ({ ...TABLE, name: chain })),
      { ...TABLE, name: 'forward', base: { type: 'filter', hook: 'forward', priority: 0 } },
    ],
    rules: [...directions.flatMap(({ chain, direction, peer }) => chainRules(chain, direction, peer)), ...FORWARD],
  }
}

type TableRule = Omit<Rule, 'family' | 'table'>

const FORWARD: readonly TableRule[] = [
  {
    chain: 'forward',
    comment: 'what has begun goes on',
    expressions: [
      { kind: 'ct', key: 'state', dest: 0 },
      ...anyBit(CT_STATE.established | CT_STATE.related),
      verdict({ kind: 'accept' }),
    ],
  },
  {
    chain: 'forward',
    comment: 'what a load balancer sends to its backends',
    expressions: [
      { kind: 'ct', key: 'status', dest: 0 },
      ...anyBit(CT_STATUS.destinationNat),
      { kind: 'ct', key: 'daddr-ip', direction: 'original', dest: 0 },
      { kind: 'lookup', set: ELASTIC_IPS.name, source: 0, invert: true },
      verdict({ kind: 'accept' }),
    ],
  },
  { chain: 'forward', comment: 'may it leave', expressions: policyOf(SADDR, EGRESS) },
  { chain: 'forward', comment: 'may it come in', expressions: policyOf(DADDR, INGRESS) },
  {
    chain: 'forward',
    comment: 'leave nothing behind',
    expressions: [
      { kind: 'immediate', dest: 0, data: word(0) },
      { kind: 'meta-set', key: 'priority', source: 0 },
    ],
  },
]

/** Whoever is in no group, the internet say, has no policy: the rule does not match. */
function policyOf(address: Expression, policies: NftSet): Expression[] {
  return [
    address,
    { kind: 'lookup', set: MEMBERS.name, source: 0, dest: 0 },
    // By way of the packet, since nft cannot print a map in a map.
    { kind: 'meta-set', key: 'priority', source: 0 },
    { kind: 'meta', key: 'priority', dest: 0 },
    { kind: 'lookup', set: policies.name, source: 0, dest: 'verdict' },
  ]
}

function chainRules(chain: string, { rules, otherwise }: Direction, peer: Expression): TableRule[] {
  const last: TableRule = { chain, comment: 'all others', expressions: [verdict(verdictOf(otherwise))] }
  return [...rules.map((rule): TableRule => ({ chain, expressions: expressionsOf(rule, peer) })), last]
}

function expressionsOf(rule: PacketRule, peer: Expression): Expression[] {
  return [...peerOf(rule, peer), ...protocolOf(rule), ...portsOf(rule), verdict(verdictOf(rule.verdict))]
}

function peerOf({ peer }: PacketRule, address: Expression): Expression[] {
  if (peer.kind === 'group') {
    return [address, { kind: 'lookup', set: groupSet(peer.group).name, source: 0 }]
  }
  const { network, prefixLength } = peer.cidr
  if (prefixLength === 0) return []
  const mask = maskAddress(Buffer.alloc(4, 0xff), prefixLength)
  return [
    address,
    { kind: 'bitwise', source: 0, dest: 0, mask, xor: Buffer.alloc(4) },
    { kind: 'cmp', op: 'eq', source: 0, data: network },
  ]
}

function protocolOf({ protocol }: PacketRule): Expression[] {
  if (protocol === undefined) return []
  return [
    { kind: 'meta', key: 'l4proto', dest: 0 },
    { kind: 'cmp', op: 'eq', source: 0, data: Buffer.of(PROTOCOLS[protocol]) },
  ]
}

function portsOf({ ports }: PacketRule): Expression[] {
  if (ports === undefined) return []
  const [from, to] = ports
  return [PORT, { kind: 'range', op: 'eq', source: 0, from: u16(from), to: u16(to) }]
}

/** Who may leave has still to be let in: an accepting rule returns. */
function verdictOf(fate: 'accept' | 'drop'): Verdict {
  return fate === 'drop' ? { kind: 'drop' } : { kind: 'return' }
}

function verdict(value: Verdict): Expression {
  return { kind: 'verdict', verdict: value }
}

/** In the network's byte order. */
function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
