import type { Draft, FieldError } from '../kube/kind.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { Compare, Operation } from '../store/store.ts'
import type { StatusError } from './status-error.ts'

/** A write that is about to be made. */
export interface PendingWrite {
  readonly operation: 'create' | 'update' | 'delete'
  /** What is to be stored; of a deletion what goes. */
  readonly object: Draft
  readonly old: KubeObject | undefined
}

export type HookResult =
  | {
      readonly kind: 'plan'
      /** What is to be stored instead. */
      readonly draft: Draft
      readonly compares: readonly Compare[]
      readonly operations: readonly Operation[]
      /** Called when all of it is durable, before the client hears of it. */
      readonly committed?: () => void
    }
  | { readonly kind: 'refused'; readonly errors: readonly FieldError[] }
  /** No field of the object is to blame. */
  | { readonly kind: 'failed'; readonly error: StatusError }

/** Decides what else happens in the same transaction; called again when a compare was lost. */
export type WriteHook = (write: PendingWrite) => HookResult

/** Two hooks of one kind: the second sees what the first makes of the object. */
export function oneAfterTheOther(first: WriteHook, second: WriteHook): WriteHook {
  return (write) => {
    const before = first(write)
    if (before.kind !== 'plan') return before
    const after = second({ ...write, object: before.draft })
    if (after.kind !== 'plan') return after
    return {
      kind: 'plan',
      draft: after.draft,
      compares: [...before.compares, ...after.compares],
      operations: [...before.operations, ...after.operations],
      committed() {
        before.committed?.()
        after.committed?.()
      },
    }
  }
}
