import { addressFamily, type Cidr, cidrsOverlap, formatCidr, maskAddress, parseCidr } from '../../base/ip.ts'
import { NETWORK_INTERFACES, SECURITY_GROUPS, type SecurityGroupRule } from '../ecs/model.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { type Listener, type NetworkLoadBalancer, portsOf } from './model.ts'

type Reader = Pick<CloudState, 'get' | 'list'>

/**
 * Which clients an instance's security groups let in to a listener, as ranges; `undefined` when it is in none and
 * everybody may come; those it is closed to never. The first rule that a client matches decides: lower priorities first, of equal ones what drops.
 */
export function admittedClients(
  state: Reader,
  { securityGroupIds }: Pick<NetworkLoadBalancer, 'securityGroupIds'>,
  listener: Pick<Listener, 'protocol' | 'port' | 'range'>,
  closedTo: readonly string[] = [],
): string[] | undefined {
  if (securityGroupIds.length === 0) return undefined
  const rules = securityGroupIds
    .flatMap((id) => state.get(SECURITY_GROUPS, id)?.rules ?? [])
    .filter((rule) => rule.direction === 'ingress' && concerns(rule, listener))
    .sort((a, b) => a.priority - b.priority || weight(a) - weight(b))
  const [accepted, decided]: [Cidr[], Cidr[]] = [[], closedTo.flatMap((text) => parseCidr(text) ?? [])]
  for (const rule of rules) {
    const peers = peersOf(state, rule)
    if (rule.policy === 'accept') accepted.push(...peers.flatMap((peer) => withoutAll(peer, decided)))
    decided.push(...peers)
  }
  return accepted.map(formatCidr)
}

/** Of many ports a client is let in to all or to none: what accepts has to hold for all of them, what drops for one. */
function concerns(rule: SecurityGroupRule, listener: Pick<Listener, 'protocol' | 'port' | 'range'>): boolean {
  if (rule.protocol === 'all') return true
  if (rule.protocol !== (listener.protocol === 'UDP' ? 'udp' : 'tcp')) return false
  const [from = -1, to = -1] = rule.portRange.split('/').map(Number)
  if (from < 0) return true
  const { first, last } = portsOf(listener)
  return rule.policy === 'accept' ? first >= from && last <= to : first <= to && last >= from
}

function weight({ policy }: SecurityGroupRule): number {
  return policy === 'drop' ? 0 : 1
}

function peersOf(state: Reader, { cidr, groupId }: SecurityGroupRule): Cidr[] {
  const texts = cidr === undefined ? membersOf(state, groupId) : [cidr]
  return texts.flatMap((text) => parseCidr(text) ?? [])
}

function membersOf(state: Reader, groupId: string | undefined): string[] {
  return state
    .list(NETWORK_INTERFACES)
    .filter((card) => groupId !== undefined && card.securityGroupIds.includes(groupId))
    .flatMap(({ privateAddresses }) => privateAddresses)
    .map((address) => `${address}/${addressFamily(address) === 6 ? 128 : 32}`)
}

function withoutAll(range: Cidr, removed: readonly Cidr[]): Cidr[] {
  return removed.reduce<Cidr[]>((rest, one) => rest.flatMap((part) => without(part, one)), [range])
}

/** What is left of a range: halves that do not overlap are kept whole, the other is halved again. */
function without(range: Cidr, removed: Cidr): Cidr[] {
  if (range.family !== removed.family || !cidrsOverlap(range, removed)) return [range]
  if (removed.prefixLength <= range.prefixLength) return []
  return halves(range).flatMap((half) => without(half, removed))
}

function halves({ family, network, prefixLength }: Cidr): Cidr[] {
  const upper = Buffer.from(network)
  const bit = prefixLength
  upper[bit >> 3] = (upper[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  return [network, upper].map((start) => {
    const masked = maskAddress(start, prefixLength + 1)
    return { family, address: masked, network: masked, prefixLength: prefixLength + 1 }
  })
}
