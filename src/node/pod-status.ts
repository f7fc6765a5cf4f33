import { formatTime } from '../base/time.ts'
import type { Container, ContainerState, ContainerStatus, Pod, PodPhase, PodStatus } from '../kube/types/core.ts'
import type { Condition, ConditionStatus } from '../kube/types/meta.ts'
import { isEphemeral, isInit, isSidecar, restarts } from './container-restart.ts'
import { initFailedForGood, isFinished, isInitDone, isInitialized, restartAt } from './pod-progress.ts'
import { type ContainerProblem, type ContainerView, isLive, type PodView, type RunView, viewOf } from './pod-view.ts'
import { qosClass } from './qos-class.ts'
import { restartDelay } from './restart-delay.ts'
import type { ExitedState } from './runtime/runtime.ts'

export interface StatusContext {
  readonly hostIPs: readonly string[]
  /** Milliseconds since the epoch. */
  readonly now: number
  /** What was last written, or what the object has: times of transitions are kept from it. */
  readonly previous: PodStatus | undefined
}

/** The status of a pod as upstream's kubelet would write it: from its object and what is true on the node, alone. */
export function podStatus(pod: Pod, view: PodView, context: StatusContext): PodStatus {
  const containers = pod.spec.containers.map((container) => containerStatus(pod, container, view, context.now))
  const init = (pod.spec.initContainers ?? []).map((container) => containerStatus(pod, container, view, context.now))
  const added = (pod.spec.ephemeralContainers ?? []).map((container) => addedStatus(pod, container, view, context.now))
  const phase = podPhase(pod, view, containers)
  const addresses = view.sandbox?.addresses ?? lastAddresses(phase, context.previous)
  const [podIP, hostIP] = [addresses[0], context.hostIPs[0]]
  const beside = init.filter((_, at) => isSidecarAt(pod, at))
  return {
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
    phase,
    ...(view.failed === undefined ? {} : { reason: view.failed.reason, message: view.failed.message }),
    conditions: conditions(pod, view, { phase, containers: [...beside, ...containers], context }),
    ...(hostIP === undefined ? {} : { hostIP, hostIPs: context.hostIPs.map((ip) => ({ ip })) }),
    ...(podIP === undefined ? {} : { podIP, podIPs: addresses.map((ip) => ({ ip })) }),
    startTime: context.previous?.startTime ?? formatTime(context.now),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: containers,
    ...(added.length === 0 ? {} : { ephemeralContainerStatuses: added }),
    qosClass: context.previous?.qosClass ?? qosClass(pod.spec),
  }
}

function isSidecarAt(pod: Pod, at: number): boolean {
  const container = pod.spec.initContainers?.[at]
  return container !== undefined && isSidecar(pod, container)
}

/** A pod that has ended shows where it was; its addresses may be another's by now. */
function lastAddresses(phase: PodPhase, previous: PodStatus | undefined): readonly string[] {
  const ended = phase === 'Succeeded' || phase === 'Failed'
  return ended ? (previous?.podIPs ?? []).map(({ ip }) => ip) : []
}

function containerStatus(pod: Pod, container: Container, view: PodView, now: number): ContainerStatus {
  const known = viewOf(view, container.name)
  const once = isInit(pod, container) && !isSidecar(pod, container)
  const context = { container, now, initialized: isInitialized(pod, view), ended: view.failed !== undefined }
  const { state, lastState } = containerStates(pod, known, context)
  const running = state.running !== undefined
  const ready = once ? state.terminated?.exitCode === 0 : running && known.started && known.ready
  return {
    name: container.name,
    state,
    lastState: lastState ?? {},
    ready,
    started: running && (once || known.started),
    restartCount: known.run?.attempt ?? 0,
    image: known.image?.name ?? container.image,
    imageID: known.image?.id ?? '',
    ...(known.run === undefined ? {} : { containerID: `runc://${known.run.id}` }),
    ...(once || isEphemeral(pod, container) ? {} : resourceStatus(container, known)),
  }
}

/** What the container has: what it was allotted, until it runs. */
function resourceStatus({ resources = {} }: Container, { run, resources: actual }: ContainerView) {
  return {
    ...(resources.requests === undefined ? {} : { allocatedResources: resources.requests }),
    resources: run?.state.kind === 'running' ? (actual ?? resources) : resources,
  }
}

/** It serves nobody, and is never ready. */
function addedStatus(pod: Pod, container: Container, view: PodView, now: number): ContainerStatus {
  const { started: _, ...status } = containerStatus(pod, container, view, now)
  return { ...status, ready: false }
}

interface StateContext {
  readonly container: Container
  readonly initialized: boolean
  /** The node has given the pod up. */
  readonly ended: boolean
  readonly now: number
}

const CREATING: ContainerState = { waiting: { reason: 'ContainerCreating' } }

function containerStates(
  pod: Pod,
  view: ContainerView,
  context: StateContext,
): { state: ContainerState; lastState?: ContainerState } {
  const { run, lastRun, problem } = view
  const last = lastRun === undefined ? {} : { lastState: terminated(lastRun) }
  if (run === undefined) return { state: { waiting: waits(problem) ? reasonOf(problem) : notStarted(context, pod) } }
  // A container counts as running once its first hook is done.
  if (run.state.kind === 'starting' || view.postStart === 'running') return { state: CREATING, ...last }
  if (run.state.kind === 'running')
    return { state: { running: { startedAt: formatTime(run.state.startedAt) } }, ...last }
  const ended = { ...run, state: run.state }
  const stays = pod.metadata.deletionTimestamp !== undefined || context.ended
  const again = !stays && (view.replaced === true || restarts(pod, context.container, ended.state))
  if (again && waits(problem)) return { state: { waiting: reasonOf(problem) }, lastState: terminated(ended) }
  if (again && restartAt(view) > context.now) {
    return { state: { waiting: crashLoop(pod, view, run) }, lastState: terminated(ended) }
  }
  return { state: terminated(ended), ...last }
}

/** Why there is no container is told by an Event; why one cannot start, by its state. */
function waits(problem: ContainerProblem | undefined): problem is ContainerProblem {
  return problem !== undefined && problem.reason !== 'ContainerCreating'
}

function reasonOf({ reason, message }: { reason: string; message: string }) {
  return { reason, message }
}

function notStarted({ container, initialized }: StateContext, pod: Pod) {
  const waitsForInit = (pod.spec.initContainers?.length ?? 0) > 0 && (isInit(pod, container) || !initialized)
  return { reason: waitsForInit ? 'PodInitializing' : 'ContainerCreating' }
}

function crashLoop(pod: Pod, view: ContainerView, run: RunView) {
  const { name, namespace, uid } = pod.metadata
  const delay = duration(restartDelay(view.crashes))
  const container = run.id.slice(`${uid}-`.length, -`-${run.attempt}`.length)
  const message = `back-off ${delay} restarting failed container=${container} pod=${name}_${namespace}(${uid})`
  return { reason: 'CrashLoopBackOff', message }
}

/** `10s`, `2m40s`, as Go prints durations. */
export function duration(ms: number): string {
  const total = Math.round(ms / 1000)
  return total < 60 ? `${total}s` : `${Math.floor(total / 60)}m${total % 60}s`
}

function terminated({ id, state }: RunView & { readonly state: ExitedState }): ContainerState {
  const { exitCode, startedAt, finishedAt, message } = state
  return {
    terminated: {
      exitCode,
      reason: state.reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
      ...(message === undefined ? {} : { message }),
      startedAt: formatTime(startedAt ?? finishedAt),
      finishedAt: formatTime(finishedAt),
      containerID: `runc://${id}`,
    },
  }
}

function podPhase(pod: Pod, view: PodView, statuses: readonly ContainerStatus[]): PodPhase {
  const runs = pod.spec.containers.map(({ name }) => viewOf(view, name).run)
  const nothingRuns = ![...view.containers.values()].some(({ run }) => isLive(run))
  const gone = view.ending !== undefined || view.failed !== undefined
  const endedForGood = nothingRuns && (isFinished(pod, view) || gone)
  if (endedForGood) return finalPhase(pod, view, runs)
  if (!isInitialized(pod, view)) return 'Pending'
  const waits = statuses.some(({ state, lastState }) => state?.waiting !== undefined && !lastState?.terminated)
  return waits ? 'Pending' : 'Running'
}

function finalPhase(pod: Pod, view: PodView, runs: readonly (RunView | undefined)[]): PodPhase {
  if (initFailedForGood(pod, view) || view.failed !== undefined) return 'Failed'
  const succeeded = runs.every((run) => run?.state.kind === 'exited' && run.state.exitCode === 0)
  return succeeded ? 'Succeeded' : 'Failed'
}

interface ConditionContext {
  readonly phase: PodPhase
  readonly containers: readonly ContainerStatus[]
  readonly context: StatusContext
}

/** The kubelet's own conditions, then those of others as they are. */
function conditions(pod: Pod, view: PodView, { phase, containers, context }: ConditionContext): Condition[] {
  const before = context.previous?.conditions ?? pod.status?.conditions ?? []
  const containersReady = containersReadyCondition(phase, containers)
  const own = [
    condition('PodReadyToStartContainers', view.sandbox !== undefined),
    initializedCondition(pod, view, phase),
    readyCondition(pod, containersReady),
    containersReady,
    condition('PodScheduled', true),
    ...evictedCondition(view),
    ...resizeConditions(view),
  ]
  const mine = new Set([...RESIZE_CONDITIONS, ...own.map(({ type }) => type)])
  const foreign = (pod.status?.conditions ?? []).filter(({ type }) => !mine.has(type))
  const { generation } = pod.metadata
  const seen = generation === undefined ? {} : { observedGeneration: generation }
  return [...own.map((condition) => withTransition({ ...seen, ...condition }, before, context.now)), ...foreign]
}

/** They are there as long as they hold. */
const RESIZE_CONDITIONS = ['PodResizePending', 'PodResizeInProgress']

/** What of a resize is yet to be done (KEP 1287). */
function resizeConditions({ resize }: PodView): Condition[] {
  const { pending, progress } = resize ?? {}
  const of = (generation: number | undefined) => (generation === undefined ? {} : { observedGeneration: generation })
  const failed = progress?.error === undefined ? undefined : { reason: 'Error', message: progress.error }
  return [
    ...(pending === undefined
      ? []
      : [{ ...condition('PodResizePending', true, reasonOf(pending)), ...of(pending.generation) }]),
    ...(progress === undefined
      ? []
      : [{ ...condition('PodResizeInProgress', true, failed), ...of(progress.generation) }]),
  ]
}

/** What controllers look at to tell a pod that was made to go from one that failed (KEP 3329). */
function evictedCondition({ failed }: PodView): Condition[] {
  if (failed?.reason !== 'Evicted') return []
  return [condition('DisruptionTarget', true, { reason: 'TerminationByKubelet', message: failed.message })]
}

function condition(type: string, holds: boolean, why?: { reason: string; message?: string }): Condition {
  const status: ConditionStatus = holds ? 'True' : 'False'
  return { type, status, ...why }
}

function initializedCondition(pod: Pod, view: PodView, phase: PodPhase): Condition {
  if (phase === 'Succeeded') return condition('Initialized', true, { reason: 'PodCompleted' })
  if (isInitialized(pod, view)) return condition('Initialized', true)
  const missing = (pod.spec.initContainers ?? []).filter((container) => !isInitDone(pod, container, view))
  const names = missing.map(({ name }) => name)
  const message = `containers with incomplete status: [${names.join(' ')}]`
  return condition('Initialized', false, { reason: 'ContainersNotInitialized', message })
}

function containersReadyCondition(phase: PodPhase, containers: readonly ContainerStatus[]): Condition {
  if (phase === 'Succeeded') return condition('ContainersReady', false, { reason: 'PodCompleted' })
  if (phase === 'Failed') return condition('ContainersReady', false, { reason: 'PodFailed' })
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name)
  if (unready.length === 0) return condition('ContainersReady', true)
  const message = `containers with unready status: [${unready.join(' ')}]`
  return condition('ContainersReady', false, { reason: 'ContainersNotReady', message })
}

function readyCondition(pod: Pod, containersReady: Condition): Condition {
  if (containersReady.status !== 'True') return { ...containersReady, type: 'Ready' }
  const closed = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => closedGate(pod, conditionType) ?? [])
  if (closed.length === 0) return condition('Ready', true)
  return condition('Ready', false, { reason: 'ReadinessGatesNotReady', message: closed.join(', ') })
}

/** Why a gate holds the pod back; `undefined` when it does not. */
function closedGate(pod: Pod, type: string): string | undefined {
  const status = pod.status?.conditions?.find((one) => one.type === type)?.status
  if (status === undefined) return `corresponding condition of pod readiness gate "${type}" does not exist.`
  return status === 'True' ? undefined : `the status of pod readiness gate "${type}" is not "True", but ${status}`
}

function withTransition(wanted: Condition, before: readonly Condition[], now: number): Condition {
  const old = before.find(({ type }) => type === wanted.type)
  const kept = old?.status === wanted.status ? old.lastTransitionTime : undefined
  return { ...wanted, lastProbeTime: null, lastTransitionTime: kept ?? formatTime(now) }
}
