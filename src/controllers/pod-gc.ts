import { isNotFound } from '../kube/api-error.ts'
import { isConditionTrue, setCondition } from '../kube/conditions.ts'
import type { Informer } from '../kube/informer.ts'
import { keyOf } from '../kube/object-key.ts'
import { nodes, pods } from '../kube/resource.ts'
import type { Node, Pod } from '../kube/types/core.ts'
import type { Condition } from '../kube/types/meta.ts'
import { WorkQueue } from '../kube/work-queue.ts'
import { runWorkers } from '../kube/workers.ts'
import type { Controller, ControllerContext } from './controller.ts'
import { BY_NODE } from './indexes.ts'
import { isTerminal } from './pod-state.ts'
import { TAINT_OUT_OF_SERVICE } from './taints.ts'

/** A node that is missing for less may be about to register again (upstream's quarantine). */
const QUARANTINE_MS = 40_000

/** So many pods that have ended are kept (upstream `--terminated-pod-gc-threshold`). */
const ENDED_LIMIT = 12_500

/** Key of the look at how many pods have ended; no node has such a name, nor the next. */
const ENDED = '#ended'
/** Key of the look at pods that are deleted before they had a node. */
const UNSCHEDULED = '#unscheduled'

const NODE_GONE: Condition = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'DeletionByPodGC',
  message: 'PodGC: node no longer exists',
}

export interface PodGcOptions {
  readonly quarantineMs?: number
  readonly endedLimit?: number
}

/**
 * Removes pods that nobody else would: of nodes that are gone for good, being deleted on a node that is out of
 * service, or before they had a node, ended pods beyond a limit.
 */
export class PodGarbageCollector implements Controller {
  readonly #context: ControllerContext
  readonly #quarantineMs: number
  readonly #endedLimit: number
  readonly #nodes: Informer<Node>
  readonly #pods: Informer<Pod>
  /** Names of nodes, and {@link ENDED}. */
  readonly #queue: WorkQueue
  /** Keys of pods that have ended. */
  readonly #ended = new Set<string>()

  constructor(
    context: ControllerContext,
    { quarantineMs = QUARANTINE_MS, endedLimit = ENDED_LIMIT }: PodGcOptions = {},
  ) {
    this.#context = context
    this.#quarantineMs = quarantineMs
    this.#endedLimit = endedLimit
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#nodes = context.informers.for(nodes)
    this.#pods = context.informers.for(pods)
    this.#nodes.on({
      updated: (node) => isOutOfService(node) && this.#queue.add(node.metadata.name),
      deleted: ({ metadata }) => this.#queue.addAfter(metadata.name, quarantineMs),
    })
    this.#pods.on({
      added: (pod) => this.#check(pod),
      updated: (pod) => this.#check(pod),
      deleted: (pod) => this.#ended.delete(keyOf(pod)),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => {
      if (key === ENDED) return this.#removeEnded()
      return key === UNSCHEDULED ? this.#removeUnscheduled() : this.#reconcile(key)
    }
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
  }

  #check(pod: Pod): void {
    const { nodeName } = pod.spec
    if (isTerminal(pod)) {
      this.#ended.add(keyOf(pod))
      if (this.#ended.size > this.#endedLimit) this.#queue.add(ENDED)
    }
    if (nodeName === undefined) {
      if (isForsaken(pod)) this.#queue.add(UNSCHEDULED)
      return
    }
    const node = this.#nodes.get(nodeName)
    if (node === undefined) this.#queue.addAfter(nodeName, this.#quarantineMs)
    else if (pod.metadata.deletionTimestamp !== undefined && isOutOfService(node)) this.#queue.add(nodeName)
  }

  async #reconcile(name: string): Promise<void> {
    const node = await this.#context.client.find(nodes, { name })
    const here = this.#pods.byIndex(BY_NODE, name)
    if (node === undefined) return this.#removeAll(here, NODE_GONE)
    if (isOutOfService(node))
      await this.#removeAll(here.filter(({ metadata }) => metadata.deletionTimestamp !== undefined))
  }

  /** A finalizer keeps them, and no node will say that they have ended. */
  async #removeUnscheduled(): Promise<void> {
    await this.#removeAll(this.#pods.list().filter(isForsaken))
  }

  /** The oldest go first, evicted ones before all. */
  async #removeEnded(): Promise<void> {
    const ended = this.#pods.list().filter(isTerminal)
    const order = (pod: Pod) =>
      `${pod.status?.reason === 'Evicted' ? 0 : 1}/${pod.metadata.creationTimestamp ?? ''}/${keyOf(pod)}`
    const oldest = ended.sort((left, right) => (order(left) < order(right) ? -1 : 1))
    await this.#removeAll(oldest.slice(0, Math.max(0, ended.length - this.#endedLimit)))
  }

  async #removeAll(unwanted: readonly Pod[], condition?: Condition): Promise<void> {
    for (const pod of unwanted) {
      try {
        await this.#remove(pod, condition)
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    }
  }

  async #remove(pod: Pod, condition: Condition | undefined): Promise<void> {
    const { client, log, clock } = this.#context
    const { namespace, name, uid } = pod.metadata
    if (!isTerminal(pod)) {
      const conditions = condition === undefined ? {} : { conditions: setCondition([], condition, clock.now()) }
      const body = { metadata: { uid }, status: { phase: 'Failed', ...conditions } }
      await client.patch(pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
    }
    log.info({ object: { kind: 'Pod', namespace, name }, node: pod.spec.nodeName }, 'Deleting pod that nobody ends')
    const preconditions = uid === undefined ? {} : { uid }
    await client.delete(pods, pod.metadata, { gracePeriodSeconds: 0, preconditions })
  }
}

/** Deleted without ever having had a node, and not said to have ended. */
function isForsaken(pod: Pod): boolean {
  const { nodeName } = pod.spec
  return (nodeName ?? '') === '' && pod.metadata.deletionTimestamp !== undefined && !isTerminal(pod)
}

/** Not ready, and someone has said that it will not come back as it was. */
function isOutOfService({ spec, status }: Node): boolean {
  const tainted = (spec?.taints ?? []).some(({ key }) => key === TAINT_OUT_OF_SERVICE)
  return tainted && !isConditionTrue(status?.conditions, 'Ready')
}
