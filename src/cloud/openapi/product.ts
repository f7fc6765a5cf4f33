import type { Transaction } from '../state/transaction.ts'
import type { Parameters } from './parameters.ts'
import type { RamUser } from './ram-user.ts'

/** What an action is called with. */
export interface Call {
  readonly parameters: Parameters
  /** Reads and writes of the action; they take effect together, when it returns. */
  readonly transaction: Transaction
  readonly user: RamUser
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Answers a call with the members of the result beside `RequestId`, or throws a `Refusal`. */
export type Action = (call: Call) => object

/** One product of the cloud's API: its version and its actions. */
export interface Product {
  /** `Slb`, as requests are told apart in messages. */
  readonly name: string
  /** `2014-05-15`: what tells products apart that share an endpoint. */
  readonly version: string
  /** Start of the names in RAM policies: `slb`. */
  readonly ramPrefix: string
  /** Code when RAM does not allow a call, e.g. `Forbidden.RAM`. */
  readonly forbidden: string
  /** The parameter that names the resource a call is about, for RAM: `LoadBalancerId`. */
  readonly resourceParameters: readonly string[]
  readonly actions: ReadonlyMap<string, Action>
}
