import type { Container, Pod } from '../kube/types/core.ts'
import { isSidecar, restarts, sidecars } from './container-restart.ts'
import { graceSeconds, planEnd, planFailing, planWindDown } from './pod-end.ts'
import { mergePlans, NOTHING, type PodPlan } from './pod-plan.ts'
import { isFinished, isFinishedElsewhere, isInitDone, isInitialized, restartAt } from './pod-progress.ts'
import { type ContainerView, isLive, type PodView, viewOf } from './pod-view.ts'
import { resizeStep } from './resize/decide-resize.ts'

/** What to do next for a pod: the whole decision, from data alone. Called again after every change. */
export function planPod(pod: Pod, view: PodView, now: number): PodPlan {
  if (view.ending !== undefined) return planEnd(pod, view, view.ending, now)
  if (isFinishedElsewhere(pod, view)) return NOTHING
  if (view.failed !== undefined || isFinished(pod, view)) return planWindDown(pod, view, now)
  const overdue = planDeadline(pod, view, now)
  if (overdue.actions.length > 0) return overdue
  if (view.sandbox === undefined) return mergePlans([overdue, planSandbox(view, now)])
  const added = (pod.spec.ephemeralContainers ?? []).map((each) =>
    planContainer(each, viewOf(view, each.name), pod, now),
  )
  return mergePlans([overdue, ...planContainers(pod, view, now), ...added])
}

/** `activeDeadlineSeconds`: a pod that runs for longer has failed. */
function planDeadline(pod: Pod, { startTime }: PodView, now: number): PodPlan {
  const seconds = pod.spec.activeDeadlineSeconds
  if (seconds === undefined || startTime === undefined) return NOTHING
  const deadline = startTime + seconds * 1000
  if (now < deadline) return { actions: [], wakeAt: deadline }
  const message = 'Pod was active on the node longer than the specified deadline'
  return { actions: [{ kind: 'fail', reason: 'DeadlineExceeded', message }] }
}

function planSandbox({ sandboxProblem }: PodView, now: number): PodPlan {
  if (sandboxProblem !== undefined && sandboxProblem.retryAt > now) {
    return { actions: [], wakeAt: sandboxProblem.retryAt }
  }
  return { actions: [{ kind: 'create-sandbox' }] }
}

function planContainers(pod: Pod, view: PodView, now: number): readonly PodPlan[] {
  if (!isInitialized(pod, view)) return planInit(pod, view, now)
  const beside = sidecars(pod).map((container) => planContainer(container, viewOf(view, container.name), pod, now))
  const waiting = pod.spec.containers.findIndex((container) => holdsBack(container, viewOf(view, container.name)))
  const due = waiting < 0 ? pod.spec.containers : pod.spec.containers.slice(0, waiting + 1)
  return [...beside, ...due.map((container) => planContainer(container, viewOf(view, container.name), pod, now))]
}

/** Init containers run one after the other; sidecars among them go on beside those that follow. */
function planInit(pod: Pod, view: PodView, now: number): readonly PodPlan[] {
  const all = pod.spec.initContainers ?? []
  const next = all.findIndex((container) => !isInitDone(pod, container, view))
  return all.slice(0, next + 1).flatMap((container, at) => {
    if (at < next && !isSidecar(pod, container)) return []
    return planContainer(container, viewOf(view, container.name), pod, now)
  })
}

/** Containers are started in order, and each after the first `postStart` hook of the one before it is done. */
function holdsBack({ lifecycle }: Container, { run, postStart }: ContainerView): boolean {
  if (lifecycle?.postStart === undefined) return false
  if (run === undefined) return true
  return run.attempt === 0 && (run.state.kind === 'starting' || postStart === 'running')
}

function planContainer(container: Container, view: ContainerView, pod: Pod, now: number): PodPlan {
  const state = view.run?.state
  if (state === undefined) return startWhenDue(container, view, now)
  if (state.kind === 'exited') {
    return view.replaced === true || restarts(pod, container, state) ? startWhenDue(container, view, now) : NOTHING
  }
  const known = state.kind === 'running' ? view.resources : undefined
  const step = known === undefined ? 'none' : resizeStep(container, known)
  if (view.unhealthy === undefined && view.postStart !== 'failed' && view.replaced !== true && step !== 'restart') {
    return step === 'update' ? resizeWhenDue(container, view, now) : NOTHING
  }
  const seconds = view.unhealthy?.graceSeconds ?? graceSeconds(pod)
  return planFailing(container.name, view, { seconds, now })
}

function resizeWhenDue(container: Container, { resizeProblem }: ContainerView, now: number): PodPlan {
  if (resizeProblem !== undefined && resizeProblem.retryAt > now) return { actions: [], wakeAt: resizeProblem.retryAt }
  return { actions: [{ kind: 'resize', container }] }
}

function startWhenDue(container: Container, view: ContainerView, now: number): PodPlan {
  if (isLive(view.run)) return NOTHING
  const due = restartAt(view)
  if (due > now) return { actions: [], wakeAt: due }
  return { actions: [{ kind: 'start', container, attempt: view.run === undefined ? 0 : view.run.attempt + 1 }] }
}
