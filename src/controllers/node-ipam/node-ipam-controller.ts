import { isConflict, isNotFound } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { nodes } from '../../kube/resource.ts'
import type { Node } from '../../kube/types/core.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { CidrPool } from './cidr-pool.ts'

export interface NodeIpamOptions {
  /** One per family, e.g. `10.244.0.0/16` and `fd00:10:244::/56`. */
  readonly clusterCidrs: readonly string[]
}

/**
 * Gives every node its part of the cluster CIDRs (`spec.podCIDRs`), once and for the node's life. One worker, so that
 * two nodes that appear at once are served one after the other; what nodes have already is taken first.
 */
export class NodeIpamController implements Controller {
  readonly #context: ControllerContext
  readonly #nodes: Informer<Node>
  readonly #pools: readonly CidrPool[]
  /** What each node holds, by its name: written, or about to be. */
  readonly #held = new Map<string, readonly string[]>()
  readonly #queue: WorkQueue

  /** @throws FairleadError `INVALID_INPUT` for a CIDR that cannot be divided. */
  constructor(context: ControllerContext, { clusterCidrs }: NodeIpamOptions) {
    this.#context = context
    this.#pools = clusterCidrs.map((cidr) => new CidrPool(cidr))
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#nodes = context.informers.for(nodes)
    this.#nodes.on({
      added: (node) => this.#observe(node),
      updated: (node) => this.#observe(node),
      deleted: (node) => this.#release(node.metadata.name),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (name: string) => this.#reconcile(name)
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
  }

  #observe(node: Node): void {
    const cidrs = cidrsOf(node)
    if (cidrs.length === 0) this.#queue.add(node.metadata.name)
    else this.#hold(node.metadata.name, cidrs)
  }

  async #reconcile(name: string): Promise<void> {
    const node = this.#nodes.get(name)
    if (node === undefined || cidrsOf(node).length > 0) return
    const cidrs = this.#held.get(name) ?? this.#allocate(node)
    if (cidrs === undefined) return
    try {
      await this.#write(node, cidrs)
    } catch (error) {
      if (isNotFound(error)) this.#release(name)
      else if (isConflict(error)) await this.#look(name)
      else throw error
    }
  }

  /** Refused when the node has changed since: it may have got its range from another. */
  async #write(node: Node, cidrs: readonly string[]): Promise<void> {
    const { uid, resourceVersion } = node.metadata
    const body = { metadata: { uid, resourceVersion }, spec: { podCIDR: cidrs[0], podCIDRs: cidrs } }
    await this.#context.client.patch(nodes, node.metadata, { type: 'merge', body })
  }

  /** The node as it is now, not as the watch had it. */
  async #look(name: string): Promise<void> {
    const live = await this.#context.client.find(nodes, { name })
    if (live === undefined) return this.#release(name)
    if (cidrsOf(live).length > 0) return this.#hold(name, cidrsOf(live))
    const cidrs = this.#held.get(name)
    if (cidrs !== undefined) await this.#write(live, cidrs)
  }

  #allocate(node: Node): readonly string[] | undefined {
    const cidrs: string[] = []
    for (const pool of this.#pools) {
      const cidr = pool.allocate()
      if (cidr === undefined) {
        for (const taken of cidrs) this.#free(taken)
        const { name } = node.metadata
        const message = `Node ${name} status is now: CIDRNotAvailable`
        this.#context.recorder.event(node, 'Normal', 'CIDRNotAvailable', message)
        this.#context.log.error({ node: name, cidr: pool.clusterCidr }, 'No pod range is left for the node')
        return undefined
      }
      cidrs.push(cidr)
    }
    this.#held.set(node.metadata.name, cidrs)
    return cidrs
  }

  #hold(name: string, cidrs: readonly string[]): void {
    const before = this.#held.get(name) ?? []
    for (const cidr of before) if (!cidrs.includes(cidr)) this.#free(cidr)
    for (const cidr of cidrs) for (const pool of this.#pools) pool.occupy(cidr)
    this.#held.set(name, cidrs)
  }

  /** What a node that is gone had can be given out again; nodes that went without get their turn. */
  #release(name: string): void {
    for (const cidr of this.#held.get(name) ?? []) this.#free(cidr)
    this.#held.delete(name)
    for (const node of this.#nodes.list()) if (cidrsOf(node).length === 0) this.#queue.add(node.metadata.name)
  }

  #free(cidr: string): void {
    for (const pool of this.#pools) pool.release(cidr)
  }
}

function cidrsOf(node: Node): readonly string[] {
  const { podCIDR, podCIDRs = [] } = node.spec ?? {}
  if (podCIDRs.length > 0) return podCIDRs
  return podCIDR === undefined || podCIDR === '' ? [] : [podCIDR]
}
