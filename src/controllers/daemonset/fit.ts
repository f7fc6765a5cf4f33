import type { DaemonSet } from '../../kube/types/apps.ts'
import type { Node, PodSpec, Toleration } from '../../kube/types/core.ts'
import { matchesNode } from '../node-affinity.ts'
import { readinessTaint, TAINT_NOT_READY, TAINT_UNREACHABLE, TAINT_UNSCHEDULABLE, untolerated } from '../taints.ts'

/** What every pod of a DaemonSet tolerates (upstream `AddOrUpdateDaemonPodTolerations`). */
const TOLERATED: readonly Toleration[] = [
  { key: TAINT_NOT_READY, operator: 'Exists', effect: 'NoExecute' },
  { key: TAINT_UNREACHABLE, operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: TAINT_UNSCHEDULABLE, operator: 'Exists', effect: 'NoSchedule' },
]
const NETWORK_UNAVAILABLE: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
}

/** The tolerations of the set's pods: those of the template, and those that every such pod has. */
export function tolerationsOf(spec: PodSpec): readonly Toleration[] {
  const added = spec.hostNetwork === true ? [...TOLERATED, NETWORK_UNAVAILABLE] : TOLERATED
  const own = spec.tolerations ?? []
  const has = (wanted: Toleration) => own.some(({ key, effect }) => key === wanted.key && effect === wanted.effect)
  return [...own, ...added.filter((toleration) => !has(toleration))]
}

/** Whether a node gets a pod of the set, and whether one that is there may stay. */
export function fitOf(set: DaemonSet, node: Node): { readonly wanted: boolean; readonly mayStay: boolean } {
  const { spec } = set.spec.template
  const selected = matchesNode(spec, node)
  const named = spec.nodeName === undefined || spec.nodeName === '' || spec.nodeName === node.metadata.name
  if (!selected || !named) return { wanted: false, mayStay: false }
  const implied = readinessTaint(node)
  const taints = [
    ...(node.spec?.taints ?? []),
    ...(implied === undefined ? [] : [{ key: implied, effect: 'NoSchedule' as const }]),
  ]
  const tolerations = tolerationsOf(spec)
  return {
    wanted: untolerated(taints, tolerations, ['NoSchedule', 'NoExecute']) === undefined,
    mayStay: untolerated(taints, tolerations, ['NoExecute']) === undefined,
  }
}
