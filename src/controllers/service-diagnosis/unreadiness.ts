import type { Container, ContainerState, Pod, Probe } from '../../kube/types/core.ts'

export interface Unreadiness {
  readonly why: string
  readonly field?: string
  readonly mend?: string
}

/** What every container waits for before it runs for the first time. */
const STARTING: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing'])

/** Whether something has gone wrong with a pod, other than that it is not ready yet. */
export function isBroken({ status }: Pod): boolean {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  const failed = statuses.some(({ state }) => {
    const { waiting, terminated } = state ?? {}
    if (waiting?.reason !== undefined && !STARTING.has(waiting.reason)) return true
    return terminated !== undefined && terminated.exitCode !== 0
  })
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return failed || scheduled?.status === 'False'
}

/** Why a pod is not ready. The text stays the same for as long as the reason does. */
export function unreadiness(pod: Pod): Unreadiness {
  const { metadata, spec, status } = pod
  if (metadata.deletionTimestamp !== undefined) return { why: 'it is being deleted' }
  if (spec.nodeName === undefined || spec.nodeName === '') {
    const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
    const why = `it has no node${scheduled?.message === undefined ? '' : ` (${scheduled.message})`}`
    return { why, field: 'spec.nodeName' }
  }
  const ofContainer = initialUnreadiness(pod) ?? containerUnreadiness(pod)
  if (ofContainer !== undefined) return ofContainer
  const gate = spec.readinessGates?.find(
    ({ conditionType }) => !status?.conditions?.some(({ type, status: is }) => type === conditionType && is === 'True'),
  )
  if (gate !== undefined)
    return { why: `readiness gate ${gate.conditionType} is not True`, field: 'spec.readinessGates' }
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return { why: ready?.message ?? ready?.reason ?? `its phase is ${status?.phase ?? 'unknown'}` }
}

/** The init container that fails, if one does: all others wait for it. */
function initialUnreadiness({ spec, status }: Pod): Unreadiness | undefined {
  for (const [index, { name }] of (spec.initContainers ?? []).entries()) {
    const { waiting, terminated } = status?.initContainerStatuses?.find((one) => one.name === name)?.state ?? {}
    const field = `spec.initContainers[${index}]`
    if (waiting?.reason !== undefined && !STARTING.has(waiting.reason))
      return { why: `init container ${name} waits: ${waitingText(waiting)}`, field }
    if (terminated !== undefined && terminated.exitCode !== 0)
      return { why: `init container ${name} ended with code ${terminated.exitCode}`, field }
  }
  return undefined
}

function containerUnreadiness({ spec, status }: Pod): Unreadiness | undefined {
  for (const [index, container] of spec.containers.entries()) {
    const state = status?.containerStatuses?.find(({ name }) => name === container.name)
    const field = `spec.containers[${index}]`
    const { waiting, terminated } = state?.state ?? {}
    if (waiting?.reason !== undefined)
      return { why: `container ${container.name} waits: ${waitingText(waiting)}`, field }
    if (terminated !== undefined)
      return { why: `container ${container.name} ended with code ${terminated.exitCode}`, field }
    if (state?.ready === true) continue
    const [kind, probe] = failingProbe(container, state?.started)
    if (probe !== undefined) {
      const mend = `let the container answer ${probeText(probe)}, or correct the probe`
      return { why: `its ${kind} (${probeText(probe)}) fails`, field: `${field}.${kind}`, mend }
    }
  }
  return undefined
}

/** Without how long it still waits, which changes from time to time. */
function waitingText({ reason = '', message = '' }: NonNullable<ContainerState['waiting']>): string {
  return message === '' || /^back-off \S+ restarting/.test(message) ? reason : `${reason} (${message})`
}

function failingProbe(
  { readinessProbe, startupProbe }: Container,
  started: boolean | undefined,
): readonly [string, Probe | undefined] {
  return startupProbe !== undefined && started !== true
    ? ['startupProbe', startupProbe]
    : ['readinessProbe', readinessProbe]
}

/** `GET :8080/ready` */
export function probeText({ httpGet, tcpSocket, exec, grpc }: Probe): string {
  if (httpGet !== undefined) return `GET :${httpGet.port}${httpGet.path ?? '/'}`
  if (tcpSocket !== undefined) return `TCP :${tcpSocket.port}`
  if (grpc !== undefined) return `gRPC :${grpc.port}`
  return `exec ${(exec?.command ?? []).join(' ')}`
}
