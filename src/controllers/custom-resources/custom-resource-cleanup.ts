import { isConflict, isNotFound } from '../../kube/api-error.ts'
import { setCondition } from '../../kube/conditions.ts'
import { customResources } from '../../kube/custom-resources/custom-kind.ts'
import type { Informer } from '../../kube/informer.ts'
import { CLEANUP_FINALIZER } from '../../kube/kinds/custom-resource-definition.ts'
import { customResourceDefinitions, type Resource } from '../../kube/resource.ts'
import type { CustomResourceDefinition } from '../../kube/types/custom-resource-definition.ts'
import type { Condition, KubeObject } from '../../kube/types/meta.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import type { ServedResources } from './served-resources.ts'

/** What remains is looked at again after this time, should no event say that it is gone. */
const RECHECK_MS = 5_000

/** Deletes all objects of a kind whose definition is being deleted, then lets the definition go. */
export class CustomResourceCleanup implements Controller {
  readonly #context: ControllerContext
  readonly #definitions: Informer<CustomResourceDefinition>
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, served: ServedResources) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#definitions = context.informers.for(customResourceDefinitions)
    const add = (definition: CustomResourceDefinition) => this.#enqueue(definition)
    this.#definitions.on({ added: add, updated: add })
    served.on((versions) => this.#watch(versions))
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (name: string) => this.#reconcile(name)
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
  }

  #enqueue({ metadata }: CustomResourceDefinition): void {
    if (metadata.deletionTimestamp !== undefined) this.#queue.add(metadata.name)
  }

  #watch([resource]: readonly Resource<KubeObject>[]): () => void {
    if (resource === undefined || !resource.group.includes('.')) return () => {}
    const onGone = () => {
      const definition = this.#definitions.get(`${resource.plural}.${resource.group}`)
      if (definition !== undefined) this.#enqueue(definition)
    }
    return this.#context.informers.for(resource).on({ deleted: onGone })
  }

  async #reconcile(name: string): Promise<void> {
    const { client } = this.#context
    const definition = await client.find(customResourceDefinitions, { name })
    if (definition?.metadata.deletionTimestamp === undefined) return
    if (!(definition.metadata.finalizers ?? []).includes(CLEANUP_FINALIZER)) return
    const [resource] = customResources(definition)
    const left = resource === undefined ? 0 : await this.#clear(resource)
    if (left === 0) return this.#release(definition)
    await this.#tell(definition, left)
    this.#queue.addAfter(name, RECHECK_MS)
  }

  /** @returns how many objects are still there: they wait for finalizers. */
  async #clear(resource: Resource<KubeObject>): Promise<number> {
    const { client } = this.#context
    const { items } = await client.list(resource, {})
    for (const { metadata } of items) {
      if (metadata.deletionTimestamp !== undefined) continue
      await client.delete(resource, metadata, {}).catch((error) => {
        if (!isNotFound(error)) throw error
      })
    }
    return items.length === 0 ? 0 : (await client.list(resource, {})).items.length
  }

  async #release({ metadata }: CustomResourceDefinition): Promise<void> {
    const { uid, resourceVersion, name, finalizers = [] } = metadata
    const rest = finalizers.filter((finalizer) => finalizer !== CLEANUP_FINALIZER)
    const body = { metadata: { uid, resourceVersion, finalizers: rest } }
    try {
      await this.#context.client.patch(customResourceDefinitions, metadata, { type: 'merge', body })
    } catch (error) {
      if (isConflict(error)) this.#queue.addRateLimited(name)
      else if (!isNotFound(error)) throw error
    }
  }

  async #tell(definition: CustomResourceDefinition, left: number): Promise<void> {
    const { client, clock } = this.#context
    const known = definition.status?.conditions
    const message = `CustomResource deletion is in progress: ${left} instances remain`
    const condition: Condition = { type: 'Terminating', status: 'True', reason: 'InstanceDeletionInProgress', message }
    const conditions = setCondition(known, condition, clock.now())
    if (conditions === known) return
    const body = { metadata: { uid: definition.metadata.uid }, status: { conditions } }
    await client
      .patch(customResourceDefinitions, definition.metadata, { type: 'merge', body }, { subresource: 'status' })
      .catch((error) => {
        if (!isNotFound(error) && !isConflict(error)) throw error
      })
  }
}
