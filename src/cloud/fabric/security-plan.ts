import { type Cidr, parseCidr } from '../../base/ip.ts'
import { NETWORK_INTERFACES, SECURITY_GROUPS, type SecurityGroup, type SecurityGroupRule } from '../ecs/model.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { translatedEips } from './bind-elastic-ips.ts'

/** What security groups mean for packets: addresses have policies, and policies few rules. */
export interface SecurityPlan {
  /** The groups of an interface together; numbered from 1. */
  readonly policies: readonly SecurityPolicy[]
  /** Private addresses and the numbers of their policies. */
  readonly members: ReadonlyMap<string, number>
  /** By the numbers of groups that rules name: the addresses that belong to them. */
  readonly groups: ReadonlyMap<number, ReadonlySet<string>>
  /** Public addresses that stand for one private address. */
  readonly elasticIps: ReadonlySet<string>
}

export interface SecurityPolicy {
  readonly number: number
  readonly ingress: Direction
  readonly egress: Direction
}

/** The first rule that a packet matches decides. */
export interface Direction {
  readonly rules: readonly PacketRule[]
  readonly otherwise: 'accept' | 'drop'
}

export interface PacketRule {
  readonly verdict: 'accept' | 'drop'
  readonly protocol?: 'tcp' | 'udp' | 'icmp'
  /** Destination ports, inclusive. */
  readonly ports?: readonly [number, number]
  readonly peer: { readonly kind: 'cidr'; readonly cidr: Cidr } | { readonly kind: 'group'; readonly group: number }
}

/** Reads the groups of all interfaces. Lower priorities go first, and of equal ones what drops, as the API has it. */
export function compileSecurity(state: Pick<CloudState, 'list'>): SecurityPlan {
  const { numbers, cards, belonging } = membership(state)
  const policies = new Map<string, SecurityPolicy>()
  const members = new Map<string, number>()
  for (const { own, addresses } of cards) {
    const key = own.map(({ number }) => number).join(' ')
    const policy = policies.get(key) ?? policyOf(own, numbers, policies.size + 1)
    if (own.length === 0) continue
    policies.set(key, policy)
    for (const address of addresses) members.set(address, policy.number)
  }
  const elasticIps = new Set(translatedEips(state).map(({ eip }) => eip))
  const named = namedGroups([...policies.values()])
  const namedMembers = new Map([...belonging].filter(([number]) => named.has(number)))
  return { policies: [...policies.values()], members, groups: namedMembers, elasticIps }
}

/** The same as {@link compileSecurity} for people who ask why: by address, with the groups that rules are of. */
export interface SecurityFacts {
  readonly members: ReadonlyMap<string, { readonly ingress: OwnedDirection; readonly egress: OwnedDirection }>
  /** By the numbers of groups that rules name: the addresses that belong to them. */
  readonly groups: ReadonlyMap<number, ReadonlySet<string>>
}

export function securityFacts(state: Pick<CloudState, 'list'>): SecurityFacts {
  const { numbers, cards, belonging } = membership(state)
  const members = cards
    .filter(({ own }) => own.length > 0)
    .flatMap(({ own, addresses }) => {
      const policy = {
        ingress: directionOf(own, numbers, 'ingress'),
        egress: directionOf(own, numbers, 'egress'),
      }
      return addresses.map((address) => [address, policy] as const)
    })
  return { members: new Map(members), groups: belonging }
}

/** Whose address is in which groups. */
function membership(state: Pick<CloudState, 'list'>) {
  const groups = new Map(
    [...state.list(SECURITY_GROUPS)].sort(byId).map((group, i) => [group.id, { group, number: i + 1 }]),
  )
  const numbers = new Map([...groups].map(([id, { number }]) => [id, number]))
  const belonging = new Map<number, Set<string>>()
  for (const number of numbers.values()) belonging.set(number, new Set())
  const cards = [...state.list(NETWORK_INTERFACES)].sort(byId).map((card) => {
    const own = [...card.securityGroupIds].sort().flatMap((id) => groups.get(id) ?? [])
    for (const address of card.privateAddresses) for (const { number } of own) belonging.get(number)?.add(address)
    return { own, addresses: card.privateAddresses }
  })
  return { numbers, cards, belonging }
}

function namedGroups(policies: readonly SecurityPolicy[]): ReadonlySet<number> {
  const rules = policies.flatMap(({ ingress, egress }) => [...ingress.rules, ...egress.rules])
  return new Set(rules.flatMap(({ peer }) => (peer.kind === 'group' ? [peer.group] : [])))
}

/** A rule as packets meet it, and where it comes from. */
export interface OwnedRule {
  readonly group: SecurityGroup
  /** Left out for members of a basic group, who reach each other without one. */
  readonly rule?: SecurityGroupRule
  readonly packet: PacketRule
}

/** All rules of the groups of an interface for one direction, in the order in which a packet meets them. */
export interface OwnedDirection {
  readonly groups: readonly SecurityGroup[]
  readonly rules: readonly OwnedRule[]
  readonly otherwise: Direction['otherwise']
}

interface NumberedGroup {
  readonly group: SecurityGroup
  readonly number: number
}

function policyOf(own: readonly NumberedGroup[], numbers: ReadonlyMap<string, number>, number: number): SecurityPolicy {
  const direction = (wanted: SecurityGroupRule['direction']): Direction => {
    const { rules, otherwise } = directionOf(own, numbers, wanted)
    return { rules: rules.map(({ packet }) => packet), otherwise }
  }
  return { number, ingress: direction('ingress'), egress: direction('egress') }
}

function directionOf(
  own: readonly NumberedGroup[],
  numbers: ReadonlyMap<string, number>,
  wanted: SecurityGroupRule['direction'],
): OwnedDirection {
  const ordered = own
    .flatMap(({ group }) => group.rules.map((rule) => ({ group, rule })))
    .filter(({ rule }) => rule.direction === wanted)
    .sort((a, b) => a.rule.priority - b.rule.priority || weight(a.rule) - weight(b.rule))
  const rules = ordered.flatMap(({ group, rule }): OwnedRule[] => {
    const packet = packetRule(rule, numbers)
    return packet === undefined ? [] : [{ group, rule, packet }]
  })
  // Members of a basic group reach each other unless a rule says otherwise; of an advanced one they do not.
  const basic = own.filter(({ group }) => group.type === 'normal')
  const groups = own.map(({ group }) => group)
  if (wanted === 'egress') return { groups, rules, otherwise: basic.length > 0 ? 'accept' : 'drop' }
  const among = basic.map(({ group, number }): OwnedRule => {
    return { group, packet: { verdict: 'accept', peer: { kind: 'group', group: number } } }
  })
  return { groups, rules: [...rules, ...among], otherwise: 'drop' }
}

/** Undefined for a rule that no IPv4 packet matches. */
function packetRule(rule: SecurityGroupRule, numbers: ReadonlyMap<string, number>): PacketRule | undefined {
  const peer = peerOf(rule, numbers)
  if (peer === undefined) return undefined
  const { protocol } = rule
  const ports = protocol === 'tcp' || protocol === 'udp' ? portsOf(rule.portRange) : undefined
  return {
    verdict: rule.policy,
    peer,
    ...(protocol === 'all' ? {} : { protocol }),
    ...(ports === undefined ? {} : { ports }),
  }
}

function peerOf(
  { cidr, groupId }: SecurityGroupRule,
  numbers: ReadonlyMap<string, number>,
): PacketRule['peer'] | undefined {
  const range = cidr === undefined ? undefined : parseCidr(cidr)
  if (range !== undefined) return range.family === 4 ? { kind: 'cidr', cidr: range } : undefined
  const group = numbers.get(groupId ?? '')
  return group === undefined ? undefined : { kind: 'group', group }
}

/** `80/88`; `-1/-1` is every port. */
function portsOf(range: string): readonly [number, number] | undefined {
  const [from = -1, to = -1] = range.split('/').map(Number)
  return from < 0 ? undefined : [from, to]
}

function weight({ policy }: SecurityGroupRule): number {
  return policy === 'drop' ? 0 : 1
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}
