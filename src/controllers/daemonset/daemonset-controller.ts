import { isAlreadyExists, isNotFound } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { controllerOf } from '../../kube/owner.ts'
import { controllerRevisions, daemonSets, nodes, pods } from '../../kube/resource.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { ControllerRevision, DaemonSet } from '../../kube/types/apps.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import type { KubeObject } from '../../kube/types/meta.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { carryOut } from '../adopt.ts'
import { sameJson } from '../canonical-json.ts'
import { claim } from '../claim.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { BY_CONTROLLER, controllerUid, orphansOf } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { PodControl } from '../pod-control.ts'
import { templateHash } from '../template-hash.ts'
import { writeStatus } from '../write-status.ts'
import { daemonPod } from './daemon-pod.ts'
import { type DaemonSetPlan, type DaemonSetView, planDaemonSet, REVISION_LABEL } from './plan.ts'
import { planRevisions } from './revisions.ts'
import { daemonSetStatus } from './status.ts'

/** Keeps one pod of every DaemonSet on every node that it fits. */
export class DaemonSetController implements Controller {
  readonly #context: ControllerContext
  readonly #sets: Informer<DaemonSet>
  readonly #nodes: Informer<Node>
  readonly #pods: Informer<Pod>
  readonly #revisions: Informer<ControllerRevision>
  readonly #control: PodControl
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#sets = context.informers.for(daemonSets)
    this.#nodes = context.informers.for(nodes)
    this.#pods = context.informers.for(pods)
    this.#revisions = context.informers.for(controllerRevisions)
    this.#control = new PodControl(context)
    const add = (set: DaemonSet) => this.#queue.add(keyOf(set))
    this.#sets.on({ added: add, updated: add })
    const addOwner = (object: KubeObject) => this.#enqueueFor(object)
    this.#pods.on({ added: addOwner, updated: addOwner, deleted: addOwner })
    this.#nodes.on({
      added: () => this.#addAll(),
      updated: (node, old) => {
        if (!sameJson(relevant(node), relevant(old))) this.#addAll()
      },
      deleted: () => this.#addAll(),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#reconcile(key)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  #addAll(): void {
    for (const set of this.#sets.list()) this.#queue.add(keyOf(set))
  }

  #enqueueFor(object: KubeObject): void {
    const owner = controllerOf(object)
    if (owner?.kind === 'DaemonSet') this.#queue.add(`${object.metadata.namespace}/${owner.name}`)
    if (owner !== undefined) return
    for (const set of this.#sets.list()) {
      if (set.metadata.namespace !== object.metadata.namespace) continue
      if (matchesLabels(labelSelectorFrom(set.spec.selector), object.metadata.labels)) this.#queue.add(keyOf(set))
    }
  }

  async #reconcile(key: string): Promise<void> {
    const set = this.#sets.get(key)
    if (set === undefined) return
    await this.#claimPods(set)
    const revision = templateHash(set.spec.template, set.status?.collisionCount ?? 0)
    const plan = planDaemonSet(set, this.#view(set, revision))
    if (set.metadata.deletionTimestamp === undefined) await this.#keepHistory(set, revision)
    const failure = await this.#act(set, plan, revision)
    await this.#writeStatus(set, revision)
    if (plan.recheckIn !== undefined) this.#queue.addAfter(key, plan.recheckIn)
    if (failure !== undefined && !isNamespaceTerminating(failure)) throw failure
  }

  #view(set: DaemonSet, revision: string): DaemonSetView {
    const now = this.#context.clock.now()
    return { nodes: this.#nodes.list(), pods: this.#control.podsOf(set), revision, now }
  }

  async #claimPods(set: DaemonSet): Promise<void> {
    const selector = labelSelectorFrom(set.spec.selector)
    const orphans = this.#pods.byIndex(BY_CONTROLLER, orphansOf(set.metadata.namespace))
    const claimed = claim(set, (labels) => matchesLabels(selector, labels), [...this.#control.podsOf(set), ...orphans])
    const { client } = this.#context
    await carryOut({ client, ownerResource: daemonSets, owner: set, resource: pods }, claimed)
  }

  /** @returns the first failure. */
  async #act(set: DaemonSet, plan: DaemonSetPlan, revision: string): Promise<unknown> {
    for (const { metadata, spec } of plan.failed) {
      const text = `Found failed daemon pod ${metadata.namespace}/${metadata.name} on node ${spec.nodeName}, will try to kill it`
      this.#context.recorder.event(set, 'Warning', 'FailedDaemonPod', text)
    }
    const results = await Promise.allSettled([
      ...plan.create.map((node) => this.#control.create(set, daemonPod(set, node, revision))),
      ...plan.delete.map((pod) => this.#control.delete(set, pod)),
    ])
    return results.find((result) => result.status === 'rejected')?.reason
  }

  async #keepHistory(set: DaemonSet, hash: string): Promise<void> {
    const known = this.#revisions.list().filter((each) => controllerUid(each) === set.metadata.uid)
    const used = new Set(this.#control.podsOf(set).map(({ metadata }) => metadata.labels?.[REVISION_LABEL] ?? ''))
    const plan = planRevisions(set, known, { hash, used })
    const { client } = this.#context
    if (plan.create !== undefined) {
      await client.create(controllerRevisions, plan.create).catch((error) => {
        if (!isAlreadyExists(error) && !isNamespaceTerminating(error)) throw error
      })
    }
    if (plan.renumber !== undefined) {
      const body = { revision: plan.renumber.to }
      await client.patch(controllerRevisions, plan.renumber.revision.metadata, { type: 'merge', body })
    }
    for (const { metadata } of plan.delete) {
      await client.delete(controllerRevisions, metadata).catch((error) => {
        if (!isNotFound(error)) throw error
      })
    }
  }

  async #writeStatus(set: DaemonSet, revision: string): Promise<void> {
    const status = daemonSetStatus(set, this.#view(set, revision))
    try {
      await writeStatus(this.#context.client, daemonSets, { object: set, status })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}

/** What of a node decides whether a pod fits it: not its heartbeat. */
function relevant({ metadata, spec, status }: Node): object {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? ''
  return {
    labels: metadata.labels ?? {},
    taints: spec?.taints ?? [],
    unschedulable: spec?.unschedulable ?? false,
    ready,
  }
}
