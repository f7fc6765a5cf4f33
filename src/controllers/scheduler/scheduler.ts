import { errorMessage } from '../../base/error.ts'
import { isConflict, isNotFound } from '../../kube/api-error.ts'
import { findCondition, setCondition } from '../../kube/conditions.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { namespaces, nodes, pods, services } from '../../kube/resource.ts'
import type { Namespace, Node, Pod, Service } from '../../kube/types/core.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { sameJson } from '../canonical-json.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { BY_NAMESPACE } from '../indexes.ts'
import { isTerminal } from '../pod-state.ts'
import { hasSelector, selects } from '../service-pods.ts'
import { ClusterState } from './cluster-state.ts'
import { decide, explain, type PlacementRules } from './decide.ts'
import { affinityRules } from './pod-affinity.ts'
import { needsOf } from './pod-needs.ts'
import { spreadRules } from './topology-spread.ts'

/** The name that pods give, or leave out, when they want this scheduler. */
const SCHEDULER_NAME = 'default-scheduler'

/**
 * Gives every pod a node, those of more priority first. Decisions are made one at a time, each on the state that the ones before it lead to; binding
 * goes on behind, many at a time.
 */
export class Scheduler implements Controller {
  readonly #context: ControllerContext
  readonly #pods: Informer<Pod>
  readonly #services: Informer<Service>
  readonly #namespaces: Informer<Namespace>
  readonly #state = new ClusterState()
  readonly #queue: WorkQueue
  /** Keys of pods that fit nowhere, until something changes. */
  readonly #unschedulable = new Set<string>()
  readonly #bindings = new Set<Promise<void>>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({
      clock: context.clock,
      priorityOf: (key) => this.#pods.get(key)?.spec.priority ?? 0,
    })
    this.#pods = context.informers.for(pods)
    this.#services = context.informers.for(services)
    this.#namespaces = context.informers.for(namespaces)
    context.informers.for(nodes).on({
      added: (node) => this.#onNode(node),
      updated: (node, old) => this.#onNode(node, old),
      deleted: (node) => this.#state.removeNode(node.metadata.name),
    })
    this.#pods.on({
      added: (pod) => this.#onPod(pod),
      updated: (pod, old) => this.#onPod(pod, old),
      deleted: (pod) => this.#onGone(pod),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#schedule(key)
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
    await Promise.all(this.#bindings)
  }

  #onNode(node: Node, old?: Node): void {
    this.#state.setNode(node)
    if (old === undefined || !sameJson(factsOf(old), factsOf(node))) this.#retryUnschedulable()
  }

  #onPod(pod: Pod, old?: Pod): void {
    this.#state.setPod(pod)
    if (wantsNode(pod)) {
      // An echo of our own condition changes nothing; a change of what the pod asks for does.
      if (old === undefined || !sameJson(old.spec, pod.spec)) this.#queue.add(keyOf(pod))
    } else {
      this.#unschedulable.delete(keyOf(pod))
      // Pods that want to be near others may follow them now.
      if (old?.spec.nodeName !== pod.spec.nodeName || !sameJson(old?.metadata.labels, pod.metadata.labels)) {
        this.#retryUnschedulable(dependsOnOthers)
      }
    }
    if (isTerminal(pod) && old !== undefined && !isTerminal(old)) this.#retryUnschedulable()
  }

  #onGone(pod: Pod): void {
    this.#state.removePod(pod.metadata.uid ?? '')
    this.#unschedulable.delete(keyOf(pod))
    if (pod.spec.nodeName !== undefined) this.#retryUnschedulable()
  }

  #retryUnschedulable(which: (pod: Pod) => boolean = () => true): void {
    for (const key of this.#unschedulable) {
      const pod = this.#pods.get(key)
      if (pod !== undefined && !which(pod)) continue
      this.#queue.add(key)
      this.#unschedulable.delete(key)
    }
  }

  #rulesFor(pod: Pod): PlacementRules {
    const needed = this.#state.hasAttachedPods || dependsOnOthers(pod)
    const placed = needed ? this.#state.placed() : []
    const labelsOf = (name: string) => this.#namespaces.get(name)?.metadata.labels ?? {}
    return { affinity: affinityRules(pod, placed, labelsOf), spread: spreadRules(pod, this.#state.nodes, placed) }
  }

  async #schedule(key: string): Promise<void> {
    const pod = this.#pods.get(key)
    if (pod === undefined || !wantsNode(pod) || this.#state.isAssumed(pod)) return
    const selecting = this.#services
      .byIndex(BY_NAMESPACE, pod.metadata.namespace ?? '')
      .filter((service) => hasSelector(service) && selects(service, pod.metadata.labels))
    const candidates = this.#state.candidates(pod, selecting)
    const decision = decide(needsOf(pod), candidates, this.#rulesFor(pod))
    if (decision.type === 'unschedulable') {
      this.#unschedulable.add(key)
      const preemption = preemptionText(pod, candidates.length, decision.resolvable.length)
      await this.#tellUnschedulable(pod, [decision.message, ...preemption].join(' '))
      return
    }
    this.#state.assume(pod, decision.name)
    const binding = this.#bind(pod, decision.name).finally(() => this.#bindings.delete(binding))
    this.#bindings.add(binding)
  }

  async #bind(pod: Pod, nodeName: string): Promise<void> {
    const { client, recorder, log } = this.#context
    const { namespace, name, uid } = pod.metadata
    const body = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, uid },
      target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
    }
    try {
      await client.post(pods, pod.metadata, 'binding', body)
      this.#queue.forget(keyOf(pod))
      recorder.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${namespace}/${name} to ${nodeName}`)
    } catch (error) {
      this.#state.forget(pod)
      if (isNotFound(error)) return
      log.warn({ err: error, object: { kind: 'Pod', namespace, name }, node: nodeName }, 'Binding failed; trying again')
      if (!isConflict(error)) recorder.event(pod, 'Warning', 'FailedScheduling', errorMessage(error))
      this.#queue.addRateLimited(keyOf(pod))
    }
  }

  async #tellUnschedulable(pod: Pod, message: string): Promise<void> {
    const { client, recorder, clock } = this.#context
    const known = findCondition(pod.status?.conditions, 'PodScheduled')
    if (known?.status === 'False' && known.message === message) return
    recorder.event(pod, 'Warning', 'FailedScheduling', message)
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const
    const conditions = setCondition(known === undefined ? [] : [known], condition, clock.now())
    const body = { metadata: { uid: pod.metadata.uid }, status: { conditions } }
    await client.patch(pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' }).catch((error) => {
      if (!isNotFound(error) && !isConflict(error)) throw error
    })
  }
}

/** Whether a pod waits for this scheduler to give it a node. */
function wantsNode(pod: Pod): boolean {
  const { nodeName, schedulerName = SCHEDULER_NAME, schedulingGates: gates = [] } = pod.spec
  return (
    (nodeName === undefined || nodeName === '') &&
    schedulerName === SCHEDULER_NAME &&
    gates.length === 0 &&
    pod.metadata.deletionTimestamp === undefined &&
    !isTerminal(pod)
  )
}

/** Whether the places of other pods decide where this one may go. */
function dependsOnOthers({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {}
  return podAffinity !== undefined || podAntiAffinity !== undefined || spec.topologySpreadConstraints !== undefined
}

/**
 * What upstream adds about preemption. All pods have the same priority here, so there are never victims.
 *
 * @param resolvable Number of nodes that other pods keep the pod from.
 */
function preemptionText(pod: Pod, nodeCount: number, resolvable: number): readonly string[] {
  if (nodeCount === 0) return []
  if (pod.spec.preemptionPolicy === 'Never') return ['preemption: not eligible due to preemptionPolicy=Never.']
  const reasons = [
    ...Array.from({ length: resolvable }, () => 'No preemption victims found for incoming pod'),
    ...Array.from({ length: nodeCount - resolvable }, () => 'Preemption is not helpful for scheduling'),
  ]
  return [`preemption: ${explain(nodeCount, reasons)}`]
}

/** What of a node decides whether a pod fits. */
function factsOf(node: Node): unknown {
  const ready = findCondition(node.status?.conditions, 'Ready')?.status
  return [node.metadata.labels, node.spec?.taints, node.spec?.unschedulable, node.status?.allocatable, ready]
}
