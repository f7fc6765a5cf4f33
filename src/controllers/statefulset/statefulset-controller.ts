import { errorMessage } from '../../base/error.ts'
import { isAlreadyExists } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { controllerRef } from '../../kube/owner.ts'
import { pods, statefulSets } from '../../kube/resource.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { StatefulSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import { carryOut } from '../adopt.ts'
import { claim } from '../claim.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { BY_CONTROLLER, controllerUid, orphansOf } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { OwnerLoop } from '../owner-loop.ts'
import { RevisionHistory } from '../revision-history.ts'
import { writeStatus } from '../write-status.ts'
import { HASH_LABEL, hashOf, ordinalOf, REVISION_LABEL, revisionOf, statefulPod, versionFor } from './identity.ts'
import { planStatefulSet, type StatefulSetAction } from './plan.ts'
import { statefulSetStatus } from './status.ts'

/** Keeps the pods of StatefulSets: stable names, in order. */
export class StatefulSetController implements Controller {
  readonly #context: ControllerContext
  readonly #loop: OwnerLoop<StatefulSet>
  readonly #history: RevisionHistory
  readonly #pods: Informer<Pod>
  readonly #written: OwnWrites<Pod>

  constructor(context: ControllerContext) {
    this.#context = context
    this.#loop = new OwnerLoop(context, statefulSets)
    this.#history = new RevisionHistory(context)
    this.#pods = context.informers.for(pods)
    this.#written = new OwnWrites(this.#pods)
    this.#loop.follow(this.#pods, (set, pod) => ordinalOf(set, pod) !== undefined)
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#loop.run((set) => this.#reconcile(set), signal)
  }

  async #reconcile(set: StatefulSet): Promise<void> {
    const owned = await this.#claimPods(set)
    if (set.metadata.deletionTimestamp === undefined) await this.#keepHistory(set, owned)
    const context = { revision: revisionOf(set), now: this.#context.clock.now() }
    const plan = planStatefulSet(set, owned, context)
    const results = await Promise.allSettled(plan.actions.map((action) => this.#act(set, action)))
    const { uid = '' } = set.metadata
    const after = this.#written.view(this.#pods.byIndex(BY_CONTROLLER, uid), (pod) => controllerUid(pod) === uid)
    await this.#writeStatus(set, statefulSetStatus(set, after, context))
    this.#loop.addAfter(set, plan.recheckIn)
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined && !isNamespaceTerminating(failed.reason)) throw failed.reason
  }

  async #keepHistory(set: StatefulSet, owned: readonly Pod[]): Promise<void> {
    const { currentRevision, updateRevision } = set.status ?? {}
    const inUse = [currentRevision, updateRevision, ...owned.map(({ metadata }) => metadata.labels?.[REVISION_LABEL])]
    const used = new Set(inUse.filter((name) => name !== undefined))
    await this.#history.keep(set, { hash: hashOf(set), hashLabel: HASH_LABEL, used })
  }

  async #claimPods(set: StatefulSet): Promise<readonly Pod[]> {
    const { uid = '', namespace } = set.metadata
    const owned = this.#written.view(this.#pods.byIndex(BY_CONTROLLER, uid), (pod) => controllerUid(pod) === uid)
    const orphans = this.#pods
      .byIndex(BY_CONTROLLER, orphansOf(namespace))
      .filter((pod) => ordinalOf(set, pod) !== undefined)
    const selector = labelSelectorFrom(set.spec.selector)
    const claimed = claim(set, (labels) => matchesLabels(selector, labels), [...owned, ...orphans])
    const { client } = this.#context
    return carryOut({ client, ownerResource: statefulSets, owner: set, resource: pods }, claimed)
  }

  async #act(set: StatefulSet, action: StatefulSetAction): Promise<void> {
    const name = action.type === 'create' ? `${set.metadata.name}-${action.ordinal}` : action.pod.metadata.name
    const [verb, reason] = action.type === 'create' ? ['create', 'Create'] : ['delete', 'Delete']
    const { recorder } = this.#context
    const subject = `${verb} Pod ${name} in StatefulSet ${set.metadata.name}`
    try {
      const done = action.type === 'create' ? await this.#create(set, action.ordinal) : await this.#delete(action.pod)
      if (done) recorder.event(set, 'Normal', `Successful${reason}`, `${subject} successful`)
    } catch (error) {
      if (!isNamespaceTerminating(error)) {
        recorder.event(set, 'Warning', `Failed${reason}`, `${subject} failed error: ${errorMessage(error)}`)
      }
      throw error
    }
  }

  /** @returns whether it was created now. */
  async #create(set: StatefulSet, ordinal: number): Promise<boolean> {
    const { client } = this.#context
    const owner = controllerRef(set)
    const known = this.#history.of(set).find(({ metadata }) => metadata.name === set.status?.currentRevision)
    const pod = statefulPod(set, ordinal, { owner, ...versionFor(set, ordinal, known) })
    try {
      this.#written.wrote(await client.create(pods, pod))
      return true
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
      const found = await client.find(pods, pod.metadata)
      // Ours, created just now, or about to be adopted, or gone again: the next pass will see.
      if (found !== undefined && controllerUid(found) !== set.metadata.uid) throw error
      return false
    }
  }

  async #delete(pod: Pod): Promise<boolean> {
    const preconditions = pod.metadata.uid === undefined ? {} : { uid: pod.metadata.uid }
    return this.#written.delete(pod, () => this.#context.client.delete(pods, pod.metadata, { preconditions }))
  }

  async #writeStatus(set: StatefulSet, status: NonNullable<StatefulSet['status']>): Promise<void> {
    await writeStatus(this.#context.client, statefulSets, { object: set, status })
  }
}
