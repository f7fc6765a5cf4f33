import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { formatMicroTime } from '../base/time.ts'
import { isAlreadyExists, isNotFound } from '../kube/api-error.ts'
import type { Client } from '../kube/client.ts'
import { findCondition } from '../kube/conditions.ts'
import { leases, nodes } from '../kube/resource.ts'
import type { Node } from '../kube/types/core.ts'
import type { Lease } from '../kube/types/discovery.ts'
import { nodeConditions } from './node-status.ts'

const LEASE_NAMESPACE = 'kube-node-lease'
const LEASE_MS = 40_000
const RENEWALS = 4
const RETRY_MS = 1_000
const STATUS_MS = 300_000

export interface NodeHeartbeatOptions {
  readonly client: Client
  readonly nodeName: string
  /** @default 40_000 */
  readonly leaseMs?: number | undefined
  readonly clock: Clock
  readonly log: Log
  /** Called when the node has become ready, not when it was so before. */
  onReady?(node: Node): void
}

/**
 * Keeps the node alive in the eyes of the cluster: a Lease that is renewed in each quarter of its time, and the node's conditions,
 * written at the start and every five minutes.
 */
export class NodeHeartbeat implements AsyncDisposable {
  readonly #options: NodeHeartbeatOptions
  readonly #leaseMs: number
  readonly #stop = new AbortController()
  readonly #loops: readonly Promise<void>[]

  constructor(options: NodeHeartbeatOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? LEASE_MS
    this.#loops = [
      this.#repeat(STATUS_MS, 'Node status not written', () => this.#postStatus()),
      this.#repeat(this.#leaseMs / RENEWALS, 'Lease not renewed', () => this.#renew()),
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#loops)
  }

  /** Does something now and after every period, or soon again when it fails; until stopped. */
  async #repeat(periodMs: number, complaint: string, beat: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      let wait = periodMs
      try {
        await beat()
      } catch (error) {
        this.#options.log.warn({ err: error }, complaint)
        wait = RETRY_MS
      }
      await this.#options.clock.sleep(wait, signal).catch(() => undefined)
    }
  }

  async #postStatus(): Promise<void> {
    const { client, nodeName, clock, onReady } = this.#options
    const node = await client.get(nodes, { name: nodeName })
    const conditions = nodeConditions(node.status?.conditions, true, clock.now())
    const wasReady = findCondition(node.status?.conditions, 'Ready')?.status === 'True'
    await client.patch(
      nodes,
      { name: nodeName },
      { type: 'merge', body: { status: { conditions } } },
      { subresource: 'status' },
    )
    if (!wasReady) onReady?.(node)
  }

  async #renew(): Promise<void> {
    const { client, nodeName, clock } = this.#options
    const renewTime = formatMicroTime(clock.now())
    const key = { namespace: LEASE_NAMESPACE, name: nodeName }
    try {
      await client.patch(leases, key, { type: 'merge', body: { spec: { holderIdentity: nodeName, renewTime } } })
    } catch (error) {
      if (!isNotFound(error)) throw error
      await this.#create(renewTime)
    }
  }

  async #create(renewTime: string): Promise<void> {
    const { client, nodeName } = this.#options
    const { metadata } = await client.get(nodes, { name: nodeName })
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: nodeName,
        namespace: LEASE_NAMESPACE,
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: nodeName, uid: metadata.uid ?? '' }],
      },
      spec: { holderIdentity: nodeName, leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000), renewTime },
    }
    try {
      await client.create(leases, lease)
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
  }
}
