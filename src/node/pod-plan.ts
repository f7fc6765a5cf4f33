import type { Container } from '../kube/types/core.ts'
import type { PodFailure } from './pod-view.ts'

/** One step towards what the pod's object asks for. */
export type PodAction =
  | { readonly kind: 'create-sandbox' }
  | { readonly kind: 'start'; readonly container: Container; readonly attempt: number }
  /** Give a running container what it was allotted. */
  | { readonly kind: 'resize'; readonly container: Container }
  /** Begin to end a container: its `preStop` hook has `graceMs` at most. */
  | {
      readonly kind: 'terminate'
      readonly container: string
      readonly reason: 'stopped' | 'unhealthy' | 'post-start' | 'resize'
      readonly graceMs: number
    }
  /** Send it its stop signal. */
  | { readonly kind: 'signal'; readonly container: string }
  /** End it now: its time is over. */
  | { readonly kind: 'kill'; readonly container: string }
  /** Give the pod up: it ends here, and its object says why. */
  | ({ readonly kind: 'fail' } & PodFailure)
  /** Nothing runs any more and never will: give back network and addresses, keep status and logs. */
  | { readonly kind: 'remove-sandbox' }
  /** Forget the pod here, and then delete its object. */
  | { readonly kind: 'remove-pod' }

export interface PodPlan {
  readonly actions: readonly PodAction[]
  /** Look again at this time, in milliseconds since the epoch, even if nothing happens. */
  readonly wakeAt?: number
}

export const NOTHING: PodPlan = { actions: [] }

/** All of them; the earliest time counts. */
export function mergePlans(plans: readonly PodPlan[]): PodPlan {
  const times = plans.flatMap(({ wakeAt }) => wakeAt ?? [])
  const actions = plans.flatMap((plan) => plan.actions)
  return times.length === 0 ? { actions } : { actions, wakeAt: Math.min(...times) }
}
