import { isNotFound } from '../kube/api-error.ts'
import type { KubeObject } from '../kube/types/meta.ts'

/** What {@link OwnWrites} needs of an informer. */
export interface EventSource<T extends KubeObject> {
  on(handlers: { added?(object: T): void; updated?(object: T, old: T): void; deleted?(object: T): void }): unknown
}

/**
 * A controller's own writes that its informer has not shown yet, laid over the informer's list. So a reconcile that
 * runs before the watch has caught up neither creates twice nor deletes twice, and need not wait for the watch either.
 * (Upstream's "expectations" make the reconcile wait instead.)
 *
 * An entry is dropped once the watch has passed its resource version, so nothing is held for long.
 */
export class OwnWrites<T extends KubeObject> {
  readonly #written = new Map<string, T>()
  readonly #deleting = new Set<string>()
  /** Version of the last own write of each object. */
  readonly #versions = new Map<string, number>()
  #seen = 0

  constructor(source: EventSource<T>) {
    source.on({
      added: (object) => this.#observe(object),
      updated: (object) => this.#observe(object),
      deleted: (object) => {
        this.#observe(object)
        this.#deleting.delete(uidOf(object))
        this.#written.delete(uidOf(object))
        this.#versions.delete(uidOf(object))
      },
    })
  }

  /** Notes the object that the server answered to a create, update or patch. */
  wrote(object: T): void {
    this.#versions.set(uidOf(object), versionOf(object))
    if (versionOf(object) > this.#seen) this.#written.set(uidOf(object), object)
  }

  /** Whether the watch shows no more than we wrote ourselves: nothing that we need react to. */
  isEcho(object: T): boolean {
    return versionOf(object) <= (this.#versions.get(uidOf(object)) ?? -1)
  }

  /**
   * Hides an object from now on: call it before the delete request goes out, and {@link undelete} when that fails.
   * It shows again with its `deletionTimestamp` when it ends gracefully.
   */
  deleting(object: T): void {
    this.#deleting.add(uidOf(object))
  }

  undelete(object: T): void {
    this.#deleting.delete(uidOf(object))
  }

  /**
   * Deletes an object, which is hidden meanwhile and shows again when the request fails.
   *
   * @returns whether it was there; gone already is fine.
   * @throws what the request throws.
   */
  async delete(object: T, request: () => Promise<unknown>): Promise<boolean> {
    this.deleting(object)
    try {
      await request()
      return true
    } catch (error) {
      this.undelete(object)
      if (isNotFound(error)) return false
      throw error
    }
  }

  /**
   * The informer's objects, corrected by own writes.
   *
   * @param belongs Which of the objects just written belong into this list.
   */
  view(listed: readonly T[], belongs: (object: T) => boolean): readonly T[] {
    if (this.#written.size === 0 && this.#deleting.size === 0) return listed
    const objects = new Map(listed.map((object) => [uidOf(object), object]))
    for (const [uid, object] of this.#written) {
      const current = objects.get(uid)
      if (current !== undefined && versionOf(current) >= versionOf(object)) continue
      if (belongs(object)) objects.set(uid, object)
      else objects.delete(uid)
    }
    for (const uid of this.#deleting) objects.delete(uid)
    return [...objects.values()]
  }

  #observe(object: T): void {
    this.#seen = Math.max(this.#seen, versionOf(object))
    if (object.metadata.deletionTimestamp !== undefined) this.#deleting.delete(uidOf(object))
    for (const [uid, written] of this.#written) {
      if (versionOf(written) <= this.#seen) this.#written.delete(uid)
    }
  }
}

function uidOf(object: KubeObject): string {
  return object.metadata.uid ?? ''
}

/** Resource versions of one kind grow with every write, and may be compared as numbers (KEP-5504). */
function versionOf(object: KubeObject): number {
  return Number(object.metadata.resourceVersion ?? 0)
}
