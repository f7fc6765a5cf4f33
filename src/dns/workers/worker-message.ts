/** What the main thread and those that answer beside it say to each other: plain data. */
import type { BlockConfig } from '../corefile/server-config.ts'
import type { MetricFamily } from '../server/metrics.ts'
import type { QueryRecord } from '../server/query-log.ts'
import type { ZoneUpdate } from '../zone/zone-update.ts'

/** A place to answer at, with the port that the main thread's socket has, and which blocks answer there. */
export interface WorkerPlace {
  readonly host: string
  readonly port: number
  /** Indexes. */
  readonly blocks: readonly number[]
}

/** A block, and the name by which its circle of forwarding is found. */
export interface WorkerBlock {
  readonly config: BlockConfig
  readonly probe: string | undefined
}

/** What a thread is to do; each is answered when it is done. `id` says which version of the Corefile is meant. */
export type WorkerRequest =
  | {
      readonly kind: 'open'
      readonly id: number
      readonly blocks: readonly WorkerBlock[]
      readonly localAddresses: readonly string[]
    }
  /** Answers at these places, and nowhere else. */
  | { readonly kind: 'listen'; readonly id: number; readonly places: readonly WorkerPlace[] }
  /** All names of a block's cluster have been told. */
  | { readonly kind: 'synced'; readonly id: number; readonly block: number }
  | { readonly kind: 'close'; readonly id: number }
  | { readonly kind: 'figures' }

/** News that needs no answer. */
export interface WorkerNews {
  readonly kind: 'update'
  readonly id: number
  readonly block: number
  readonly update: ZoneUpdate
}

export type ToWorker = (WorkerRequest & { readonly request: number }) | WorkerNews

export type FromWorker =
  | { readonly kind: 'done'; readonly request: number; readonly figures?: readonly MetricFamily[] }
  | { readonly kind: 'failed'; readonly request: number; readonly code: string | undefined; readonly reason: string }
  /** For standard output. */
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'query'; readonly id: number; readonly record: QueryRecord; readonly line: string }
  /** A probe was asked for. */
  | {
      readonly kind: 'seen'
      readonly id: number
      readonly block: number
      readonly address: string
      readonly port: number
    }

/** Given to a thread at its start. */
export interface WorkerSettings {
  readonly logLevel: string
  /** Packets one by one. */
  readonly plain: boolean
}
