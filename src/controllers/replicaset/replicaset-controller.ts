import { errorMessage } from '../../base/error.ts'
import { isNotFound } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { controllerOf, controllerRef } from '../../kube/owner.ts'
import { pods, type Resource, replicaSets } from '../../kube/resource.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { KubeObject } from '../../kube/types/meta.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { carryOut } from '../adopt.ts'
import { claim } from '../claim.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { BY_CONTROLLER, BY_NAMESPACE, controllerUid, orphansOf } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { slowStart } from '../slow-start.ts'
import { writeStatus } from '../write-status.ts'
import { planReplicaSet, type ReplicaSetPlan } from './plan.ts'
import { podFromTemplate } from './pod-from-template.ts'
import { type ReplicaFailure, replicaSetStatus } from './status.ts'

/** The kind whose objects are kept: ReplicaSets, or what can be looked at as if it were one. */
export interface ReplicaSetLike<T extends KubeObject> {
  readonly resource: Resource<T>
  /** The object as a ReplicaSet: with its own apiVersion, kind and metadata. */
  view(object: T): ReplicaSet
}

const REPLICA_SETS: ReplicaSetLike<ReplicaSet> = { resource: replicaSets, view: (set) => set }

/** Keeps the wanted number of pods for every ReplicaSet, or for every object of another kind that is like one. */
export class ReplicaSetController<T extends KubeObject = ReplicaSet> implements Controller {
  readonly #context: ControllerContext
  readonly #of: ReplicaSetLike<T>
  readonly #sets: Informer<T>
  readonly #pods: Informer<Pod>
  readonly #written: OwnWrites<Pod>
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, of: ReplicaSetLike<T> = REPLICA_SETS as unknown as ReplicaSetLike<T>) {
    this.#context = context
    this.#of = of
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#sets = context.informers.for(of.resource)
    this.#pods = context.informers.for(pods)
    this.#written = new OwnWrites(this.#pods)
    const add = (set: T) => this.#queue.add(keyOf(set))
    this.#sets.on({ added: add, updated: add, deleted: add })
    this.#pods.on({
      added: (pod) => this.#enqueueFor(pod),
      updated: (pod, old) => {
        this.#enqueueFor(pod)
        if (controllerUid(old) !== controllerUid(pod)) this.#enqueueFor(old)
      },
      deleted: (pod) => this.#enqueueFor(pod),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#reconcile(key)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  #enqueueFor(pod: Pod): void {
    const owner = controllerOf(pod)
    if (owner?.kind === this.#of.resource.kind) this.#queue.add(`${pod.metadata.namespace}/${owner.name}`)
    if (owner !== undefined || pod.metadata.deletionTimestamp !== undefined) return
    for (const object of this.#sets.byIndex(BY_NAMESPACE, pod.metadata.namespace ?? '')) {
      const set = this.#of.view(object)
      if (matchesLabels(labelSelectorFrom(set.spec.selector), pod.metadata.labels)) this.#queue.add(keyOf(set))
    }
  }

  async #reconcile(key: string): Promise<void> {
    const object = this.#sets.get(key)
    if (object === undefined) return
    const set = this.#of.view(object)
    const owned = await this.#claimPods(set)
    const now = this.#context.clock.now()
    const plan = planReplicaSet(set, owned, { related: this.#relatedPods(set, owned), now })
    const { failure, error } = await this.#act(set, plan)
    const status = replicaSetStatus(set, this.#podsOf(set), { failure, now })
    await this.#writeStatus(set, status)
    if (plan.recheckIn !== undefined) this.#queue.addAfter(key, plan.recheckIn)
    if (error !== undefined) throw error
  }

  async #claimPods(set: ReplicaSet): Promise<readonly Pod[]> {
    const selector = labelSelectorFrom(set.spec.selector)
    const orphans = this.#pods.byIndex(BY_CONTROLLER, orphansOf(set.metadata.namespace))
    const claimed = claim(set, (labels) => matchesLabels(selector, labels), [...this.#podsOf(set), ...orphans])
    const ownerResource = this.#of.resource as unknown as Resource<ReplicaSet>
    return carryOut({ client: this.#context.client, ownerResource, owner: set, resource: pods }, claimed)
  }

  /** Pods by owner reference, own writes that the watch has not shown included. */
  #podsOf(set: ReplicaSet): readonly Pod[] {
    const { uid = '' } = set.metadata
    return this.#written.view(this.#pods.byIndex(BY_CONTROLLER, uid), (pod) => controllerUid(pod) === uid)
  }

  #relatedPods(set: ReplicaSet, own: readonly Pod[]): readonly Pod[] {
    const family = controllerUid(set)
    if (family === undefined) return own
    return this.#sets.byIndex(BY_CONTROLLER, family).flatMap((other) => this.#podsOf(this.#of.view(other)))
  }

  async #act(
    set: ReplicaSet,
    plan: ReplicaSetPlan,
  ): Promise<{ readonly failure: ReplicaFailure | undefined; readonly error: unknown }> {
    const created = await slowStart(plan.create, () => this.#createPod(set))
    const deleted = await Promise.allSettled(plan.delete.map((pod) => this.#deletePod(set, pod)))
    const failed = deleted.find((result) => result.status === 'rejected')
    const error: unknown = created.error ?? failed?.reason
    if (error === undefined || isNamespaceTerminating(error)) return { failure: undefined, error: undefined }
    const reason = created.error === undefined ? 'FailedDelete' : 'FailedCreate'
    return { failure: { reason, message: errorMessage(error) }, error }
  }

  async #createPod(set: ReplicaSet): Promise<void> {
    const { client, recorder } = this.#context
    try {
      const pod = await client.create(pods, podFromTemplate(set, controllerRef(set)))
      this.#written.wrote(pod)
      recorder.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`)
    } catch (error) {
      if (!isNamespaceTerminating(error)) {
        recorder.event(set, 'Warning', 'FailedCreate', `Error creating: ${errorMessage(error)}`)
      }
      throw error
    }
  }

  async #deletePod(set: ReplicaSet, pod: Pod): Promise<void> {
    const { client, recorder } = this.#context
    this.#written.deleting(pod)
    try {
      const preconditions = pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }
      await client.delete(pods, pod.metadata, { preconditions })
      recorder.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`)
    } catch (error) {
      this.#written.undelete(pod)
      if (isNotFound(error)) return
      recorder.event(set, 'Warning', 'FailedDelete', `Error deleting: ${errorMessage(error)}`)
      throw error
    }
  }

  async #writeStatus(set: ReplicaSet, status: NonNullable<ReplicaSet['status']>): Promise<void> {
    try {
      const resource = this.#of.resource as unknown as Resource<ReplicaSet>
      await writeStatus(this.#context.client, resource, { object: set, status })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}
