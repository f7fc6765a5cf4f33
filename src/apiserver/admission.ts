import type { Draft } from '../kube/kind.ts'
import type { AnyKind } from '../kube/registry.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { User } from './request.ts'

/** A write that a user asks for, after defaulting and validation and before it is stored. */
export interface AdmittedWrite {
  readonly user: User
  readonly kind: AnyKind
  /** '' : the object itself. */
  readonly subresource: string
  readonly object: Draft
  /** What is there; `undefined`: the object is new. */
  readonly old: KubeObject | undefined
}

/** Refuses what authorization cannot see, since it depends on what an object says. @throws StatusError */
export type Admission = (write: AdmittedWrite) => void
