/** Security groups, which the VPC asks of every connection between machines before it lets it through. */
import { formatCidr } from '../base/ip.ts'
import type { OwnedDirection, OwnedRule, PacketRule, SecurityFacts } from '../cloud/fabric/security-plan.ts'
import type { Cause, Flow } from './hop.ts'
import { within } from './proxy-model.ts'
import type { Atlas } from './world.ts'

/**
 * Why security groups stop a connection; undefined when they let it pass. First the sender's group must let it out, then
 * the receiver's in; who is in no group is asked nothing.
 */
export function stoppedByGroup(flow: Flow, { cloud }: Atlas): Cause | undefined {
  if (cloud === undefined || flow.destination.includes(':')) return undefined
  const { source, destination } = flow
  const { members } = cloud.security
  const out = members.get(source)?.egress
  const into = members.get(destination)?.ingress
  const leaves = out === undefined ? undefined : refusal(out, { flow, peer: destination, facts: cloud.security })
  if (leaves !== undefined) return told(leaves, `does not let ${source} out to ${wordsOf(flow, destination)}`)
  const enters = into === undefined ? undefined : refusal(into, { flow, peer: source, facts: cloud.security })
  return enters === undefined ? undefined : told(enters, `does not let ${source} in to ${wordsOf(flow, destination)}`)
}

interface Asked {
  readonly flow: Flow
  readonly peer: string
  readonly facts: SecurityFacts
}

/** The rule that drops it, or that none accepts it. */
type Refusal = { readonly rule: OwnedRule } | { readonly rule?: undefined; readonly direction: OwnedDirection }

function refusal(direction: OwnedDirection, asked: Asked): Refusal | undefined {
  const rule = direction.rules.find(({ packet }) => matches(packet, asked))
  if (rule !== undefined) return rule.packet.verdict === 'drop' ? { rule } : undefined
  return direction.otherwise === 'drop' ? { direction } : undefined
}

function matches({ protocol, ports, peer }: PacketRule, { flow, peer: address, facts }: Asked): boolean {
  if (protocol !== undefined && protocol !== flow.protocol.toLowerCase()) return false
  if (ports !== undefined && (flow.port < ports[0] || flow.port > ports[1])) return false
  if (peer.kind === 'group') return facts.groups.get(peer.group)?.has(address) === true
  return within(address, [formatCidr(peer.cidr)])
}

function wordsOf({ port, protocol }: Flow, destination: string): string {
  return `${destination}, ${protocol} port ${port}`
}

function told(refused: Refusal, does: string): Cause {
  const base = { code: 'security-group', field: 'Permissions' } as const
  if (refused.rule !== undefined) {
    const { group, rule } = refused.rule
    const sentence = `security group ${group.id} ${does}: ${ruleText(rule)}`
    return { ...base, sentence, object: groupRef(group), mend: 'remove the rule, or add one that goes before it' }
  }
  const { groups } = refused.direction
  const [first] = groups
  const sentence = `security group ${groups.map(({ id }) => id).join(', ')} ${does}: no rule accepts it`
  const object = first === undefined ? {} : { object: groupRef(first) }
  return { ...base, sentence, ...object, mend: 'add a rule that accepts it' }
}

/** As the console of the cloud shows it: `rule sgr-1 (drop tcp 80/80 of 10.0.0.0/8, priority 1)`. */
export function ruleText(rule: OwnedRule['rule']): string {
  if (rule === undefined) return 'its members reach each other'
  const { id, policy, protocol, portRange, cidr, groupId, priority } = rule
  const ports = portRange === '-1/-1' ? 'every port' : portRange
  return `rule ${id} (${policy} ${protocol} ${ports} of ${cidr ?? groupId}, priority ${priority})`
}

export function groupRef({ id }: { readonly id: string }): NonNullable<Cause['object']> {
  return { kind: 'SecurityGroup', name: id }
}
