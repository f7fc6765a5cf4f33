import { WorkQueue, type WorkQueueOptions } from '../kube/work-queue.ts'
import type { CcmMetrics } from './metrics/ccm-metrics.ts'

export interface ControllerQueueOptions extends Omit<WorkQueueOptions, 'observer'> {
  /** Name of the controller in figures. */
  readonly name: string
  readonly workers: number
  readonly metrics: CcmMetrics | undefined
}

/** The queue of a controller, counted under the controller's name. */
export function controllerQueue({ name, workers, metrics, ...options }: ControllerQueueOptions): WorkQueue {
  const observer = metrics?.controller({ name, workers, depth: () => queue.length })
  const queue: WorkQueue = new WorkQueue({ ...options, ...(observer === undefined ? {} : { observer }) })
  return queue
}

/** Between tries of what failed for nodes and routes. */
export const NODE_BACKOFF = { baseDelayMs: 1_000, maxDelayMs: 300_000 } as const
