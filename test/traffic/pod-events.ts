import { FairleadError } from '../../src/base/error.ts'
import { events } from '../../src/kube/resource.ts'
import type { CoreEvent, Pod } from '../../src/kube/types/core.ts'
import type { TrafficCluster } from './traffic-cluster.ts'

const PATIENCE_MS = 30_000

/** The first event of a pod with this reason (and message), as soon as it is told. */
export async function eventOf(on: TrafficCluster, pod: Pod, reason: string, message = /(?:)/): Promise<CoreEvent> {
  const fieldSelector = `involvedObject.uid=${pod.metadata.uid},reason=${reason}`
  const signal = AbortSignal.timeout(PATIENCE_MS)
  for await (const { object } of on.client.watch(events, { namespace: 'default', fieldSelector, signal })) {
    if ('message' in object && message.test(object.message ?? '')) return object as CoreEvent
  }
  throw new FairleadError('TIMEOUT', `No event ${reason} ${message} of pod ${pod.metadata.name}`)
}
