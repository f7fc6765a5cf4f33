import { errorMessage } from '../base/error.ts'
import { isConflict, isNotFound } from '../kube/api-error.ts'
import type { Informer } from '../kube/informer.ts'
import { pods } from '../kube/resource.ts'
import type { Pod } from '../kube/types/core.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import type { ControllerContext } from './controller.ts'
import { BY_CONTROLLER, controllerUid } from './indexes.ts'
import { isNamespaceTerminating } from './namespace-terminating.ts'
import { OwnWrites } from './own-writes.ts'

/** Makes and removes the pods of a controller's objects, and tells of it in Events. */
export class PodControl {
  readonly #context: ControllerContext
  readonly #pods: Informer<Pod>
  readonly #written: OwnWrites<Pod>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#pods = context.informers.for(pods)
    this.#written = new OwnWrites(this.#pods)
  }

  /** The pods that the object controls, with own writes that the watch has not shown. */
  podsOf({ metadata }: KubeObject): readonly Pod[] {
    const { uid = '' } = metadata
    return this.#written.view(this.#pods.byIndex(BY_CONTROLLER, uid), (pod) => controllerUid(pod) === uid)
  }

  /** Notes a pod that was changed by other ways than these. */
  wrote(pod: Pod): void {
    this.#written.wrote(pod)
  }

  /** @throws ApiError, after an Event. */
  async create(owner: KubeObject, pod: Pod): Promise<void> {
    const { client, recorder } = this.#context
    try {
      const made = await client.create(pods, pod)
      this.#written.wrote(made)
      recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${made.metadata.name}`)
    } catch (error) {
      if (!isNamespaceTerminating(error)) {
        recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${errorMessage(error)}`)
      }
      throw error
    }
  }

  /** Takes a finalizer off a pod. Gone already is fine. @throws ApiError */
  async release({ metadata }: Pod, finalizer: string): Promise<void> {
    if (!metadata.finalizers?.includes(finalizer)) return
    const body = { metadata: { uid: metadata.uid, '$deleteFromPrimitiveList/finalizers': [finalizer] } }
    try {
      this.#written.wrote(await this.#context.client.patch(pods, metadata, { type: 'strategic', body }))
    } catch (error) {
      // Another pod has its name by now.
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }

  /** @throws ApiError, after an Event. */
  async delete(owner: KubeObject, pod: Pod): Promise<void> {
    const { client, recorder } = this.#context
    const preconditions = pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }
    try {
      const done = await this.#written.delete(pod, () => client.delete(pods, pod.metadata, { preconditions }))
      if (done) recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
    } catch (error) {
      recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${errorMessage(error)}`)
      throw error
    }
  }
}
