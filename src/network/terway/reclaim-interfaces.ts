import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Client } from '../../kube/client.ts'
import { Informer } from '../../kube/informer.ts'
import { nodes } from '../../kube/resource.ts'
import type { Node } from '../../kube/types/core.ts'
import type { InterfaceInventory } from './interface-cloud.ts'

/** A node that comes back sooner keeps its interfaces. */
export const RECLAIM_AFTER_MS = 10_000
const RETRY_MS = 10_000

export interface ReclaimOptions {
  readonly client: Client
  readonly inventory: InterfaceInventory
  readonly clock: Clock
  readonly log: Log
}

/**
 * Gives the interfaces of removed nodes back to the cloud. It compares what the cloud has with the Nodes that there are
 * whenever one goes, and at the start: a removal that nobody saw is made up for.
 */
export function reclaimInterfaces(options: ReclaimOptions): AsyncDisposable {
  const { client, clock, log } = options
  const informer = new Informer({ client, resource: nodes, log, clock })
  const stop = new AbortController()
  let cancel = () => {}
  let working: Promise<void> = Promise.resolve()
  const schedule = (ms: number) => {
    cancel()
    cancel = clock.after(ms, () => {
      working = reclaim(options, informer).catch((err: unknown) => {
        log.warn({ err }, 'Cannot give back the interfaces of removed nodes; will try again')
        if (!stop.signal.aborted) schedule(RETRY_MS)
      })
    })
  }
  informer.on({ deleted: () => schedule(RECLAIM_AFTER_MS) })
  const running = informer.run(stop.signal)
  informer.synced.then(
    () => (stop.signal.aborted ? undefined : schedule(RECLAIM_AFTER_MS)),
    () => undefined,
  )
  return {
    async [Symbol.asyncDispose]() {
      stop.abort()
      cancel()
      await Promise.all([running, working])
    },
  }
}

async function reclaim({ inventory, log }: ReclaimOptions, informer: Informer<Node>): Promise<void> {
  for (const card of await inventory.list()) {
    const live = informer.list().some((node) => instanceOf(node) === card.instanceId)
    if (live) continue
    log.info({ interface: card.id, instance: card.instanceId }, 'The node is gone: its interface goes back')
    await inventory.remove(card)
  }
}

/** `cn-hangzhou.i-bp1…` */
function instanceOf({ spec }: Node): string | undefined {
  return spec?.providerID?.split('.')[1]
}
