import type { Informer } from '../kube/informer.ts'
import { keyOf } from '../kube/object-key.ts'
import { controllerOf } from '../kube/owner.ts'
import type { Resource } from '../kube/resource.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import { WorkQueue } from '../kube/work-queue.ts'
import { runWorkers } from '../kube/workers.ts'
import { type ControllerContext, WORKERS } from './controller.ts'
import { BY_NAMESPACE, controllerUid } from './indexes.ts'

/** Timers cannot wait for months; whoever wakes up early waits again. */
const LONGEST_WAIT_MS = 24 * 3_600_000

/**
 * The loop of a controller whose objects own others (a ReplicaSet its pods): an object is reconciled when it changes,
 * and when something changes that it controls, or that it might take over.
 */
export class OwnerLoop<O extends KubeObject> {
  readonly owners: Informer<O>
  readonly #context: ControllerContext
  readonly #kind: string
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, resource: Resource<O>) {
    this.#context = context
    this.#kind = resource.kind
    this.#queue = new WorkQueue({ clock: context.clock })
    this.owners = context.informers.for(resource)
    const add = (owner: O) => this.add(owner)
    this.owners.on({ added: add, updated: add, deleted: add })
  }

  /**
   * Follows the objects that the owners control.
   *
   * @param mayAdopt Whether an owner would take over an object that nobody controls. @default never
   */
  follow<T extends KubeObject>(informer: Informer<T>, mayAdopt?: (owner: O, object: T) => boolean): void {
    const enqueue = (object: T) => this.enqueueOwner(object, mayAdopt)
    informer.on({
      added: enqueue,
      updated: (object, old) => {
        enqueue(object)
        if (controllerUid(old) !== controllerUid(object)) enqueue(old)
      },
      deleted: enqueue,
    })
  }

  /** Adds the object's controller, or for want of one the owners of its namespace that would adopt it. */
  enqueueOwner<T extends KubeObject>(object: T, mayAdopt?: (owner: O, object: T) => boolean): void {
    const { namespace = '', deletionTimestamp } = object.metadata
    const controller = controllerOf(object)
    if (controller?.kind === this.#kind) this.addKey(`${namespace}/${controller.name}`)
    if (mayAdopt === undefined || controller !== undefined || deletionTimestamp !== undefined) return
    for (const owner of this.owners.byIndex(BY_NAMESPACE, namespace)) if (mayAdopt(owner, object)) this.add(owner)
  }

  add(owner: KubeObject): void {
    this.#queue.add(keyOf(owner))
  }

  addKey(key: string): void {
    this.#queue.add(key)
  }

  addAll(): void {
    for (const owner of this.owners.list()) this.add(owner)
  }

  /** Adds the object again when something is due. @param ms `undefined`: nothing is. */
  addAfter(owner: KubeObject, ms: number | undefined): void {
    if (ms !== undefined) this.#queue.addAfter(keyOf(owner), Math.min(ms, LONGEST_WAIT_MS))
  }

  /** Reconciles until the signal aborts; objects that are gone by then are passed over. */
  async run(reconcile: (owner: O) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log } = this.#context
    const reconcileKey = async (key: string) => {
      const owner = this.owners.get(key)
      if (owner !== undefined) await reconcile(owner)
    }
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile: reconcileKey, log, signal })
  }
}
