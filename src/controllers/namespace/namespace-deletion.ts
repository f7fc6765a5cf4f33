import { isConflict, isNotFound } from '../../kube/api-error.ts'
import type { Client } from '../../kube/client.ts'
import type { Informer } from '../../kube/informer.ts'
import { namespaces, type Resource } from '../../kube/resource.ts'
import type { Namespace } from '../../kube/types/core.ts'
import type { KubeObject } from '../../kube/types/meta.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import type { ServedResources } from '../custom-resources/served-resources.ts'
import { contentConditions, type RemainingContent } from './content-conditions.ts'

/** The finalizer of `spec.finalizers` that this controller takes off. */
const FINALIZER = 'kubernetes'
/** What remains is looked at again after this time, should no event say that it is gone. */
const RECHECK_MS = 5_000

/** Deletes all that is in a namespace that is being deleted, then lets it go. */
export class NamespaceDeletion implements Controller {
  readonly #context: ControllerContext
  readonly #resources = new Set<Resource<KubeObject>>()
  readonly #namespaces: Informer<Namespace>
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, served: ServedResources) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#namespaces = context.informers.for(namespaces)
    const add = (namespace: Namespace) => this.#enqueue(namespace)
    this.#namespaces.on({ added: add, updated: add })
    served.on((versions) => this.#watch(versions))
  }

  /** @returns Forgets the kind. */
  #watch([resource]: readonly Resource<KubeObject>[]): () => void {
    if (resource === undefined || !resource.namespaced) return () => {}
    this.#resources.add(resource)
    // Events are many and go at once when they are deleted: nothing to wait for.
    const informer = resource.kind === 'Event' ? undefined : this.#context.informers.for(resource)
    const stop = informer?.on({ deleted: (object) => this.#onGone(object) })
    return () => {
      stop?.()
      this.#resources.delete(resource)
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (name: string) => this.#reconcile(name)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  #enqueue(namespace: Namespace): void {
    if (namespace.metadata.deletionTimestamp !== undefined) this.#queue.add(namespace.metadata.name)
  }

  #onGone({ metadata }: KubeObject): void {
    const namespace = metadata.namespace === undefined ? undefined : this.#namespaces.get(metadata.namespace)
    if (namespace !== undefined) this.#enqueue(namespace)
  }

  async #reconcile(name: string): Promise<void> {
    const namespace = this.#namespaces.get(name)
    if (namespace?.metadata.deletionTimestamp === undefined) return
    if (!(namespace.spec?.finalizers ?? []).includes(FINALIZER)) return
    const cleared = [...this.#resources].map((resource) => this.#clear(resource, name))
    const remaining = (await Promise.all(cleared)).flat()
    if (remaining.length === 0) return this.#finalize(name)
    await this.#tell(namespace, remaining)
    this.#queue.addAfter(name, RECHECK_MS)
  }

  /** Deletes what there is of one kind. @returns what is still there after that: it waits for a finalizer or its grace. */
  async #clear(resource: Resource<KubeObject>, namespace: string): Promise<readonly RemainingContent[]> {
    const { client } = this.#context
    const { items } = await client.list(resource, { namespace })
    if (items.length === 0) return []
    await Promise.all(items.map((object) => deleteUnlessLeaving(client, resource, object)))
    const left = await client.list(resource, { namespace })
    const finalizers = left.items.flatMap(({ metadata }) => metadata.finalizers ?? [])
    return left.items.length === 0 ? [] : [{ resource, count: left.items.length, finalizers }]
  }

  async #finalize(name: string): Promise<void> {
    const { client } = this.#context
    const live = await client.find(namespaces, { name })
    if (live?.metadata.deletionTimestamp === undefined) return
    const finalizers = (live.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER)
    const released: Namespace = { ...live, spec: { ...live.spec, finalizers } }
    await client.update(namespaces, released, { subresource: 'finalize' }).catch((error) => {
      if (!isNotFound(error)) throw error
    })
  }

  async #tell(namespace: Namespace, remaining: readonly RemainingContent[]): Promise<void> {
    const { client, clock } = this.#context
    const known = namespace.status?.conditions
    const conditions = contentConditions(known, remaining, clock.now())
    if (conditions === known) return
    const body = { metadata: { uid: namespace.metadata.uid }, status: { conditions } }
    await client
      .patch(namespaces, namespace.metadata, { type: 'merge', body }, { subresource: 'status' })
      .catch((error) => {
        if (!isNotFound(error) && !isConflict(error)) throw error
      })
  }
}

async function deleteUnlessLeaving(
  client: Client,
  resource: Resource<KubeObject>,
  { metadata }: KubeObject,
): Promise<void> {
  if (metadata.deletionTimestamp !== undefined) return
  try {
    await client.delete(resource, metadata, { propagationPolicy: 'Background' })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
