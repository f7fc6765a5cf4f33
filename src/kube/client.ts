import type { Resource } from './resource.ts'
import type { Transport } from './transport.ts'
import type { KubeList, KubeObject, WatchEvent } from './types/meta.ts'

/** An object's place: `namespace` is left out for kinds that have none. */
export interface ObjectKey {
  readonly namespace?: string
  readonly name: string
}

export interface ListOptions {
  /** All namespaces when left out. */
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  readonly limit?: number
  readonly continue?: string
  readonly resourceVersion?: string
  readonly signal?: AbortSignal
}

export interface WatchOptions {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** Events after this version; from "now" with the existing objects first when left out. */
  readonly resourceVersion?: string
  /** The server ends the watch after this time. */
  readonly timeoutSeconds?: number
  readonly signal?: AbortSignal
}

export type Patch =
  | { readonly type: 'merge'; readonly body: unknown }
  | { readonly type: 'strategic'; readonly body: unknown }
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  | { readonly type: 'apply'; readonly body: unknown; readonly fieldManager: string; readonly force?: boolean }

export interface WriteOptions {
  readonly subresource?: 'status' | 'scale' | 'binding' | 'eviction' | 'finalize' | 'resize'
  readonly fieldManager?: string
  readonly dryRun?: boolean
}

export interface DeleteOptions {
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan'
  readonly gracePeriodSeconds?: number
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string }
}

/**
 * A typed client of the Kubernetes API. A refusal is thrown as `ApiError` (`api-error.ts`), which carries the Status;
 * a server that cannot be reached as FairleadError `API_UNREACHABLE`.
 */
export interface Client {
  readonly transport: Transport
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T>
  /** Like `get`, `undefined` when there is none. */
  find<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined>
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<KubeList<T>>
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>
  /** Replaces the object named in its metadata; optimistic when `metadata.resourceVersion` is set. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>
  patch<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, patch: Patch, options?: WriteOptions): Promise<T>
  delete<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>
  /** Ends when the server ends it (time-out) or the signal aborts; an `ERROR` event (410) is yielded, not thrown. */
  watch<T extends KubeObject>(resource: Resource<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>
  /** POST to `/{resource}/{name}/{subresource}` with any body, for `binding`, `eviction`, `token`. */
  post(resource: Resource<KubeObject>, key: ObjectKey, subresource: string, body: unknown): Promise<unknown>
}
