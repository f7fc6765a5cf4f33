import type { Node, Pod, Taint } from '../../kube/types/core.ts'
import { readinessTaint, TAINT_UNSCHEDULABLE, untolerated } from '../taints.ts'

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
type Filter = (needs: PodNeeds, room: NodeRoom) => readonly string[]

const FILTERS: readonly Filter[] = [unschedulable, taints, selector, hostPorts, resources]

/** Why the pod cannot run on the node (the reasons of the first rule that refuses); empty when it can. */
export function refusals(needs: PodNeeds, room: NodeRoom): readonly string[] {
  for (const filter of FILTERS) {
    const reasons = filter(needs, room)
    if (reasons.length > 0) return reasons
  }
  return []
}

function unschedulable({ pod }: PodNeeds, { node }: NodeRoom): readonly string[] {
  if (node.spec?.unschedulable !== true) return []
  const taint: Taint = { key: TAINT_UNSCHEDULABLE, effect: 'NoSchedule' }
  return untolerated([taint], pod.spec.tolerations ?? [], ['NoSchedule']) === undefined
    ? []
    : ['node(s) were unschedulable']
}

/** A node that is not Ready is refused by the taint it is about to get, so that a new node wins no race. */
function taints({ pod }: PodNeeds, { node }: NodeRoom): readonly string[] {
  const implied = readinessTaint(node)
  const all: Taint[] = [...(node.spec?.taints ?? [])].filter((taint) => taint.key !== TAINT_UNSCHEDULABLE)
  if (implied !== undefined) all.push({ key: implied, effect: 'NoSchedule' })
  const taint = untolerated(all, pod.spec.tolerations ?? [], ['NoSchedule', 'NoExecute'])
  return taint === undefined ? [] : [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`]
}

function selector({ pod }: PodNeeds, { node }: NodeRoom): readonly string[] {
  const labels = node.metadata.labels ?? {}
  const matches = Object.entries(pod.spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)
  return matches ? [] : ["node(s) didn't match Pod's node affinity/selector"]
}

function hostPorts({ hostPorts: wanted }: PodNeeds, { hostPorts: used }: NodeRoom): readonly string[] {
  return wanted.some((port) => conflicts(port, used))
    ? ["node(s) didn't have free ports for the requested pod ports"]
    : []
}

/** A port on 0.0.0.0 collides with the same port on every address. */
function conflicts(port: string, used: ReadonlySet<string>): boolean {
  const [protocol, ip, number] = port.split('/')
  if (ip !== '0.0.0.0') return used.has(port) || used.has(`${protocol}/0.0.0.0/${number}`)
  return [...used].some((other) => other.startsWith(`${protocol}/`) && other.endsWith(`/${number}`))
}

function resources({ requests }: PodNeeds, room: NodeRoom): readonly string[] {
  const reasons: string[] = []
  const { pods: podLimit } = room.allocatable
  if (podLimit !== undefined && room.pods + 1 > podLimit) reasons.push('Too many pods')
  for (const [name, amount] of Object.entries(requests)) {
    if (amount === 0) continue
    const free = (room.allocatable[name] ?? 0) - (room.requested[name] ?? 0)
    if (amount > free) reasons.push(`Insufficient ${name}`)
  }
  return reasons
}
