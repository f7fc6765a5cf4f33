import { isConflict, isNotFound } from '../../kube/api-error.ts'
import { findCondition, isConditionTrue, setCondition } from '../../kube/conditions.ts'
import type { Informer } from '../../kube/informer.ts'
import { leases, nodes, pods } from '../../kube/resource.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import type { Lease } from '../../kube/types/discovery.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { sameJson } from '../canonical-json.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { BY_NODE } from '../indexes.ts'
import { isReady, isTerminal } from '../pod-state.ts'
import { CONDITION_TAINTS } from '../taints.ts'
import { GRACE_MS, isNodeReady, silentConditions, wantedTaints } from './health.ts'

/** Where nodes renew the leases by which they say that they are alive. */
const LEASE_NAMESPACE = 'kube-node-lease'

/**
 * Notices nodes that have gone silent: their conditions become Unknown, they get taints, their pods are marked not
 * ready so that no Service leads to them. Time is measured here, by when a renewal was seen, not by the node's clock.
 */
export class NodeLifecycleController implements Controller {
  readonly #context: ControllerContext
  readonly #graceMs: number
  readonly #nodes: Informer<Node>
  readonly #pods: Informer<Pod>
  /** When each node was heard last, in milliseconds since the epoch. */
  readonly #heard = new Map<string, number>()
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, { graceMs = GRACE_MS }: { readonly graceMs?: number } = {}) {
    this.#context = context
    this.#graceMs = graceMs
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#nodes = context.informers.for(nodes)
    this.#pods = context.informers.for(pods)
    this.#nodes.on({
      added: (node) => this.#onAdded(node),
      updated: (node, old) => this.#onUpdate(node, old),
      deleted: (node) => this.#onDeleted(node),
    })
    context.informers.for(leases).on({
      added: (lease) => this.#onLease(lease),
      updated: (lease, old) => lease.spec?.renewTime !== old.spec?.renewTime && this.#onLease(lease),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    // A node may have renewed all the time that nobody listened.
    for (const { metadata } of this.#nodes.list()) this.#hear(metadata.name)
    const reconcile = (name: string) => this.#reconcile(name)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  #onAdded(node: Node): void {
    const { name } = node.metadata
    this.#hear(name)
    const message = `Node ${name} event: Registered Node ${name} in Controller`
    this.#context.recorder.event(node, 'Normal', 'RegisteredNode', message)
  }

  #onDeleted(node: Node): void {
    const { name } = node.metadata
    this.#heard.delete(name)
    const message = `Node ${name} event: Removing Node ${name} from Controller`
    this.#context.recorder.event(node, 'Normal', 'RemovingNode', message)
  }

  #hear(name: string): void {
    this.#heard.set(name, this.#context.clock.now())
    this.#queue.add(name)
  }

  #onLease({ metadata }: Lease): void {
    if (metadata.namespace !== LEASE_NAMESPACE || !this.#heard.has(metadata.name)) return
    // The timer that runs looks at this when it goes off: a renewal makes no work.
    this.#heard.set(metadata.name, this.#context.clock.now())
  }

  #onUpdate(node: Node, old: Node): void {
    const [before, after] = [old, node].map(({ status }) => findCondition(status?.conditions, 'Ready'))
    // We write Unknown ourselves; anything else is the node's own word.
    const spoken = before?.lastHeartbeatTime !== after?.lastHeartbeatTime || before?.status !== after?.status
    if (spoken && after?.status !== 'Unknown') {
      this.#heard.set(node.metadata.name, this.#context.clock.now())
    }
    const facts = ({ spec, status }: Node) => [
      spec?.taints,
      spec?.unschedulable,
      Object.keys(CONDITION_TAINTS).map((type) => isConditionTrue(status?.conditions, type)),
    ]
    if (before?.status !== after?.status || !sameJson(facts(old), facts(node))) this.#queue.add(node.metadata.name)
  }

  async #reconcile(name: string): Promise<void> {
    const node = this.#nodes.get(name)
    const heard = this.#heard.get(name)
    if (node === undefined || heard === undefined) return
    const { clock } = this.#context
    const silence = clock.now() - heard
    try {
      const current = silence < this.#graceMs ? node : await this.#markSilent(node)
      if (silence < this.#graceMs) this.#queue.addAfter(name, this.#graceMs - silence)
      await this.#taint(current)
      if (!isNodeReady(current) && findCondition(current.status?.conditions, 'Ready') !== undefined) {
        await Promise.all(this.#pods.byIndex(BY_NODE, name).map((pod) => this.#markNotReady(pod)))
      }
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  async #markSilent(node: Node): Promise<Node> {
    const { client, recorder, clock, log } = this.#context
    const conditions = silentConditions(node, clock.now())
    const { name, uid } = node.metadata
    // It may speak again: then it is looked at from the update.
    this.#queue.addAfter(name, this.#graceMs)
    if (conditions === undefined) return node
    log.warn({ node: name }, 'Node is silent')
    const body = { metadata: { uid }, status: { conditions } }
    const written = await client.patch(nodes, node.metadata, { type: 'strategic', body }, { subresource: 'status' })
    recorder.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`)
    return written
  }

  async #taint(node: Node): Promise<void> {
    const { client, clock } = this.#context
    const taints = wantedTaints(node, clock.now())
    if (taints === undefined) return
    const { uid, resourceVersion } = node.metadata
    const body = { metadata: { uid, resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } }
    await client.patch(nodes, node.metadata, { type: 'merge', body })
  }

  async #markNotReady(pod: Pod): Promise<void> {
    if (!isReady(pod) || isTerminal(pod)) return
    const { client, recorder, clock } = this.#context
    const known = findCondition(pod.status?.conditions, 'Ready')
    const next = setCondition(known === undefined ? [] : [known], { type: 'Ready', status: 'False' }, clock.now())
    const body = { metadata: { uid: pod.metadata.uid }, status: { conditions: next } }
    try {
      await client.patch(pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
      recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready')
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }
}
