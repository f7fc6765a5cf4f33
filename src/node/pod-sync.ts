import type { Container, Pod, RestartPolicy } from '../kube/types/core.ts'
import { type ContainerView, isLive, type PodView, viewOf } from './pod-view.ts'
import { restartDelay } from './restart-delay.ts'
import type { ExitedState } from './runtime/runtime.ts'

/** One step towards what the pod's object asks for. */
export type PodAction =
  | { readonly kind: 'create-sandbox' }
  | { readonly kind: 'start'; readonly container: Container; readonly attempt: number }
  /** Ask a container to end. */
  | { readonly kind: 'terminate'; readonly container: string; readonly reason: 'deleted' | 'unhealthy' }
  /** End it now: its time is over. */
  | { readonly kind: 'kill'; readonly container: string }
  /** Nothing runs any more and never will: give back network and addresses, keep status and logs. */
  | { readonly kind: 'remove-sandbox' }
  /** Forget the pod here, and then delete its object. */
  | { readonly kind: 'remove-pod' }

export interface PodPlan {
  readonly actions: readonly PodAction[]
  /** Look again at this time, in milliseconds since the epoch, even if nothing happens. */
  readonly wakeAt?: number
}

/** Grace of a pod whose object is gone: it was deleted by force, or while the agent was away. */
const VANISHED_GRACE_MS = 1000
const DEFAULT_GRACE_SECONDS = 30

/** What to do next for a pod: the whole decision, from data alone. Called again after every change. */
export function planPod(pod: Pod, view: PodView, now: number): PodPlan {
  if (view.ending !== undefined) return planEnd(pod, view, view.ending, now)
  if (isFinishedElsewhere(pod, view)) return { actions: [] }
  if (isFinished(pod, view)) return { actions: view.sandbox === undefined ? [] : [{ kind: 'remove-sandbox' }] }
  if (view.sandbox === undefined) return planSandbox(view, now)
  const init = planInit(pod, view, now)
  if (init !== undefined) return init
  return merge(pod.spec.containers.map((container) => planContainer(container, viewOf(view, container.name), pod, now)))
}

/** Every container has ended for good; so has the pod. */
export function isFinished(pod: Pod, view: PodView): boolean {
  const policy = restartPolicy(pod)
  if (initFailedForGood(pod, view)) return true
  return pod.spec.containers.every(({ name }) => {
    const state = viewOf(view, name).run?.state
    return state?.kind === 'exited' && !restarts(policy, state)
  })
}

/**
 * The pod's object says that it has ended for good, and nothing of it is known here: it ended before the machine was
 * started anew. It never runs again.
 */
export function isFinishedElsewhere(pod: Pod, view: PodView): boolean {
  const phase = pod.status?.phase
  if (phase !== 'Succeeded' && phase !== 'Failed') return false
  return [...view.containers.values()].every(({ run }) => run === undefined)
}

export function restartPolicy(pod: Pod): RestartPolicy {
  return pod.spec.restartPolicy ?? 'Always'
}

/** Whether a container that ended so is started again. */
export function restarts(policy: RestartPolicy, { exitCode }: ExitedState): boolean {
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

/** When the next run may start; in the past for one that never ran. */
export function restartAt(view: ContainerView): number {
  const state = view.run?.state
  const afterCrash = state?.kind === 'exited' ? state.finishedAt + restartDelay(view.crashes) : 0
  return Math.max(afterCrash, view.problem?.retryAt ?? 0)
}

/** Whether every init container has succeeded, or did in an earlier life of this pod's containers. */
export function isInitialized(pod: Pod, view: PodView): boolean {
  if (pod.spec.containers.some(({ name }) => viewOf(view, name).run !== undefined)) return true
  return (pod.spec.initContainers ?? []).every(({ name }) => hasSucceeded(viewOf(view, name)))
}

export function initFailedForGood(pod: Pod, view: PodView): boolean {
  if (restartPolicy(pod) !== 'Never' || isInitialized(pod, view)) return false
  return (pod.spec.initContainers ?? []).some(({ name }) => {
    const state = viewOf(view, name).run?.state
    return state?.kind === 'exited' && state.exitCode !== 0
  })
}

/** When a pod that is being ended has no more time, in milliseconds since the epoch. */
export function endDeadline(pod: Pod, { since, vanished }: NonNullable<PodView['ending']>): number {
  if (vanished) return since + VANISHED_GRACE_MS
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata
  const grace = deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
  // The API's time has whole seconds, cut off: it decides only for an agent that came late.
  const announced = deletionTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(deletionTimestamp) + 1000
  return Math.min(since + grace * 1000, announced)
}

function planSandbox({ sandboxProblem }: PodView, now: number): PodPlan {
  if (sandboxProblem !== undefined && sandboxProblem.retryAt > now) {
    return { actions: [], wakeAt: sandboxProblem.retryAt }
  }
  return { actions: [{ kind: 'create-sandbox' }] }
}

/** Init containers run one after the other; `undefined` once all have succeeded. */
function planInit(pod: Pod, view: PodView, now: number): PodPlan | undefined {
  if (isInitialized(pod, view)) return undefined
  const next = (pod.spec.initContainers ?? []).find(({ name }) => !hasSucceeded(viewOf(view, name)))
  if (next === undefined) return undefined
  const container = viewOf(view, next.name)
  if (isLive(container.run)) return { actions: [] }
  return startWhenDue(next, container, now)
}

function hasSucceeded({ run }: ContainerView): boolean {
  return run?.state.kind === 'exited' && run.state.exitCode === 0
}

function planContainer(container: Container, view: ContainerView, pod: Pod, now: number): PodPlan {
  const state = view.run?.state
  if (state === undefined) return startWhenDue(container, view, now)
  if (state.kind === 'exited') {
    return restarts(restartPolicy(pod), state) ? startWhenDue(container, view, now) : { actions: [] }
  }
  if (view.unhealthy === undefined) return { actions: [] }
  const deadline = (view.stoppingSince ?? now) + view.unhealthy.graceSeconds * 1000
  return planStop(container.name, view, { deadline, now, reason: 'unhealthy' })
}

function startWhenDue(container: Container, view: ContainerView, now: number): PodPlan {
  const due = restartAt(view)
  if (due > now) return { actions: [], wakeAt: due }
  return { actions: [{ kind: 'start', container, attempt: view.run === undefined ? 0 : view.run.attempt + 1 }] }
}

function planEnd(pod: Pod, view: PodView, ending: NonNullable<PodView['ending']>, now: number): PodPlan {
  const deadline = endDeadline(pod, ending)
  const live = [...view.containers].filter(([, container]) => isLive(container.run))
  if (live.length === 0) return { actions: [{ kind: 'remove-pod' }] }
  return merge(live.map(([name, container]) => planStop(name, container, { deadline, now, reason: 'deleted' })))
}

interface Stop {
  readonly deadline: number
  readonly now: number
  readonly reason: 'deleted' | 'unhealthy'
}

function planStop(container: string, view: ContainerView, { deadline, now, reason }: Stop): PodPlan {
  if (now >= deadline) return { actions: [{ kind: 'kill', container }] }
  // A container that is just starting takes no signal yet; its start is a change, after which it is asked.
  const ask = view.stoppingSince === undefined && view.run?.state.kind === 'running'
  return { actions: ask ? [{ kind: 'terminate', container, reason }] : [], wakeAt: deadline }
}

function merge(plans: readonly PodPlan[]): PodPlan {
  const times = plans.flatMap(({ wakeAt }) => wakeAt ?? [])
  const actions = plans.flatMap((plan) => plan.actions)
  return times.length === 0 ? { actions } : { actions, wakeAt: Math.min(...times) }
}
