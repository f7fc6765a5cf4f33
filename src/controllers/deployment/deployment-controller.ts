import { errorMessage } from '../../base/error.ts'
import { isAlreadyExists, isNotFound } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { controllerOf } from '../../kube/owner.ts'
import { deployments, pods, replicaSets } from '../../kube/resource.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { Deployment, ReplicaSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { carryOut } from '../adopt.ts'
import { claim } from '../claim.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { BY_CONTROLLER, controllerUid, orphansOf } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { OwnerLoop } from '../owner-loop.ts'
import { sameTemplate } from '../template-hash.ts'
import { writeStatus } from '../write-status.ts'
import { type DeploymentPlan, planDeployment } from './plan.ts'
import { REVISION, sizeOf } from './replica-set.ts'
import { createFailed, type DeploymentStatus } from './status.ts'

/** Rolls Deployments out: ReplicaSets by pod template, sized step by step. */
export class DeploymentController implements Controller {
  readonly #context: ControllerContext
  readonly #loop: OwnerLoop<Deployment>
  readonly #sets: Informer<ReplicaSet>
  readonly #pods: Informer<Pod>
  readonly #written: OwnWrites<ReplicaSet>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#loop = new OwnerLoop(context, deployments)
    this.#sets = context.informers.for(replicaSets)
    this.#pods = context.informers.for(pods)
    this.#written = new OwnWrites(this.#sets)
    this.#loop.follow(this.#sets, mayAdopt)
    // Recreate goes on when the last old pod is gone.
    this.#pods.on({ deleted: (pod) => this.#enqueueForPod(pod) })
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#loop.run((deployment) => this.#reconcile(deployment), signal)
  }

  #enqueueForPod(pod: Pod): void {
    const owner = controllerOf(pod)
    if (owner?.kind !== 'ReplicaSet') return
    const set = this.#sets.get(`${pod.metadata.namespace}/${owner.name}`)
    if (set !== undefined) this.#loop.enqueueOwner(set, mayAdopt)
  }

  async #reconcile(deployment: Deployment): Promise<void> {
    const sets = await this.#claimSets(deployment)
    const owned = sets.flatMap((set) => this.#pods.byIndex(BY_CONTROLLER, set.metadata.uid ?? ''))
    const plan = planDeployment(deployment, sets, { pods: owned, now: this.#context.clock.now() })
    const collided = await this.#act(deployment, plan)
    await this.#note(deployment, plan, collided)
    if (collided) this.#loop.add(deployment)
    if (plan.recheckIn !== undefined) this.#loop.addAfter(deployment, plan.recheckIn + 1000)
  }

  async #claimSets(deployment: Deployment): Promise<readonly ReplicaSet[]> {
    const { uid = '', namespace } = deployment.metadata
    const listed = [
      ...this.#sets.byIndex(BY_CONTROLLER, uid),
      ...this.#sets.byIndex(BY_CONTROLLER, orphansOf(namespace)),
    ]
    const candidates = this.#written.view(listed, (set) => controllerUid(set) === uid)
    const selector = labelSelectorFrom(deployment.spec.selector)
    const claimed = claim(deployment, (labels) => matchesLabels(selector, labels), candidates)
    const { client } = this.#context
    return carryOut({ client, ownerResource: deployments, owner: deployment, resource: replicaSets }, claimed)
  }

  /** @returns whether the name of the new ReplicaSet is taken by another. */
  async #act(deployment: Deployment, plan: DeploymentPlan): Promise<boolean> {
    const { client } = this.#context
    if (plan.create !== undefined && (await this.#create(deployment, plan.create)) === 'collision') return true
    for (const { from, to } of plan.update) {
      this.#written.wrote(await client.update(replicaSets, to))
      this.#announce(deployment, to, { from: sizeOf(from), to: sizeOf(to) })
    }
    for (const set of plan.delete) {
      const { uid, resourceVersion } = set.metadata
      if (uid === undefined || resourceVersion === undefined) continue
      const preconditions = { uid, resourceVersion }
      await this.#written.delete(set, () => client.delete(replicaSets, set.metadata, { preconditions }))
    }
    return false
  }

  async #create(deployment: Deployment, set: ReplicaSet): Promise<'created' | 'collision' | 'refused'> {
    const { client, recorder, clock } = this.#context
    try {
      this.#written.wrote(await client.create(replicaSets, set))
      this.#announce(deployment, set, { from: 0, to: sizeOf(set) })
      return 'created'
    } catch (error) {
      if (isAlreadyExists(error)) return this.#meet(deployment, set)
      if (isNamespaceTerminating(error)) return 'refused'
      const message = `Failed to create new replica set "${set.metadata.name}": ${errorMessage(error)}`
      await this.#writeStatus(deployment, createFailed(deployment, message, clock.now()))
      recorder.event(deployment, 'Warning', 'ReplicaSetCreateError', message)
      throw error
    }
  }

  /** There is a ReplicaSet of that name: ours, which the watch has not shown yet, or another's. */
  async #meet(deployment: Deployment, set: ReplicaSet): Promise<'created' | 'collision'> {
    const found = await this.#context.client.find(replicaSets, set.metadata)
    if (found === undefined) return 'created'
    const ours = controllerUid(found) === deployment.metadata.uid
    const same = found.spec.template !== undefined && sameTemplate(found.spec.template, deployment.spec.template)
    if (!ours || !same) return 'collision'
    this.#written.wrote(found)
    this.#loop.add(deployment)
    return 'created'
  }

  #announce(deployment: Deployment, set: ReplicaSet, size: { readonly from: number; readonly to: number }): void {
    if (size.from === size.to) return
    const direction = size.to > size.from ? 'up' : 'down'
    const message = `Scaled ${direction} replica set ${set.metadata.name} from ${size.from} to ${size.to}`
    this.#context.recorder.event(deployment, 'Normal', 'ScalingReplicaSet', message)
  }

  async #note(deployment: Deployment, plan: DeploymentPlan, collided: boolean): Promise<void> {
    const { client } = this.#context
    try {
      if (plan.revision !== undefined && !collided) {
        const body = { metadata: { uid: deployment.metadata.uid, annotations: { [REVISION]: plan.revision } } }
        await client.patch(deployments, deployment.metadata, { type: 'merge', body })
      }
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    await this.#writeStatus(deployment, collided ? withCollision(deployment) : plan.status)
  }

  async #writeStatus(deployment: Deployment, status: DeploymentStatus): Promise<void> {
    try {
      await writeStatus(this.#context.client, deployments, { object: deployment, status })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

function mayAdopt({ spec }: Deployment, { metadata }: ReplicaSet): boolean {
  return matchesLabels(labelSelectorFrom(spec.selector), metadata.labels)
}

function withCollision({ status = {} }: Deployment): DeploymentStatus {
  return { ...status, collisionCount: (status.collisionCount ?? 0) + 1 }
}
