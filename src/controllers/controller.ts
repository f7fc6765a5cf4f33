import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import type { EventRecorder } from '../kube/event-recorder.ts'
import type { InformerSet } from '../kube/informers.ts'
import type { ControlLoop } from '../kube/run-controllers.ts'

/** What every controller works with. */
export interface ControllerContext {
  /** Writes under the controller's own name. */
  readonly client: Client
  /** Shared by all controllers of the process. */
  readonly informers: InformerSet
  readonly recorder: EventRecorder
  readonly log: Log
  readonly clock: Clock
}

/** One control loop. */
export type Controller = ControlLoop

/** Objects reconciled at the same time by one controller, as upstream's `--concurrent-*-syncs`. */
export const WORKERS = 5
