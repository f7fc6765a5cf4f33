import { isNotFound } from '../kube/api-error.ts'
import { setCondition } from '../kube/conditions.ts'
import type { Informer } from '../kube/informer.ts'
import { nodes, pods } from '../kube/resource.ts'
import type { Node, Pod } from '../kube/types/core.ts'
import { WorkQueue } from '../kube/work-queue.ts'
import { runWorkers } from '../kube/workers.ts'
import type { Controller, ControllerContext } from './controller.ts'
import { BY_NODE } from './indexes.ts'
import { isTerminal } from './pod-state.ts'

/** A node that is missing for less may be about to register again (upstream's quarantine). */
const QUARANTINE_MS = 40_000

/** Removes pods whose node is gone for good: nobody is left who would end them. */
export class PodGarbageCollector implements Controller {
  readonly #context: ControllerContext
  readonly #quarantineMs: number
  readonly #nodes: Informer<Node>
  readonly #pods: Informer<Pod>
  /** Names of nodes. */
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, { quarantineMs = QUARANTINE_MS }: { readonly quarantineMs?: number } = {}) {
    this.#context = context
    this.#quarantineMs = quarantineMs
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#nodes = context.informers.for(nodes)
    this.#pods = context.informers.for(pods)
    this.#nodes.on({ deleted: ({ metadata }) => this.#queue.addAfter(metadata.name, quarantineMs) })
    this.#pods.on({ updated: (pod, old) => old.spec.nodeName !== pod.spec.nodeName && this.#check(pod) })
  }

  async run(signal: AbortSignal): Promise<void> {
    for (const pod of this.#pods.list()) this.#check(pod)
    const reconcile = (name: string) => this.#reconcile(name)
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
  }

  #check({ spec: { nodeName } }: Pod): void {
    const orphaned = nodeName !== undefined && this.#nodes.get(nodeName) === undefined
    if (orphaned) this.#queue.addAfter(nodeName, this.#quarantineMs)
  }

  async #reconcile(name: string): Promise<void> {
    if ((await this.#context.client.find(nodes, { name })) !== undefined) return
    for (const pod of this.#pods.byIndex(BY_NODE, name)) {
      try {
        await this.#remove(pod)
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    }
  }

  async #remove(pod: Pod): Promise<void> {
    const { client, log, clock } = this.#context
    const { namespace, name, uid } = pod.metadata
    if (!isTerminal(pod)) {
      const reason = 'DeletionByPodGC'
      const condition = {
        type: 'DisruptionTarget',
        status: 'True',
        reason,
        message: 'PodGC: node no longer exists',
      } as const
      const body = {
        metadata: { uid },
        status: { phase: 'Failed', conditions: setCondition([], condition, clock.now()) },
      }
      await client.patch(pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
    }
    log.info(
      { object: { kind: 'Pod', namespace, name }, node: pod.spec.nodeName },
      'Deleting pod of a node that is gone',
    )
    const preconditions = uid === undefined ? {} : { uid }
    await client.delete(pods, pod.metadata, { gracePeriodSeconds: 0, preconditions })
  }
}
