import type { Pod } from '../kube/types/core.ts'
import { sidecars } from './container-restart.ts'
import { mergePlans, NOTHING, type PodPlan } from './pod-plan.ts'
import { liveContainers } from './pod-progress.ts'
import { type ContainerView, type PodView, viewOf } from './pod-view.ts'

/** Grace of a pod whose object is gone: it was deleted by force, or while the agent was away. */
const VANISHED_GRACE_MS = 1000
export const DEFAULT_GRACE_SECONDS = 30
/** A container has so long after its stop signal, however little its grace was: upstream's `minimumGracePeriodInSeconds`. */
const MINIMUM_GRACE_MS = 2000

/** When a pod that is being ended has no more time, in milliseconds since the epoch. */
export function endDeadline(pod: Pod, { since, vanished }: NonNullable<PodView['ending']>): number {
  if (vanished) return since + VANISHED_GRACE_MS
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata
  const grace = deletionGracePeriodSeconds ?? graceSeconds(pod)
  // The API's time has whole seconds, cut off: it decides only for an agent that came late.
  const announced = deletionTimestamp === undefined ? Number.POSITIVE_INFINITY : Date.parse(deletionTimestamp) + 1000
  return Math.min(since + grace * 1000, announced)
}

export function graceSeconds({ spec }: Pod): number {
  return spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS
}

/** The pod was deleted: its containers end, then it goes. */
export function planEnd(pod: Pod, view: PodView, ending: NonNullable<PodView['ending']>, now: number): PodPlan {
  const live = liveContainers(view)
  if (live.length === 0) return { actions: [{ kind: 'remove-pod' }] }
  const deadline = endDeadline(pod, ending)
  return mergePlans(live.map((name) => planStop(name, viewOf(view, name), stopOf(pod, view, name, { now, deadline }))))
}

/** The pod goes on to exist, but nothing of it runs any more: what still does ends, then the network is given back. */
export function planWindDown(pod: Pod, view: PodView, now: number): PodPlan {
  const live = liveContainers(view)
  if (live.length === 0) return view.sandbox === undefined ? NOTHING : { actions: [{ kind: 'remove-sandbox' }] }
  return mergePlans(
    live.map((name) => {
      const container = viewOf(view, name)
      const seconds = view.failed?.graceSeconds ?? graceSeconds(pod)
      const deadline = (container.stopping?.since ?? now) + seconds * 1000
      return planStop(name, container, stopOf(pod, view, name, { now, deadline }))
    }),
  )
}

/** A container that is ended for what it does, to be started anew. */
export function planFailing(name: string, view: ContainerView, fault: { seconds: number; now: number }): PodPlan {
  const { seconds, now } = fault
  const deadline = (view.stopping?.since ?? now) + seconds * 1000
  const hook = view.postStart === 'failed' ? 'post-start' : 'resize'
  const reason = view.unhealthy === undefined ? hook : 'unhealthy'
  return planStop(name, view, { deadline, now, reason, mayGo: true })
}

interface Stop {
  readonly deadline: number
  readonly now: number
  readonly reason: 'stopped' | 'unhealthy' | 'post-start' | 'resize'
  /** Those that must end before it have ended. */
  readonly mayGo: boolean
}

function stopOf(pod: Pod, view: PodView, name: string, times: { now: number; deadline: number }): Stop {
  return { ...times, reason: 'stopped', mayGo: isTurnOf(pod, view, name) }
}

/** Sidecars go last, and in the reverse order of their start. */
function isTurnOf(pod: Pod, view: PodView, name: string): boolean {
  const names = sidecars(pod).map((container) => container.name)
  const place = names.indexOf(name)
  if (place < 0) return true
  const before = new Set(names.slice(0, place + 1))
  return liveContainers(view).every((other) => before.has(other))
}

/**
 * Hook, stop signal, end by force. The hook has what time there is; when none is left the signal comes even while the
 * hook runs.
 */
function planStop(container: string, view: ContainerView, { deadline, now, reason, mayGo }: Stop): PodPlan {
  const { stopping, run } = view
  if (run?.state.kind !== 'running') {
    // A container that is just starting takes no signal yet; its start is a change, after which it is asked.
    return now >= deadline ? { actions: [{ kind: 'kill', container }] } : { actions: [], wakeAt: deadline }
  }
  if (stopping === undefined) {
    const graceMs = Math.max(0, deadline - now)
    return { actions: [{ kind: 'terminate', container, reason, graceMs }] }
  }
  if (stopping.signalledAt === undefined) {
    const waits = (stopping.hook === 'running' || !mayGo) && now < deadline
    return waits ? { actions: [], wakeAt: deadline } : { actions: [{ kind: 'signal', container }] }
  }
  const last = Math.max(deadline, stopping.signalledAt + MINIMUM_GRACE_MS)
  return now >= last ? { actions: [{ kind: 'kill', container }] } : { actions: [], wakeAt: last }
}
