import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Store } from '../store/store.ts'
import type { Admission } from './admission.ts'
import type { KindTable } from './kind-table.ts'
import type { WriteHook } from './write-hook.ts'

/** Randomness, passed in so that tests decide what it is. */
export interface Random {
  /** A new uid (RFC 4122). */
  uuid(): string
  /** A whole number from 0 up to and without `limit`. */
  below(limit: number): number
}

/** What every part of the API server works with. */
export interface ApiContext {
  readonly store: Store
  readonly kinds: KindTable
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** What else happens in the transaction of a write, by plural name of the resource written. */
  readonly hooks: ReadonlyMap<string, WriteHook>
  /**
   * What a write takes from pools, by plural name: asked after defaulting, and before the object is prepared and checked
   * (upstream's `BeginCreate` and `BeginUpdate`); at a deletion, what it gives back.
   */
  readonly allocators: ReadonlyMap<string, WriteHook>
  /** What may refuse a write that a user asks for. */
  readonly admission: readonly Admission[]
}
