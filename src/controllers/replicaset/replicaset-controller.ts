import { errorMessage } from '../../base/error.ts'
import type { Informer } from '../../kube/informer.ts'
import { controllerRef } from '../../kube/owner.ts'
import { pods, type Resource, replicaSets } from '../../kube/resource.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { KubeObject } from '../../kube/types/meta.ts'
import { carryOut } from '../adopt.ts'
import { claim } from '../claim.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { BY_CONTROLLER, controllerUid, orphansOf } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnerLoop } from '../owner-loop.ts'
import { PodControl } from '../pod-control.ts'
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
  readonly #loop: OwnerLoop<T>
  readonly #pods: Informer<Pod>
  readonly #control: PodControl

  constructor(context: ControllerContext, of: ReplicaSetLike<T> = REPLICA_SETS as unknown as ReplicaSetLike<T>) {
    this.#context = context
    this.#of = of
    this.#loop = new OwnerLoop(context, of.resource)
    this.#pods = context.informers.for(pods)
    this.#control = new PodControl(context)
    this.#loop.follow(this.#pods, (object, { metadata }) =>
      matchesLabels(labelSelectorFrom(of.view(object).spec.selector), metadata.labels),
    )
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#loop.run((object) => this.#reconcile(object), signal)
  }

  async #reconcile(object: T): Promise<void> {
    const set = this.#of.view(object)
    const owned = await this.#claimPods(set)
    const now = this.#context.clock.now()
    const plan = planReplicaSet(set, owned, { related: this.#relatedPods(set, owned), now })
    const { failure, error } = await this.#act(set, plan)
    const status = replicaSetStatus(set, this.#control.podsOf(set), { failure, now })
    await this.#writeStatus(set, status)
    this.#loop.addAfter(set, plan.recheckIn)
    if (error !== undefined) throw error
  }

  async #claimPods(set: ReplicaSet): Promise<readonly Pod[]> {
    const selector = labelSelectorFrom(set.spec.selector)
    const orphans = this.#pods.byIndex(BY_CONTROLLER, orphansOf(set.metadata.namespace))
    const claimed = claim(set, (labels) => matchesLabels(selector, labels), [...this.#control.podsOf(set), ...orphans])
    const ownerResource = this.#of.resource as unknown as Resource<ReplicaSet>
    return carryOut({ client: this.#context.client, ownerResource, owner: set, resource: pods }, claimed)
  }

  #relatedPods(set: ReplicaSet, own: readonly Pod[]): readonly Pod[] {
    const family = controllerUid(set)
    if (family === undefined) return own
    return this.#loop.owners
      .byIndex(BY_CONTROLLER, family)
      .flatMap((other) => this.#control.podsOf(this.#of.view(other)))
  }

  async #act(
    set: ReplicaSet,
    plan: ReplicaSetPlan,
  ): Promise<{ readonly failure: ReplicaFailure | undefined; readonly error: unknown }> {
    const created = await slowStart(plan.create, () =>
      this.#control.create(set, podFromTemplate(set, controllerRef(set))),
    )
    const deleted = await Promise.allSettled(plan.delete.map((pod) => this.#control.delete(set, pod)))
    const failed = deleted.find((result) => result.status === 'rejected')
    const error: unknown = created.error ?? failed?.reason
    if (error === undefined || isNamespaceTerminating(error)) return { failure: undefined, error: undefined }
    const reason = created.error === undefined ? 'FailedDelete' : 'FailedCreate'
    return { failure: { reason, message: errorMessage(error) }, error }
  }

  async #writeStatus(set: ReplicaSet, status: NonNullable<ReplicaSet['status']>): Promise<void> {
    const resource = this.#of.resource as unknown as Resource<ReplicaSet>
    await writeStatus(this.#context.client, resource, { object: set, status })
  }
}
