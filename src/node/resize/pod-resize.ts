import type { Pod } from '../../kube/types/core.ts'
import type { PodEvents } from '../pod-events.ts'
import { type Allocation, knownAllocation, wantedAllocation, withAllocation } from './allocation.ts'
import { decideResize, type NodeRoom, type PendingResize } from './decide-resize.ts'

/** How far a resize is, for the pod's status. */
export interface ResizeView {
  readonly pending?: PendingResize & { readonly generation?: number }
  readonly progress?: { readonly error?: string; readonly generation?: number }
}

export interface PodResizeOptions {
  readonly events: Pick<PodEvents, 'resize'>
  /** What there is on this node now, beside the pod. */
  readonly room: () => NodeRoom
}

/** What one pod on this node has been given, and what of it is yet to be. */
export class PodResize {
  readonly #options: PodResizeOptions
  #allocation: Allocation
  #wanted: Pod
  #pending: ResizeView['pending']
  #progress: ResizeView['progress']

  constructor(pod: Pod, options: PodResizeOptions) {
    this.#options = options
    this.#wanted = pod
    this.#allocation = knownAllocation(pod)
  }

  /** Looks at what the pod asks for now; @returns the pod as it is to run here. */
  review(pod: Pod = this.#wanted): Pod {
    this.#wanted = pod
    const decision = decideResize(pod, this.#allocation, this.#options.room)
    if (decision.kind === 'granted') this.#grant(pod)
    else if (decision.kind === 'pending') this.#wait(pod, decision)
    else this.#pending = undefined
    return withAllocation(pod, this.#allocation)
  }

  /** Whether it waits for others to take less. */
  get isDeferred(): boolean {
    return this.#pending?.reason === 'Deferred'
  }

  view(): ResizeView {
    return {
      ...(this.#pending === undefined ? {} : { pending: this.#pending }),
      ...(this.#progress === undefined ? {} : { progress: this.#progress }),
    }
  }

  /** @param settled Whether every container has what it was given. */
  observe(settled: boolean): void {
    if (!settled || this.#progress === undefined) return
    this.#progress = undefined
    this.#options.events.resize(this.#wanted, { reason: 'ResizeCompleted', message: 'Pod resize completed' })
  }

  /** A container could not be given what it was to have. */
  fail(message: string): void {
    if (this.#progress?.error === message) return
    this.#progress = { ...generationOf(this.#wanted), error: message }
    this.#options.events.resize(this.#wanted, { reason: 'ResizeError', message: 'Pod resize error', error: message })
  }

  #grant(pod: Pod): void {
    this.#allocation = wantedAllocation(pod)
    this.#pending = undefined
    this.#progress = generationOf(pod)
    this.#options.events.resize(pod, { reason: 'ResizeStarted', message: 'Pod resize started' })
  }

  #wait(pod: Pod, { reason, message }: PendingResize): void {
    const known = this.#pending
    this.#pending = { reason, message, ...generationOf(pod) }
    if (known?.reason === reason && known.message === message) return
    const event = reason === 'Deferred' ? 'ResizeDeferred' : 'ResizeInfeasible'
    this.#options.events.resize(pod, { reason: event, message: `Pod resize ${reason}`, error: message })
  }
}

function generationOf({ metadata: { generation } }: Pod): { readonly generation?: number } {
  return generation === undefined ? {} : { generation }
}
