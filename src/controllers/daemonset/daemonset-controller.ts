import type { Informer } from '../../kube/informer.ts'
import { daemonSets, nodes, pods } from '../../kube/resource.ts'
import { labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { DaemonSet } from '../../kube/types/apps.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import { carryOut } from '../adopt.ts'
import { sameJson } from '../canonical-json.ts'
import { claim } from '../claim.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { BY_CONTROLLER, orphansOf } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnerLoop } from '../owner-loop.ts'
import { PodControl } from '../pod-control.ts'
import { RevisionHistory, revisionName } from '../revision-history.ts'
import { templateHash } from '../template-hash.ts'
import { writeStatus } from '../write-status.ts'
import { daemonPod } from './daemon-pod.ts'
import { type DaemonSetPlan, type DaemonSetView, planDaemonSet, REVISION_LABEL } from './plan.ts'
import { daemonSetStatus } from './status.ts'

/** Keeps one pod of every DaemonSet on every node that it fits. */
export class DaemonSetController implements Controller {
  readonly #context: ControllerContext
  readonly #loop: OwnerLoop<DaemonSet>
  readonly #nodes: Informer<Node>
  readonly #pods: Informer<Pod>
  readonly #history: RevisionHistory
  readonly #control: PodControl

  constructor(context: ControllerContext) {
    this.#context = context
    this.#loop = new OwnerLoop(context, daemonSets)
    this.#nodes = context.informers.for(nodes)
    this.#pods = context.informers.for(pods)
    this.#history = new RevisionHistory(context)
    this.#control = new PodControl(context)
    this.#loop.follow(this.#pods, ({ spec }, { metadata }) =>
      matchesLabels(labelSelectorFrom(spec.selector), metadata.labels),
    )
    this.#nodes.on({
      added: () => this.#loop.addAll(),
      updated: (node, old) => {
        if (!sameJson(relevant(node), relevant(old))) this.#loop.addAll()
      },
      deleted: () => this.#loop.addAll(),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#loop.run((set) => this.#reconcile(set), signal)
  }

  async #reconcile(set: DaemonSet): Promise<void> {
    await this.#claimPods(set)
    const revision = templateHash(set.spec.template, set.status?.collisionCount ?? 0)
    const plan = planDaemonSet(set, this.#view(set, revision))
    if (set.metadata.deletionTimestamp === undefined) await this.#keepHistory(set, revision)
    const failure = await this.#act(set, plan, revision)
    await this.#writeStatus(set, revision)
    this.#loop.addAfter(set, plan.recheckIn)
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
    const hashes = this.#control.podsOf(set).map(({ metadata }) => metadata.labels?.[REVISION_LABEL] ?? '')
    const used = new Set(hashes.map((each) => revisionName(set, each)))
    await this.#history.keep(set, { hash, hashLabel: REVISION_LABEL, used })
  }

  async #writeStatus(set: DaemonSet, revision: string): Promise<void> {
    const status = daemonSetStatus(set, this.#view(set, revision))
    await writeStatus(this.#context.client, daemonSets, { object: set, status })
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
