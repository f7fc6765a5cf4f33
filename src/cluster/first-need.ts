import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import { Informer } from '../kube/informer.ts'
import { pods, services } from '../kube/resource.ts'
import type { Pod, Service } from '../kube/types/core.ts'

export interface FirstNeedOptions {
  readonly client: Client
  readonly log: Log
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** From the first ready pod on the cluster's own parts have this long to make a Service of it. */
const CALM_MS = 1000

/**
 * Resolves when a cluster has use for its cloud: somebody asks for a load balancer, or the first pod has been ready for a
 * moment and the machine has time. Until then the start of the cluster goes first. Rejects when `signal` is aborted.
 */
export async function firstNeedOfCloud({ client, log, clock, signal }: FirstNeedOptions): Promise<void> {
  const enough = new AbortController()
  const stop = AbortSignal.any([signal, enough.signal])
  const podInformer = new Informer<Pod>({ client, log, clock, resource: pods })
  const serviceInformer = new Informer<Service>({ client, log, clock, resource: services })
  let cancelCalm: (() => void) | undefined
  const needed = new Promise<void>((resolve, reject) => {
    const seePod = (pod: Pod) => {
      if (isReady(pod)) cancelCalm ??= clock.after(CALM_MS, resolve)
    }
    const seeService = ({ spec }: Service) => spec.type === 'LoadBalancer' && resolve()
    podInformer.on({ added: seePod, updated: seePod })
    serviceInformer.on({ added: seeService, updated: seeService })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  const running = [podInformer.run(stop), serviceInformer.run(stop)]
  try {
    await needed
  } finally {
    cancelCalm?.()
    enough.abort()
    await Promise.allSettled(running)
  }
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
}
