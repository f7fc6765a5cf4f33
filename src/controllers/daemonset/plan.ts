import type { DaemonSet } from '../../kube/types/apps.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import { earliestAvailability, isAvailable, isTerminal } from '../pod-state.ts'
import { fitOf } from './fit.ts'

export const REVISION_LABEL = 'controller-revision-hash'

export interface DaemonSetPlan {
  /** Nodes that get a pod. */
  readonly create: readonly string[]
  readonly delete: readonly Pod[]
  /** Of those deleted, the ones that failed: told in Events. */
  readonly failed: readonly Pod[]
  /** Milliseconds until a ready pod becomes available by `minReadySeconds`, if one is waited for. */
  readonly recheckIn: number | undefined
}

export interface DaemonSetView {
  readonly nodes: readonly Node[]
  /** The set's own pods. */
  readonly pods: readonly Pod[]
  /** Hash of the present template, as pods of it carry it. */
  readonly revision: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The pods of a DaemonSet on one node, by what they are to the plan. */
export interface NodePods {
  readonly node: Node
  /** Whether a pod belongs there. */
  readonly wanted: boolean
  /** Whether a pod that is there may stay. */
  readonly mayStay: boolean
  readonly running: readonly Pod[]
  readonly ended: readonly Pod[]
}

/** What brings one pod to every node that the template fits, and old pods to the present template. */
export function planDaemonSet(set: DaemonSet, view: DaemonSetView): DaemonSetPlan {
  const recheckIn = earliestAvailability(view.pods, set.spec.minReadySeconds ?? 0, view.now)
  if (set.metadata.deletionTimestamp !== undefined) return { create: [], delete: [], failed: [], recheckIn }
  const perNode = podsPerNode(set, view)
  const known = new Set(view.nodes.map(({ metadata }) => metadata.name))
  const stray = view.pods.filter(({ spec, metadata }) => !known.has(spec.nodeName ?? '') && isStaying(metadata))
  const replaced = planUpdate(set, perNode, view)
  const missing = perNode.filter(({ wanted, running, ended }) => wanted && running.length + ended.length === 0)
  const gone = perNode.flatMap((each) => surplusOf(each, set))
  return {
    create: [...missing.map(({ node }) => node.metadata.name), ...replaced.create],
    delete: [...new Set([...stray, ...gone, ...replaced.delete])],
    failed: perNode.flatMap(({ ended }) => ended.filter(({ status }) => status?.phase === 'Failed')),
    recheckIn,
  }
}

/** The set's pods by the nodes there are. */
export function podsPerNode(
  set: DaemonSet,
  { nodes, pods }: Pick<DaemonSetView, 'nodes' | 'pods'>,
): readonly NodePods[] {
  const byNode = new Map<string, Pod[]>()
  for (const pod of pods) {
    const name = pod.spec.nodeName ?? ''
    byNode.set(name, [...(byNode.get(name) ?? []), pod])
  }
  return nodes.map((node) => {
    const own = byNode.get(node.metadata.name) ?? []
    const { wanted, mayStay } = fitOf(set, node)
    return {
      node,
      wanted,
      mayStay,
      // A pod that is being deleted has its place until it is gone.
      running: own.filter((pod) => !isTerminal(pod)).sort(byAge),
      ended: own.filter((pod) => isTerminal(pod) && isStaying(pod.metadata)),
    }
  })
}

/** Pods that have ended, that may not stay, and all but the oldest of each template. */
function surplusOf({ running, ended, mayStay, wanted }: NodePods, set: DaemonSet): readonly Pod[] {
  const staying = running.filter(({ metadata }) => isStaying(metadata))
  if (!mayStay && !wanted) return [...ended, ...staying]
  const surging = surgeOf(set) !== 0
  const seen = new Set<string>()
  const doubled = staying.filter(({ metadata }) => {
    const revision = surging ? (metadata.labels?.[REVISION_LABEL] ?? '') : ''
    if (seen.has(revision)) return true
    seen.add(revision)
    return false
  })
  return [...ended, ...doubled]
}

/** Which old pods make room for new ones: those that are not available at once, others as `maxUnavailable` allows. */
function planUpdate(
  set: DaemonSet,
  perNode: readonly NodePods[],
  { revision, now }: DaemonSetView,
): { readonly create: readonly string[]; readonly delete: readonly Pod[] } {
  if (set.spec.updateStrategy?.type !== 'RollingUpdate') return { create: [], delete: [] }
  const wanted = perNode.filter((each) => each.wanted)
  const available = (pod: Pod) => isStaying(pod.metadata) && isAvailable(pod, set.spec.minReadySeconds ?? 0, now)
  const isOld = (pod: Pod) => pod.metadata.labels?.[REVISION_LABEL] !== revision
  const surge = scaled(surgeOf(set), wanted.length)
  if (surge > 0) return planSurge(wanted, { surge, available, isOld })
  const limit = scaled(set.spec.updateStrategy.rollingUpdate?.maxUnavailable ?? 1, wanted.length)
  let room = limit - wanted.filter(({ running }) => !running.some(available)).length
  const leaving: Pod[] = []
  for (const { running } of wanted) {
    const [pod] = running
    if (pod === undefined || running.length > 1 || !isStaying(pod.metadata) || !isOld(pod)) continue
    if (available(pod) && room-- <= 0) continue
    leaving.push(pod)
  }
  return { create: [], delete: leaving }
}

interface Surge {
  readonly surge: number
  readonly available: (pod: Pod) => boolean
  readonly isOld: (pod: Pod) => boolean
}

/** New pods come beside old ones, which go when the new one of their node is available. */
function planSurge(
  wanted: readonly NodePods[],
  { surge, available, isOld }: Surge,
): { readonly create: readonly string[]; readonly delete: readonly Pod[] } {
  const pairs = wanted.map(({ node, running }) => {
    const old = running.filter((pod) => isOld(pod) && isStaying(pod.metadata))
    return { name: node.metadata.name, old, fresh: running.filter((pod) => !isOld(pod)) }
  })
  const surging = pairs.filter(({ old, fresh }) => old.length > 0 && fresh.length > 0).length
  const waiting = pairs.filter(({ old, fresh }) => old.length > 0 && fresh.length === 0)
  const broken = waiting.filter(({ old }) => !old.some(available))
  const others = waiting.filter(({ old }) => old.some(available)).slice(0, Math.max(0, surge - surging))
  return {
    create: [...broken, ...others].map(({ name }) => name),
    delete: pairs.filter(({ fresh }) => fresh.some(available)).flatMap(({ old }) => old),
  }
}

function surgeOf(set: DaemonSet): number | string {
  const surge = set.spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0
  return surge === '0%' ? 0 : surge
}

/** A number, or a part of all rounded up. */
function scaled(value: number | string, all: number): number {
  if (typeof value === 'number') return value
  return Math.ceil((Number.parseInt(value, 10) / 100) * all)
}

function isStaying({ deletionTimestamp }: Pod['metadata']): boolean {
  return deletionTimestamp === undefined
}

function byAge(left: Pod, right: Pod): number {
  const [a, b] = [left, right].map(({ metadata }) => metadata.creationTimestamp ?? '')
  return (a ?? '').localeCompare(b ?? '') || left.metadata.name.localeCompare(right.metadata.name)
}
