import type { Node, Taint, Toleration } from '../kube/types/core.ts'

export const TAINT_NOT_READY = 'node.kubernetes.io/not-ready'
export const TAINT_UNREACHABLE = 'node.kubernetes.io/unreachable'
export const TAINT_UNSCHEDULABLE = 'node.kubernetes.io/unschedulable'
/** Set by people: what runs on this node does not run any more, and need not be waited for. */
export const TAINT_OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service'
/** Taints for conditions of a node that are True. */
export const CONDITION_TAINTS: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
}

/** Whether one toleration covers the taint. An empty key with `Exists` tolerates everything. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== '' && toleration.effect !== taint.effect) return false
  const anyKey = toleration.key === undefined || toleration.key === ''
  if (!anyKey && toleration.key !== taint.key) return false
  if (toleration.operator === 'Exists') return true
  return !anyKey && (toleration.value ?? '') === (taint.value ?? '')
}

/** The first taint with one of the effects that no toleration covers. */
export function untolerated(
  taints: readonly Taint[],
  tolerations: readonly Toleration[],
  effects: readonly Taint['effect'][],
): Taint | undefined {
  return taints.find(
    (taint) => effects.includes(taint.effect) && !tolerations.some((toleration) => tolerates(toleration, taint)),
  )
}

/**
 * The taint that a node's Ready condition asks for: not-ready for False and for a node that has said nothing yet,
 * unreachable for Unknown, none for True.
 */
export function readinessTaint(node: Node): string | undefined {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')
  if (ready?.status === 'True') return undefined
  return ready?.status === 'Unknown' ? TAINT_UNREACHABLE : TAINT_NOT_READY
}
