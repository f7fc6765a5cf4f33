import type { Clock } from '../../base/clock.ts'
import { errorMessage } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { isConflict, isNotFound } from '../../kube/api-error.ts'
import type { Client } from '../../kube/client.ts'
import { isConditionTrue } from '../../kube/conditions.ts'
import type { EventRecorder } from '../../kube/event-recorder.ts'
import type { Informer } from '../../kube/informer.ts'
import { nodes } from '../../kube/resource.ts'
import type { Node } from '../../kube/types/core.ts'
import type { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import type { CloudApi } from '../api/cloud-api.ts'
import { controllerQueue, NODE_BACKOFF } from '../controller-queue.ts'
import type { CcmMetrics } from '../metrics/ccm-metrics.ts'
import { instanceIdOf, isExcluded, isVirtual } from '../node-facts.ts'
import { failureText } from '../sync/verdict.ts'
import { machineExists, machinesOfVpc } from './machines.ts'
import { type Machine, machineOf, type NodeChange, planNode, UNINITIALIZED_TAINT } from './plan-node.ts'

export interface NodeControllerOptions {
  readonly client: Client
  readonly informer: Informer<Node>
  readonly api: CloudApi
  readonly recorder: EventRecorder
  readonly region: string
  readonly vpcId: string
  /** Between two looks at all nodes, in milliseconds. */
  readonly periodMs: number
  /** How long it is waited for more news, in milliseconds. */
  readonly eventWaitMs: number
  /** Machines in one answer. */
  readonly batchSize: number
  readonly metrics?: CcmMetrics
  readonly clock: Clock
  readonly log: Log
}

const ALL = 'all'

/** Tells nodes what the cloud knows of their machines, and removes those whose machine is gone. */
export class NodeController {
  readonly #options: NodeControllerOptions
  readonly #queue: WorkQueue

  constructor(options: NodeControllerOptions) {
    this.#options = options
    const { clock, metrics } = options
    this.#queue = controllerQueue({ name: 'node-controller', workers: 1, metrics, clock, ...NODE_BACKOFF })
    const add = () => this.#queue.addAfter(ALL, options.eventWaitMs)
    options.informer.on({
      added: (node) => {
        if (isNew(node)) add()
      },
      updated: (node, old) => {
        if (isNew(node) && !isNew(old)) add()
      },
    })
  }

  /** Looks at nodes when one is new and every period, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, periodMs } = this.#options
    this.#queue.add(ALL)
    const reconcile = async () => {
      await this.sync(this.#options.informer.list())
      this.#queue.addAfter(ALL, periodMs)
    }
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log, signal })
  }

  /** Looks at nodes once; what fails for one keeps nobody else from being looked at. */
  async sync(list: readonly Node[]): Promise<void> {
    const { api, vpcId, batchSize, metrics, clock } = this.#options
    const ours = list.filter((node) => !isExcluded(node) && !isVirtual(node))
    if (ours.length === 0) return
    const started = clock.now()
    const machines = await machinesOfVpc(api, vpcId, batchSize)
    for (const node of ours) await this.#syncNode(node, machineOf(node, machines))
    metrics?.nodes('reconcile', clock.now() - started)
  }

  async #syncNode(node: Node, machine: Machine | undefined): Promise<void> {
    if (machine === undefined) return this.#removeIfGone(node)
    const change = planNode(node, machine, this.#options.region)
    if (change === undefined) return
    const { recorder, metrics, clock } = this.#options
    const started = clock.now()
    try {
      await this.#write(node, change)
      if (change.taints !== undefined) metrics?.nodes('remove_taint', clock.now() - started)
      if (change.providerId !== undefined || change.taints !== undefined) {
        recorder.event(node, 'Normal', 'InitializedNode', 'Initialize node successfully')
      }
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return
      const reason = isNew(node) ? 'AddNodeFailed' : 'SyncNodeFailed'
      recorder.event(node, 'Warning', reason, failureText(error))
    }
  }

  async #write(node: Node, { providerId, labels, addresses, taints }: NodeChange): Promise<void> {
    const { client } = this.#options
    const { uid, resourceVersion } = node.metadata
    if (addresses !== undefined) {
      const body = { metadata: { uid }, status: { addresses } }
      await client.patch(nodes, node.metadata, { type: 'merge', body }, { subresource: 'status' })
    }
    const spec = {
      ...(providerId === undefined ? {} : { providerID: providerId }),
      ...(taints === undefined ? {} : { taints }),
    }
    if (Object.keys(labels).length === 0 && Object.keys(spec).length === 0) return
    // Taints are written whole: not over somebody else's who came in between.
    const guard = taints === undefined || addresses !== undefined ? { uid } : { uid, resourceVersion }
    await client.patch(nodes, node.metadata, { type: 'merge', body: { metadata: { ...guard, labels }, spec } })
  }

  /** Only a node that is silent, and whose machine the cloud does not know by its id. */
  async #removeIfGone(node: Node): Promise<void> {
    const { api, client, recorder, log } = this.#options
    const id = instanceIdOf(node)
    if (id === undefined || isConditionTrue(node.status?.conditions, 'Ready')) return
    try {
      if (await machineExists(api, id)) return
      const { uid } = node.metadata
      await client.delete(nodes, node.metadata, uid === undefined ? {} : { preconditions: { uid } })
      recorder.event(
        node,
        'Normal',
        'DeletedNode',
        `Deleting node ${node.metadata.name}: its instance ${id} does not exist`,
      )
    } catch (err) {
      if (isNotFound(err)) return
      log.warn({ err, node: node.metadata.name }, 'Node of a machine that is gone not removed')
      recorder.event(node, 'Warning', 'DeleteNodeFailed', errorMessage(err))
    }
  }
}

function isNew({ spec }: Node): boolean {
  return (spec?.providerID ?? '') === '' || spec?.taints?.some(({ key }) => key === UNINITIALIZED_TAINT) === true
}
