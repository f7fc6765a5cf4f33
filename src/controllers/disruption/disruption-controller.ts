import { findCondition, setCondition } from '../../kube/conditions.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { controllerOf } from '../../kube/owner.ts'
import {
  deployments,
  podDisruptionBudgets,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
} from '../../kube/resource.ts'
import { formatLabelSelector, labelSelectorFrom, matchesLabels } from '../../kube/selector.ts'
import type { Deployment, ReplicaSet, StatefulSet } from '../../kube/types/apps.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { KubeObject, OwnerReference } from '../../kube/types/meta.ts'
import type { PodDisruptionBudget } from '../../kube/types/policy.ts'
import type { ReplicationController } from '../../kube/types/replication.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { sameJson } from '../canonical-json.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { BY_NAMESPACE } from '../indexes.ts'
import { isTerminal } from '../pod-state.ts'
import { DELETION_TIMEOUT_MS, failSafeStatus, planBudgetStatus } from './budget-status.ts'
import { type ExpectationResult, expectPods, type Scale, unscalable } from './expected-pods.ts'

const TARGET = 'DisruptionTarget'

interface Scaled extends KubeObject {
  readonly spec: { readonly replicas?: number }
}

/** Writes the status of PodDisruptionBudgets, by which evictions are granted, and takes back what no eviction followed. */
export class DisruptionController implements Controller {
  readonly #context: ControllerContext
  readonly #budgets: Informer<PodDisruptionBudget>
  readonly #pods: Informer<Pod>
  readonly #deployments: Informer<Deployment>
  readonly #replicaSets: Informer<ReplicaSet>
  readonly #others: ReadonlyMap<string, Informer<StatefulSet> | Informer<ReplicationController>>
  /** `namespace/name` of budgets. */
  readonly #queue: WorkQueue
  /** `namespace/name` of pods whose condition is to be taken back. */
  readonly #stale: WorkQueue

  constructor(context: ControllerContext) {
    const { informers, clock } = context
    this.#context = context
    this.#queue = new WorkQueue({ clock })
    this.#stale = new WorkQueue({ clock })
    this.#budgets = informers.for(podDisruptionBudgets)
    this.#pods = informers.for(pods)
    this.#deployments = informers.for(deployments)
    this.#replicaSets = informers.for(replicaSets)
    this.#others = new Map<string, Informer<StatefulSet> | Informer<ReplicationController>>([
      ['StatefulSet', informers.for(statefulSets)],
      ['ReplicationController', informers.for(replicationControllers)],
    ])
    const add = (budget: PodDisruptionBudget) => this.#queue.add(keyOf(budget))
    this.#budgets.on({ added: add, updated: add })
    const look = (pod: Pod) => this.#lookAtPod(pod)
    this.#pods.on({ added: look, updated: look, deleted: look })
    const rescaled = (object: KubeObject) => this.#addAll(object.metadata.namespace)
    this.#deployments.on({ updated: rescaled })
    this.#replicaSets.on({ updated: rescaled })
    for (const informer of this.#others.values()) informer.on({ updated: rescaled })
  }

  async run(signal: AbortSignal): Promise<void> {
    const { log } = this.#context
    const budgets = {
      queue: this.#queue,
      workers: WORKERS,
      reconcile: (key: string) => this.#reconcile(key),
      log,
      signal,
    }
    const stale = { queue: this.#stale, workers: 1, reconcile: (key: string) => this.#takeBack(key), log, signal }
    await Promise.all([runWorkers(budgets), runWorkers(stale)])
  }

  #lookAtPod(pod: Pod): void {
    const wait = this.#staleIn(pod)
    if (wait !== undefined) this.#stale.addAfter(keyOf(pod), wait)
    const [first, ...more] = this.#budgetsFor(pod)
    if (first === undefined) return
    if (more.length > 0) {
      const { namespace, name } = pod.metadata
      const message = `Pod "${namespace}"/"${name}" matches multiple PodDisruptionBudgets.  Chose "${first.metadata.name}" arbitrarily.`
      this.#context.recorder.event(pod, 'Warning', 'MultiplePodDisruptionBudgets', message)
    }
    this.#queue.add(keyOf(first))
  }

  #addAll(namespace: string | undefined): void {
    for (const budget of this.#budgets.list()) {
      if (budget.metadata.namespace === namespace) this.#queue.add(keyOf(budget))
    }
  }

  #budgetsFor({ metadata }: Pod): readonly PodDisruptionBudget[] {
    return this.#budgets
      .list()
      .filter((budget) => budget.metadata.namespace === metadata.namespace && selects(budget, metadata.labels))
  }

  async #reconcile(key: string): Promise<void> {
    const budget = this.#budgets.get(key)
    if (budget === undefined) return
    const { recorder, clock } = this.#context
    const covered = this.#pods
      .byIndex(BY_NAMESPACE, budget.metadata.namespace ?? '')
      .filter(({ metadata }) => selects(budget, metadata.labels))
    if (covered.length === 0) recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found')
    const expected = expectPods(budget, covered, (pod) => this.#scaleOf(pod))
    this.#tell(budget, expected)
    if (expected.kind === 'failed') {
      await this.#writeStatus(budget, failSafeStatus(budget, expected.why, clock.now()))
      return
    }
    const plan = planBudgetStatus(budget, covered, { expectation: expected.expectation, now: clock.now() })
    for (const pod of plan.notDeleted) {
      const { namespace } = budget.metadata
      const message = `Pod was expected by PDB ${namespace}/${namespace} to be deleted but it wasn't`
      recorder.event(pod, 'Warning', 'NotDeleted', message)
    }
    await this.#writeStatus(budget, plan.status)
    if (plan.recheckMs !== undefined) this.#queue.addAfter(key, plan.recheckMs + 1)
  }

  #tell(budget: PodDisruptionBudget, expected: ExpectationResult): void {
    const { recorder } = this.#context
    if (expected.kind === 'failed') {
      const message = `Failed to calculate the number of expected pods: ${expected.why}`
      recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', message)
    } else if (expected.expectation.unmanaged.length > 0) {
      const selector = formatLabelSelector(labelSelectorFrom(budget.spec.selector))
      const message = `Pods selected by this PodDisruptionBudget (selector: ${selector}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`
      recorder.event(budget, 'Warning', 'UnmanagedPods', message)
    }
  }

  /** Optimistic: an eviction that was granted meanwhile must not be forgotten. */
  async #writeStatus(budget: PodDisruptionBudget, status: NonNullable<PodDisruptionBudget['status']>): Promise<void> {
    if (sameJson(budget.status ?? {}, status)) return
    await this.#context.client.update(podDisruptionBudgets, { ...budget, status }, { subresource: 'status' })
  }

  /** What the controller of a pod wants; `undefined` when it has none. A ReplicaSet of a Deployment wants what that does. */
  #scaleOf(pod: Pod): Scale | undefined {
    const reference = controllerOf(pod)
    if (reference === undefined) return undefined
    const { namespace } = pod.metadata
    const find = <T extends Scaled>(informer: Informer<T>, wanted: OwnerReference) => {
      const owner = informer.get(`${namespace}/${wanted.name}`)
      return owner?.metadata.uid === wanted.uid ? owner : undefined
    }
    if (reference.kind === 'ReplicaSet') {
      const replicaSet = find(this.#replicaSets, reference)
      const above = replicaSet && controllerOf(replicaSet)
      const owner = above?.kind === 'Deployment' ? find(this.#deployments, above) : replicaSet
      return owner === undefined ? unscalable(reference, pod) : scaleOf(owner)
    }
    const informer = this.#others.get(reference.kind) as Informer<Scaled> | undefined
    const owner = informer && find(informer, reference)
    return owner === undefined ? unscalable(reference, pod) : scaleOf(owner)
  }

  /** Milliseconds until the condition of a pod that was to go, and stays, is taken back. */
  #staleIn({ metadata, status }: Pod): number | undefined {
    if (metadata.deletionTimestamp !== undefined) return undefined
    const condition = findCondition(status?.conditions, TARGET)
    if (condition?.status !== 'True' || condition.reason === 'TerminationByKubelet') return undefined
    if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return undefined
    const since = Date.parse(condition.lastTransitionTime ?? '')
    return Number.isNaN(since) ? 0 : Math.max(0, since + DELETION_TIMEOUT_MS - this.#context.clock.now())
  }

  async #takeBack(key: string): Promise<void> {
    const pod = this.#pods.get(key)
    if (pod === undefined || isTerminal(pod)) return
    const wait = this.#staleIn(pod)
    if (wait === undefined) return
    if (wait > 0) {
      this.#stale.addAfter(key, wait)
      return
    }
    const { client, clock } = this.#context
    const kept = pod.status?.conditions?.filter(({ type }) => type !== TARGET)
    const conditions = setCondition(kept, { type: TARGET, status: 'False' }, clock.now())
    const { uid, resourceVersion } = pod.metadata
    const body = { metadata: { uid, resourceVersion }, status: { conditions } }
    await client.patch(pods, pod.metadata, { type: 'merge', body }, { subresource: 'status' })
  }
}

function scaleOf({ metadata, spec }: Scaled): Scale {
  return { kind: 'scale', uid: metadata.uid ?? '', replicas: spec.replicas ?? 1 }
}

/** An empty selector selects every pod of the namespace (policy/v1), none at all nothing. */
function selects({ spec }: PodDisruptionBudget, labels: Readonly<Record<string, string>> | undefined): boolean {
  return matchesLabels(labelSelectorFrom(spec.selector), labels)
}
