import type { Resource } from './resource.ts'
import type { Misfits } from './schema/conform.ts'
import type { KubeObject, LabelSelector } from './types/meta.ts'

/** One refused field, as `field.Error` of upstream prints it. */
export interface FieldError {
  readonly type:
    | 'Required'
    | 'Invalid'
    | 'Duplicate'
    | 'Forbidden'
    | 'NotSupported'
    | 'NotFound'
    | 'TooLong'
    | 'TooMany'
  /** Path such as `spec.ports[0].nodePort`. */
  readonly field: string
  readonly value?: unknown
  readonly detail: string
}

/** A column of `kubectl get` (server-side Table). */
export interface Column<T extends KubeObject> {
  readonly name: string
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  readonly format?: 'name'
  readonly description: string
  /** 0 is shown always, 1 with `-o wide`. */
  readonly priority?: 0 | 1
  /**
   * The column is in a list only where this holds for one of its objects; left out: always. A watch, which announces its
   * columns once, never has it.
   */
  onlyWhere?(object: T): boolean
  /** @param now Milliseconds since the epoch, for ages. */
  cell(object: T, now: number): string | number | boolean | null
}

/** Reads one field of an object as text (a method's type, so that readers of a kind go where any kind's go). */
export type FieldReader<T extends KubeObject> = { read(object: T): string }['read']

/** A JSON tree that may be changed: what defaulting and preparing work on, before it becomes an object. */
export type Draft = Record<string, unknown>

/** How strategic merge patch and server-side apply treat a list: by path of field names, e.g. `spec.ports`. */
export interface MergeList {
  /** Names of the fields that identify an item; none: a set of scalars. */
  readonly keys: readonly string[]
  /** Key of strategic merge patch where it differs from `keys` (upstream: `ports` merge by `port`). */
  readonly patchKey?: string
}

/** Shapes of names: DNS-1123 subdomain or label, DNS-1035 label, anything that fits one path segment, an IP address. */
export type NameRule = 'subdomain' | 'label' | 'label-1035' | 'path-segment' | 'ip'

/** The replica count as autoscaling/v1 Scale shows it; it is written to `spec.replicas`. */
export interface ScaleView {
  readonly replicas: number
  readonly statusReplicas: number
  readonly selector: LabelSelector | undefined
  /** The selector where it is written as text already. */
  readonly selectorText?: string
}

/** How objects of a kind are stored that are kept in another form than they are served in. */
export interface StoredForm {
  /** Whose objects they are in the store. */
  readonly resource: Resource<KubeObject>
  /** Both leave what they are given alone. */
  toStored(object: Draft): Draft
  fromStored(object: Draft): Draft
}

/**
 * Everything the API server must know of a kind. Adding a kind is adding one file with one of these to `kube/kinds/`,
 * and a line in `kube/registry.ts`.
 */
export interface KindDefinition<T extends KubeObject> {
  readonly resource: Resource<T>
  readonly listKind: string
  readonly singular: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly subresources?: readonly (
    | 'status'
    | 'scale'
    | 'binding'
    | 'eviction'
    | 'token'
    | 'log'
    | 'exec'
    | 'attach'
    | 'portforward'
    | 'proxy'
    | 'finalize'
    | 'ephemeralcontainers'
    | 'resize'
  )[]
  /** What a name may look like. @default 'subdomain' */
  readonly nameRule?: NameRule
  /** Where `scale` reads and writes; needed when `subresources` has it. */
  scale?(object: T): ScaleView
  /** Seconds that a deletion is only announced before the object goes; 0: at once. @default 0 */
  deletionGrace?(object: T, requested: number | undefined): number
  /** `false`: the columns are all there are; otherwise NAME comes before them. @default true */
  readonly nameColumn?: boolean
  /** Columns of `kubectl get`, in order. */
  readonly columns: readonly Column<T>[]
  /** Fills in defaults, in place, after decoding and before validation. */
  default?(draft: Draft): void
  /** Empties what the user may not set (status on create, ...), keeps what he may not change. `old` on update. */
  prepare?(draft: Draft, old: T | undefined): void
  /** Brings into memory what `validate` needs for such an object, where that is not there from the start. */
  load?(draft: Draft): Promise<void> | undefined
  /** `old` on update; `part` is the subresource through which it is changed, or `main`. */
  validate?(object: T, old: T | undefined, part?: string): readonly FieldError[]
  /** What the client is told about an object that is taken nonetheless. */
  warnings?(object: T): readonly string[]
  /** What the client is told of the kind itself, whatever it does. */
  readonly deprecation?: string
  /** Field selectors besides metadata.name and metadata.namespace: the name of each, and how its value is read. */
  readonly selectableFields?: Readonly<Record<string, FieldReader<T>>>
  /** A kind that a user brought: described by a schema of its own, and not to be patched strategically. */
  readonly custom?: boolean
  /** Brings an object into the kind's shape, in place, where no message of `schema/` describes it. */
  conform?(draft: Draft): Misfits
  /** The shape of its objects for OpenAPI documents, where no message describes it. */
  readonly openApi?: object
  /** Sets what `scale` reads, where that is not `spec.replicas`. */
  setScale?(draft: Draft, replicas: number): void
  /** What else changes when the deletion of an object is announced. @param now Milliseconds since the epoch. */
  announceDeletion?(draft: Draft, now: number): void
  /** Left out: as they are served. */
  readonly stored?: StoredForm
  readonly mergeLists?: Readonly<Record<string, MergeList>>
  /**
   * What of the metadata stays as it is when the status is written (ownerReferences do in any case): upstream has a rule
   * for each kind. @default nothing
   */
  readonly statusKeeps?: 'labels' | 'metadata'
  /** `metadata.generation` grows when the spec changes. @default true when there is a status subresource */
  readonly generation?: boolean
  /** A PUT of an object that is not there makes it (upstream: `AllowCreateOnUpdate`). @default false */
  readonly createdByPut?: boolean
  /** Every PUT must name the version that it changes (upstream: no `AllowUnconditionalUpdate`). @default false */
  readonly versionedPut?: boolean
}
