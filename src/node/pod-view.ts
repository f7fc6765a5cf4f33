import type { ResourceRequirements } from '../kube/types/core.ts'
import type { ResizeView } from './resize/pod-resize.ts'
import type { ContainerState, ExitedState } from './runtime/runtime.ts'

/** A run of a container as the runtime has it. */
export interface RunView {
  readonly id: string
  readonly attempt: number
  readonly state: ContainerState
}

/** Why the next run cannot start, as a waiting container shows it. */
export interface ContainerProblem {
  readonly reason: string
  readonly message: string
  /** When it is tried again, in milliseconds since the epoch. */
  readonly retryAt: number
}

/** A run that was asked to end. */
export interface StopView {
  readonly since: number
  /** Its `preStop` hook still runs. */
  readonly hook?: 'running'
  /** It was sent its stop signal then. */
  readonly signalledAt?: number
}

/** What is known of one container on this node. */
export interface ContainerView {
  /** The newest run. */
  readonly run?: RunView
  /** The run before it, if that is still known. */
  readonly lastRun?: RunView & { readonly state: ExitedState }
  readonly problem?: ContainerProblem
  /** How often it ended lately without having run for long; see `restart-delay.ts`. */
  readonly crashes: number
  /** No readiness probe, or it succeeds. */
  readonly ready: boolean
  /** No startup probe, or it has succeeded. */
  readonly started: boolean
  /** A liveness or startup probe has failed for good: this run is to end. */
  readonly unhealthy?: { readonly graceSeconds: number }
  readonly stopping?: StopView
  /** What its `postStart` hook does; left out when there is none, or it is done. */
  readonly postStart?: 'running' | 'failed'
  /** What its run has been given; left out where nothing was. */
  readonly resources?: ResourceRequirements
  /** Giving it what it was allotted has failed. */
  readonly resizeProblem?: { readonly message: string; readonly retryAt: number }
  /** Its run is ended to be started with other resources. */
  readonly replaced?: boolean
  /** The image as it was found, once it was. */
  readonly image?: { readonly name: string; readonly id: string }
}

/** A container of which nothing is known. */
export const NEW_CONTAINER: ContainerView = { crashes: 0, ready: false, started: false }

/** Why the node ends a pod that nobody has deleted. */
export interface PodFailure {
  readonly reason: string
  readonly message: string
  /** How long its containers have to end; what the pod says when left out. */
  readonly graceSeconds?: number
}

/** What is true of one pod on this node: the left side of every decision. */
export interface PodView {
  /** Network namespace, addresses and files; left out until made. */
  readonly sandbox?: { readonly addresses: readonly string[] }
  readonly sandboxProblem?: ContainerProblem
  readonly containers: ReadonlyMap<string, ContainerView>
  /** The pod is to end: since when, and whether its object has already gone from the API. */
  readonly ending?: { readonly since: number; readonly vanished: boolean }
  /** The node has given the pod up; its object stays and says why. */
  readonly failed?: PodFailure
  /** What is changing of what its containers have. */
  readonly resize?: ResizeView
  /** When the node took the pod on. */
  readonly startTime?: number
}

/** The view of a container; of a new one when nothing is known. */
export function viewOf(view: PodView, name: string): ContainerView {
  return view.containers.get(name) ?? NEW_CONTAINER
}

/** Whether this run has a process. */
export function isLive(run: RunView | undefined): boolean {
  return run !== undefined && run.state.kind !== 'exited'
}
