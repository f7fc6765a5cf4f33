import type { Node, Pod, Taint } from '../../kube/types/core.ts'
import { matchesNode } from '../node-affinity.ts'
import { readinessTaint, TAINT_UNSCHEDULABLE, untolerated } from '../taints.ts'
import { hostPortsCollide, NO_FREE_PORTS } from './host-ports.ts'
import { type Refusal, resolvable, unresolvable } from './refusal.ts'

/** What is free on a node; `undefined` where the node does not say what it has. */
export interface NodeRoom {
  readonly node: Node
  readonly pods: number
  /** Requested by its pods: CPU in thousandths of a core, all else in whole units. */
  readonly requested: Readonly<Record<string, number>>
  readonly allocatable: Readonly<Record<string, number>>
  /** `protocol/hostIP/port` of its pods. */
  readonly hostPorts: ReadonlySet<string>
}

/** What a pod needs of a node, worked out once per pod. */
export interface PodNeeds {
  readonly pod: Pod
  readonly requests: Readonly<Record<string, number>>
  readonly hostPorts: readonly string[]
}

/** A rule that a node must pass: the reason in upstream's words when it does not. */
type Filter = (needs: PodNeeds, room: NodeRoom) => readonly Refusal[]

const FILTERS: readonly Filter[] = [unschedulable, taints, selector, hostPorts, resources]

/** Why the pod cannot run on the node (the reasons of the first rule that refuses); empty when it can. */
export function refusals(needs: PodNeeds, room: NodeRoom): readonly Refusal[] {
  for (const filter of FILTERS) {
    const reasons = filter(needs, room)
    if (reasons.length > 0) return reasons
  }
  return []
}

function unschedulable({ pod }: PodNeeds, { node }: NodeRoom): readonly Refusal[] {
  if (node.spec?.unschedulable !== true) return []
  const taint: Taint = { key: TAINT_UNSCHEDULABLE, effect: 'NoSchedule' }
  return untolerated([taint], pod.spec.tolerations ?? [], ['NoSchedule']) === undefined
    ? []
    : [unresolvable('node(s) were unschedulable')]
}

/** A node that is not Ready is refused by the taint it is about to get, so that a new node wins no race. */
function taints({ pod }: PodNeeds, { node }: NodeRoom): readonly Refusal[] {
  const implied = readinessTaint(node)
  const all: Taint[] = [...(node.spec?.taints ?? [])].filter((taint) => taint.key !== TAINT_UNSCHEDULABLE)
  if (implied !== undefined) all.push({ key: implied, effect: 'NoSchedule' })
  const taint = untolerated(all, pod.spec.tolerations ?? [], ['NoSchedule', 'NoExecute'])
  return taint === undefined ? [] : [unresolvable(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`)]
}

function selector({ pod }: PodNeeds, { node }: NodeRoom): readonly Refusal[] {
  return matchesNode(pod.spec, node) ? [] : [unresolvable("node(s) didn't match Pod's node affinity/selector")]
}

function hostPorts({ hostPorts: wanted }: PodNeeds, { hostPorts: used }: NodeRoom): readonly Refusal[] {
  return hostPortsCollide(wanted, used) ? [resolvable(NO_FREE_PORTS)] : []
}

function resources({ requests }: PodNeeds, room: NodeRoom): readonly Refusal[] {
  const reasons: Refusal[] = []
  const { pods: podLimit } = room.allocatable
  if (podLimit !== undefined && room.pods + 1 > podLimit) reasons.push(resolvable('Too many pods'))
  for (const [name, amount] of Object.entries(requests)) {
    if (amount === 0) continue
    const all = room.allocatable[name] ?? 0
    if (amount <= all - (room.requested[name] ?? 0)) continue
    reasons.push(amount > all ? unresolvable(`Insufficient ${name}`) : resolvable(`Insufficient ${name}`))
  }
  return reasons
}
