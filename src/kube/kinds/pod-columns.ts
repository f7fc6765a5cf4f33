import type { Column } from '../kind.ts'
import type { ContainerStatus, Pod } from '../types/core.ts'
import { ageCell, ageColumn } from './printing.ts'

/** What `kubectl get pods` shows (upstream `printPod`). */
export const podColumns: readonly Column<Pod>[] = [
  {
    name: 'Ready',
    type: 'string',
    description: 'The aggregate readiness state of this pod for accepting traffic.',
    cell(pod) {
      const ready = (pod.status?.containerStatuses ?? []).filter(isReady).length
      return `${ready}/${pod.spec.containers.length}`
    },
  },
  {
    name: 'Status',
    type: 'string',
    description: 'The aggregate status of the containers in this pod.',
    cell: statusCell,
  },
  {
    name: 'Restarts',
    type: 'string',
    description:
      'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    cell: restartsCell,
  },
  ageColumn,
  wide('IP', (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP),
  wide('Node', (pod) => pod.spec.nodeName),
  wide('Nominated Node', () => undefined),
  wide('Readiness Gates', gatesCell),
]

function wide(name: string, cell: (pod: Pod) => string | undefined): Column<Pod> {
  return { name, type: 'string', priority: 1, description: `${name} of the pod.`, cell: (pod) => cell(pod) || '<none>' }
}

function isReady(status: ContainerStatus): boolean {
  return status.ready && status.state?.running !== undefined
}

/** The phase, or what keeps the pod from being in it: the reason of a container, an init container, the deletion. */
function statusCell(pod: Pod): string {
  const status = pod.status ?? {}
  const gated = status.conditions?.some((each) => each.type === 'PodScheduled' && each.reason === 'SchedulingGated')
  let reason = gated === true ? 'SchedulingGated' : status.reason || status.phase || 'Unknown'
  const init = initReason(pod)
  if (init !== undefined) reason = init
  else reason = containersReason(pod, reason)
  if (pod.metadata.deletionTimestamp === undefined) return reason
  return status.reason === 'NodeLost' ? 'Unknown' : 'Terminating'
}

function initReason(pod: Pod): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? []
  for (const [index, status] of statuses.entries()) {
    const { terminated, waiting } = status.state ?? {}
    if (terminated !== undefined && terminated.exitCode === 0) continue
    if (terminated !== undefined) return `Init:${terminatedReason(terminated)}`
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`
    return `Init:${index}/${pod.spec.initContainers?.length ?? statuses.length}`
  }
  return undefined
}

function containersReason(pod: Pod, phase: string): string {
  let reason = phase
  let running = false
  for (const status of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    const { waiting, terminated } = status.state ?? {}
    if (waiting?.reason) reason = waiting.reason
    else if (terminated !== undefined) reason = terminatedReason(terminated)
    else if (isReady(status)) running = true
  }
  if (reason !== 'Completed' || !running) return reason
  const ready = pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')
  return ready ? 'Running' : 'NotReady'
}

function terminatedReason({
  reason,
  signal,
  exitCode,
}: {
  reason?: string
  signal?: number
  exitCode: number
}): string {
  if (reason) return reason
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`
}

function restartsCell(pod: Pod, now: number): string {
  const statuses = pod.status?.containerStatuses ?? []
  const count = statuses.reduce((sum, status) => sum + status.restartCount, 0)
  const last = statuses
    .map((status) => status.lastState?.terminated?.finishedAt)
    .filter((time) => time !== undefined)
    .sort()
    .at(-1)
  return count > 0 && last !== undefined ? `${count} (${ageCell(last, now)} ago)` : String(count)
}

function gatesCell(pod: Pod): string | undefined {
  const gates = pod.spec.readinessGates ?? []
  if (gates.length === 0) return undefined
  const passed = gates.filter(({ conditionType }) =>
    pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === 'True'),
  )
  return `${passed.length}/${gates.length}`
}
