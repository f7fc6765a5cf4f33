import type { OwnerReference } from '../../kube/types/meta.ts'
import { blocks, FOREGROUND, type GraphNode, isWaiting, ORPHAN } from './graph.ts'

/** What the API says about one owner: there; there but waiting for its dependents to go; or not there. */
export type OwnerState = 'solid' | 'waiting' | 'absent'

export type Decision =
  | { readonly type: 'keep' }
  /** Owner references to take away: other owners remain. */
  | { readonly type: 'disown'; readonly uids: readonly string[] }
  | {
      readonly type: 'delete'
      readonly propagationPolicy: 'Foreground' | 'Background' | 'Orphan'
      /** Before that, its owners need not wait for it any more. */
      readonly unblock?: true
    }
  /** Delete these dependents first; nothing to do until they are gone. */
  | { readonly type: 'delete-dependents'; readonly dependents: readonly GraphNode[] }
  /** Take our reference from these dependents, then the finalizer from the object. */
  | { readonly type: 'orphan-dependents'; readonly dependents: readonly GraphNode[] }
  | { readonly type: 'finish'; readonly finalizer: string }

/** What to do about an object that is being deleted: only those with a finalizer of ours concern us. */
export function decideDeleting(node: GraphNode, dependents: readonly GraphNode[]): Decision {
  if (node.finalizers.includes(ORPHAN)) {
    return dependents.length === 0 ? { type: 'finish', finalizer: ORPHAN } : { type: 'orphan-dependents', dependents }
  }
  if (!node.finalizers.includes(FOREGROUND)) return { type: 'keep' }
  const blocking = dependents.filter((dependent) => blocks(dependent, node.uid))
  if (blocking.length === 0) return { type: 'finish', finalizer: FOREGROUND }
  return { type: 'delete-dependents', dependents: dependents.filter((dependent) => !dependent.deleting) }
}

/**
 * What to do about an object by the state of its owners (upstream's attemptToDeleteItem): one with a living owner only
 * loses the references to dead ones; one whose owners are all gone is deleted; one whose owner waits for it is deleted
 * in the foreground if it has dependents itself. If one of these waits as well they may own each other in a circle, which
 * is broken here (upstream does so too without looking further).
 */
export function decideByOwners(
  node: GraphNode,
  owners: readonly { readonly reference: OwnerReference; readonly state: OwnerState }[],
  dependents: readonly GraphNode[],
): Decision {
  if (owners.length === 0) return { type: 'keep' }
  const gone = owners.filter(({ state }) => state !== 'solid')
  if (gone.length === 0) return { type: 'keep' }
  if (gone.length < owners.length) return { type: 'disown', uids: gone.map(({ reference }) => reference.uid) }
  const waited = owners.some(({ state }) => state === 'waiting')
  if (waited && dependents.some(isWaiting)) return { type: 'delete', propagationPolicy: 'Foreground', unblock: true }
  if (waited && dependents.length > 0) return { type: 'delete', propagationPolicy: 'Foreground' }
  if (node.finalizers.includes(ORPHAN)) return { type: 'delete', propagationPolicy: 'Orphan' }
  if (node.finalizers.includes(FOREGROUND)) return { type: 'delete', propagationPolicy: 'Foreground' }
  return { type: 'delete', propagationPolicy: 'Background' }
}
