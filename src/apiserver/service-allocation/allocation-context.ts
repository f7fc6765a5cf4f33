import type { Clock } from '../../base/clock.ts'
import type { Random } from '../context.ts'
import type { Reservations } from './reservations.ts'
import type { ServiceOwner } from './service-owner.ts'
import type { ServiceRange } from './service-ranges.ts'

/** Node ports `first` to `last`, both included. */
export interface NodePortRange {
  readonly first: number
  readonly last: number
}

/** What the planning of one Service works with. */
export interface AllocationContext {
  readonly owner: ServiceOwner
  readonly reservations: Reservations
  readonly ranges: readonly ServiceRange[]
  readonly nodePorts: NodePortRange
  readonly random: Random
  readonly clock: Pick<Clock, 'now'>
}
