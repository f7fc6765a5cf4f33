import type { Clock } from '../base/clock.ts'
import { isFairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { isAlreadyExists } from '../kube/api-error.ts'
import { Backoff } from '../kube/backoff.ts'
import type { Client } from '../kube/client.ts'
import { nodes } from '../kube/resource.ts'
import type { Node } from '../kube/types/core.ts'
import { type NodeDescription, nodeObject } from './node-status.ts'

export interface RegisterNodeOptions extends NodeDescription {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly signal?: AbortSignal
}

/**
 * Creates the node's object, or brings labels and status of the one that is there up to date, for as long as it takes to
 * reach the API server. The node is not ready until a kubelet runs (`startKubelet`), for which the pod network is needed.
 *
 * @returns The object; its `spec.podCIDR` may not be there yet.
 */
export async function registerNode(options: RegisterNodeOptions): Promise<Node> {
  const backoff = new Backoff({ initialMs: 20, maxMs: 2000 })
  for (;;) {
    try {
      return await createOrUpdate(options)
    } catch (error) {
      if (!isFairleadError(error, 'API_UNREACHABLE')) throw error
      options.log.debug({ err: error }, 'API server not reached, trying to register again')
    }
    await options.clock.sleep(backoff.next(), options.signal)
  }
}

async function createOrUpdate({ client, clock, ...description }: RegisterNodeOptions): Promise<Node> {
  const wanted = nodeObject(description, clock.now())
  const key = { name: description.nodeName }
  try {
    return await client.create(nodes, wanted)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
  }
  // A restarted agent: its pods go on and the node with them, so what it says of being ready is left alone.
  const { conditions: _, ...status } = wanted.status ?? {}
  await client.patch(nodes, key, { type: 'merge', body: { metadata: { labels: wanted.metadata.labels } } })
  return client.patch(nodes, key, { type: 'merge', body: { status } }, { subresource: 'status' })
}
