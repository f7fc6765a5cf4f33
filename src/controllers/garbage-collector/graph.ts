import type { KubeObject, OwnerReference } from '../../kube/types/meta.ts'

export const FOREGROUND = 'foregroundDeletion'
export const ORPHAN = 'orphan'

/** An object as far as ownership goes. */
export interface GraphNode {
  readonly uid: string
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string | undefined
  readonly name: string
  readonly owners: readonly OwnerReference[]
  readonly deleting: boolean
  readonly finalizers: readonly string[]
}

/**
 * Who owns whom, by uid, as the watches of all kinds show it. Answers what may have to be looked at after each
 * change; deciding is left to `decide.ts`, which asks the API again.
 */
export class OwnershipGraph {
  readonly #nodes = new Map<string, GraphNode>()
  readonly #dependents = new Map<string, Set<string>>()

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid)
  }

  dependentsOf(uid: string): readonly GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((dependent) => this.#nodes.get(dependent) ?? [])
  }

  /** Notes an object as it is now. @returns the uids to look at. */
  upsert(object: KubeObject): readonly string[] {
    const node = toNode(object)
    const before = this.#nodes.get(node.uid)
    this.#unlink(before)
    this.#nodes.set(node.uid, node)
    for (const owner of node.owners) {
      const dependents = this.#dependents.get(owner.uid) ?? new Set()
      this.#dependents.set(owner.uid, dependents.add(node.uid))
    }
    return this.#affected(node, before)
  }

  /** Forgets an object that is gone. @returns the uids to look at: its dependents, and owners that wait for it. */
  remove(uid: string): readonly string[] {
    const node = this.#nodes.get(uid)
    this.#unlink(node)
    this.#nodes.delete(uid)
    const dependents = [...(this.#dependents.get(uid) ?? [])]
    const waiting = (node?.owners ?? []).map((owner) => owner.uid).filter((owner) => this.#waits(owner))
    return [...dependents, ...waiting]
  }

  #affected(node: GraphNode, before: GraphNode | undefined): readonly string[] {
    const affected: string[] = []
    const ownersGone = node.owners.some(({ uid }) => {
      const owner = this.#nodes.get(uid)
      return owner === undefined || this.#waits(uid) || isForeign(node, owner)
    })
    if (ownersGone) affected.push(node.uid)
    if (this.#waits(node.uid)) affected.push(node.uid)
    // An owner that this object blocked, and blocks no longer, may go on.
    const released = (before?.owners ?? []).filter((owner) => !blocks(node, owner.uid) && this.#waits(owner.uid))
    affected.push(...released.map((owner) => owner.uid))
    return [...new Set(affected)]
  }

  /** Whether the object is being deleted and waits for us to deal with its dependents. */
  #waits(uid: string): boolean {
    const node = this.#nodes.get(uid)
    return node?.deleting === true && (node.finalizers.includes(FOREGROUND) || node.finalizers.includes(ORPHAN))
  }

  #unlink(node: GraphNode | undefined): void {
    for (const owner of node?.owners ?? []) {
      const dependents = this.#dependents.get(owner.uid)
      dependents?.delete(node?.uid ?? '')
      if (dependents?.size === 0) this.#dependents.delete(owner.uid)
    }
  }
}

/** Whether the owner lies in another namespace: such a reference is void, and its owner counts as absent. */
export function isForeign({ namespace }: GraphNode, owner: GraphNode): boolean {
  return owner.namespace !== undefined && owner.namespace !== namespace
}

/** Whether the object holds up the foreground deletion of its owner. */
export function blocks(node: GraphNode, ownerUid: string): boolean {
  return node.owners.some((owner) => owner.uid === ownerUid && owner.blockOwnerDeletion === true)
}

/** Whether its foreground deletion waits for its dependents. */
export function isWaiting({ deleting, finalizers }: GraphNode): boolean {
  return deleting && finalizers.includes(FOREGROUND)
}

/** The object as far as ownership goes. */
export function toNode(object: KubeObject): GraphNode {
  const { uid = '', namespace, name, ownerReferences = [], deletionTimestamp, finalizers = [] } = object.metadata
  return {
    uid,
    apiVersion: object.apiVersion,
    kind: object.kind,
    namespace,
    name,
    owners: ownerReferences,
    deleting: deletionTimestamp !== undefined,
    finalizers,
  }
}
