import type { Container, Pod } from '../kube/types/core.ts'
import { isSidecar, restarts } from './container-restart.ts'
import { type ContainerView, isLive, type PodView, viewOf } from './pod-view.ts'
import { restartDelay } from './restart-delay.ts'

/** Every container has ended for good, or will never start; sidecars have nothing left to serve. */
export function isFinished(pod: Pod, view: PodView): boolean {
  if (initFailedForGood(pod, view)) return true
  return pod.spec.containers.every((container) => hasEndedForGood(pod, container, view))
}

function hasEndedForGood(pod: Pod, container: Container, view: PodView): boolean {
  const { run, replaced } = viewOf(view, container.name)
  return run?.state.kind === 'exited' && replaced !== true && !restarts(pod, container, run.state)
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

/** When the next run may start; in the past for one that never ran. */
export function restartAt(view: ContainerView): number {
  const state = view.run?.state
  const afterCrash = state?.kind === 'exited' ? state.finishedAt + restartDelay(view.crashes) : 0
  return Math.max(afterCrash, view.problem?.retryAt ?? 0)
}

/** Whether every init container is done, or was in an earlier life of this pod's containers. */
export function isInitialized(pod: Pod, view: PodView): boolean {
  if (pod.spec.containers.some(({ name }) => viewOf(view, name).run !== undefined)) return true
  return (pod.spec.initContainers ?? []).every((container) => isInitDone(pod, container, view))
}

/** An init container is done when it has succeeded, a sidecar when it has started. */
export function isInitDone(pod: Pod, container: Container, view: PodView): boolean {
  const known = viewOf(view, container.name)
  return isSidecar(pod, container) ? isUp(known) : hasSucceeded(known)
}

export function initFailedForGood(pod: Pod, view: PodView): boolean {
  if (isInitialized(pod, view)) return false
  return (pod.spec.initContainers ?? []).some((container) => {
    const state = viewOf(view, container.name).run?.state
    return state?.kind === 'exited' && state.exitCode !== 0 && !restarts(pod, container, state)
  })
}

export function hasSucceeded({ run }: ContainerView): boolean {
  return run?.state.kind === 'exited' && run.state.exitCode === 0
}

/** It runs, its startup probe has succeeded, and its `postStart` hook is done. */
export function isUp({ run, started, postStart }: ContainerView): boolean {
  return run?.state.kind === 'running' && started && postStart === undefined
}

export function liveContainers(view: PodView): readonly string[] {
  return [...view.containers].flatMap(([name, { run }]) => (isLive(run) ? [name] : []))
}
