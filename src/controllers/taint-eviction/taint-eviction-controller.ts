import { isNotFound } from '../../kube/api-error.ts'
import { setCondition } from '../../kube/conditions.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { nodes, pods } from '../../kube/resource.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { sameJson } from '../canonical-json.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { BY_NODE } from '../indexes.ts'
import { evictionDelay, noExecuteTaints } from './eviction-delay.ts'

/** An eviction that waits for the pod's toleration to run out. */
interface Appointment {
  readonly uid: string | undefined
  /** When the pod was first found on a node with such taints, in milliseconds since the epoch. */
  readonly since: number
  readonly dueAt: number
}

const REASON = 'TaintManagerEviction'

/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer (upstream's taint-eviction-controller). */
export class TaintEvictionController implements Controller {
  readonly #context: ControllerContext
  readonly #nodes: Informer<Node>
  readonly #pods: Informer<Pod>
  readonly #queue: WorkQueue
  /** By the pod's key. */
  readonly #appointments = new Map<string, Appointment>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#nodes = context.informers.for(nodes)
    this.#pods = context.informers.for(pods)
    this.#nodes.on({
      added: (node) => this.#onNode(node),
      updated: (node, old) => {
        if (!sameJson(noExecuteTaints(node), noExecuteTaints(old))) this.#onNode(node)
      },
    })
    this.#pods.on({
      added: (pod) => this.#onPod(pod),
      updated: (pod, old) => {
        const moved = pod.spec.nodeName !== old.spec.nodeName
        if (moved || !sameJson(pod.spec.tolerations, old.spec.tolerations)) this.#onPod(pod)
      },
      deleted: (pod) => this.#appointments.delete(keyOf(pod)),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#reconcile(key)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  #onNode({ metadata }: Node): void {
    for (const pod of this.#pods.byIndex(BY_NODE, metadata.name)) this.#queue.add(keyOf(pod))
  }

  #onPod(pod: Pod): void {
    const node = this.#nodes.get(pod.spec.nodeName ?? '')
    if (node !== undefined && noExecuteTaints(node).length > 0) this.#queue.add(keyOf(pod))
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#pods.get(key)
    const node = this.#nodes.get(pod?.spec.nodeName ?? '')
    if (pod === undefined || node === undefined || pod.metadata.deletionTimestamp !== undefined) return
    const known = this.#appointments.get(key)
    const current = known?.uid === pod.metadata.uid ? known : undefined
    const delay = evictionDelay(pod, node)
    if (delay === undefined) {
      if (current !== undefined) this.#cancel(pod)
      return
    }
    const now = this.#context.clock.now()
    const since = current?.since ?? now
    const dueAt = since + delay
    if (dueAt <= now) return this.#evict(pod)
    this.#appointments.set(key, { uid: pod.metadata.uid, since, dueAt })
    this.#queue.addAfter(key, dueAt - now)
  }

  #cancel(pod: Pod): void {
    this.#appointments.delete(keyOf(pod))
    this.#context.recorder.event(referenceOf(pod), 'Normal', REASON, `Cancelling deletion of Pod ${keyOf(pod)}`)
  }

  async #evict(pod: Pod): Promise<void> {
    const { client, recorder, clock } = this.#context
    recorder.event(referenceOf(pod), 'Normal', REASON, `Marking for deletion Pod ${keyOf(pod)}`)
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
    } as const
    const { uid } = pod.metadata
    const body = { metadata: { uid }, status: { conditions: setCondition([], condition, clock.now()) } }
    try {
      await client.patch(pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
      await client.delete(pods, pod.metadata, { preconditions: uid === undefined ? {} : { uid } })
    } catch (error) {
      // A conflict is a race with the node, or another pod of its name by now: the next look will tell.
      if (!isNotFound(error)) throw error
    }
    this.#appointments.delete(keyOf(pod))
  }
}

function referenceOf({ metadata: { name, namespace = '', uid = '' } }: Pod) {
  return { apiVersion: 'v1', kind: 'Pod', name, namespace, uid }
}
