import { formatTime } from '../../base/time.ts'
import { isConditionTrue } from '../../kube/conditions.ts'
import type { Node, Taint } from '../../kube/types/core.ts'
import type { Condition } from '../../kube/types/meta.ts'
import { CONDITION_TAINTS, readinessTaint, TAINT_NOT_READY, TAINT_UNREACHABLE, TAINT_UNSCHEDULABLE } from '../taints.ts'

/** A node that has been silent for so long is Unknown (upstream `--node-monitor-grace-period`). */
export const GRACE_MS = 50_000

/** Conditions that nobody can vouch for once the node is silent. */
const REPORTED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const

/**
 * The conditions of a node that has stopped to report: Unknown. `undefined` when they say so already.
 *
 * @param now Milliseconds since the epoch.
 */
export function silentConditions(node: Node, now: number): readonly Condition[] | undefined {
  const known = node.status?.conditions ?? []
  const time = formatTime(now)
  if (REPORTED.every((type) => known.some((condition) => condition.type === type && condition.status === 'Unknown'))) {
    return undefined
  }
  const unknown = REPORTED.map((type): Condition => {
    const before = known.find((condition) => condition.type === type)
    if (before?.status === 'Unknown') return before
    if (before === undefined) {
      const message = 'Kubelet never posted node status.'
      const heartbeat = node.metadata.creationTimestamp ?? time
      return { ...condition(type, 'NodeStatusNeverUpdated', message, time), lastHeartbeatTime: heartbeat }
    }
    const message = 'Kubelet stopped posting node status.'
    return { ...before, ...condition(type, 'NodeStatusUnknown', message, time) }
  })
  return [...known.filter(({ type }) => !REPORTED.some((reported) => reported === type)), ...unknown]
}

/**
 * The taints that a node's conditions and `unschedulable` ask for, beside the ones that are not ours: NoSchedule for
 * the scheduler, NoExecute for eviction. `undefined` when it has them already.
 */
export function wantedTaints(node: Node, now: number): readonly Taint[] | undefined {
  const known = node.spec?.taints ?? []
  const readiness = readinessTaint(node)
  const wanted: Taint[] = []
  if (readiness !== undefined) {
    wanted.push({ key: readiness, effect: 'NoSchedule' }, { key: readiness, effect: 'NoExecute' })
  }
  for (const [type, key] of Object.entries(CONDITION_TAINTS)) {
    if (isConditionTrue(node.status?.conditions, type)) wanted.push({ key, effect: 'NoSchedule' })
  }
  if (node.spec?.unschedulable === true) wanted.push({ key: TAINT_UNSCHEDULABLE, effect: 'NoSchedule' })
  const managed = known.filter(isManaged)
  const same =
    managed.length === wanted.length && wanted.every((taint) => managed.some((other) => isSame(other, taint)))
  if (same) return undefined
  const timeAdded = formatTime(now)
  const next = wanted.map((taint) => managed.find((other) => isSame(other, taint)) ?? { ...taint, timeAdded })
  return [...known.filter((taint) => !isManaged(taint)), ...next]
}

/** Whether condition Ready is True. */
export function isNodeReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}

function condition(type: string, reason: string, message: string, time: string): Condition {
  return { type, status: 'Unknown', reason, message, lastTransitionTime: time }
}

const MANAGED: ReadonlySet<string> = new Set([
  TAINT_NOT_READY,
  TAINT_UNREACHABLE,
  TAINT_UNSCHEDULABLE,
  ...Object.values(CONDITION_TAINTS),
])

function isManaged({ key }: Taint): boolean {
  return MANAGED.has(key)
}

function isSame(left: Taint, right: Taint): boolean {
  return left.key === right.key && left.effect === right.effect
}
