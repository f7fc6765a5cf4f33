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
  const groups = new Map(
    [...state.list(SECURITY_GROUPS)].sort(byId).map((group, i) => [group.id, { group, number: i + 1 }]),
  )
  const numbers = new Map([...groups].map(([id, { number }]) => [id, number]))
  const policies = new Map<string, SecurityPolicy>()
  const members = new Map<string, number>()
  const belonging = new Map<number, Set<string>>()
  for (const number of numbers.values()) belonging.set(number, new Set())
  for (const card of [...state.list(NETWORK_INTERFACES)].sort(byId)) {
    const own = [...card.securityGroupIds].sort().flatMap((id) => groups.get(id) ?? [])
    const key = own.map(({ number }) => number).join(' ')
    const policy = policies.get(key) ?? policyOf(own, numbers, policies.size + 1)
    if (own.length === 0) continue
    policies.set(key, policy)
    for (const address of card.privateAddresses) {
      members.set(address, policy.number)
      for (const { number } of own) belonging.get(number)?.add(address)
    }
  }
  const elasticIps = new Set(translatedEips(state).map(({ eip }) => eip))
  const named = namedGroups([...policies.values()])
  const namedMembers = new Map([...belonging].filter(([number]) => named.has(number)))
  return { policies: [...policies.values()], members, groups: namedMembers, elasticIps }
}

function namedGroups(policies: readonly SecurityPolicy[]): ReadonlySet<number> {
  const rules = policies.flatMap(({ ingress, egress }) => [...ingress.rules, ...egress.rules])
  return new Set(rules.flatMap(({ peer }) => (peer.kind === 'group' ? [peer.group] : [])))
}

interface NumberedGroup {
  readonly group: SecurityGroup
  readonly number: number
}

function policyOf(own: readonly NumberedGroup[], numbers: ReadonlyMap<string, number>, number: number): SecurityPolicy {
  const rules = own.flatMap(({ group }) => group.rules)
  const direction = (wanted: SecurityGroupRule['direction']) =>
    rules
      .filter((rule) => rule.direction === wanted)
      .sort((a, b) => a.priority - b.priority || weight(a) - weight(b))
      .flatMap((rule) => packetRule(rule, numbers) ?? [])
  // Members of a basic group reach each other unless a rule says otherwise; of an advanced one they do not.
  const basic = own.filter(({ group }) => group.type === 'normal')
  const among = basic.map((one): PacketRule => ({ verdict: 'accept', peer: { kind: 'group', group: one.number } }))
  return {
    number,
    ingress: { rules: [...direction('ingress'), ...among], otherwise: 'drop' },
    egress: { rules: direction('egress'), otherwise: basic.length > 0 ? 'accept' : 'drop' },
  }
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
