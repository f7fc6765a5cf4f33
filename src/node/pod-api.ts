import type { Clock } from '../base/clock.ts'
import { isFairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { isConflict, isNotFound } from '../kube/api-error.ts'
import { Backoff } from '../kube/backoff.ts'
import type { Client } from '../kube/client.ts'
import { pods } from '../kube/resource.ts'
import type { Pod, PodStatus } from '../kube/types/core.ts'

/** What a pod's worker writes to the API. */
export interface PodApi {
  /** @returns false when this pod is no longer there. */
  writeStatus(pod: Pod, status: PodStatus): Promise<boolean>
  /** Deletes the object of a pod that has ended here. Gone already is fine. */
  finish(pod: Pod): Promise<void>
}

export interface PodApiOptions {
  readonly clock: Clock
  readonly log: Log
  /** Ends the tries to reach the server. */
  readonly signal: AbortSignal
}

/** {@link PodApi} over a client: tries for as long as the server cannot be reached. */
export function createPodApi(client: Client, { clock, log, signal }: PodApiOptions): PodApi {
  return {
    async writeStatus(pod, status) {
      // The uid makes sure that a later pod of the same name is left alone.
      const body = { metadata: { uid: pod.metadata.uid }, status }
      const write = () => client.patch(pods, keyOfPod(pod), { type: 'merge', body }, { subresource: 'status' })
      return (await untilAnswered(write, { clock, log, signal })) !== undefined
    },
    async finish(pod) {
      const options = { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid ?? '' } }
      await untilAnswered(() => client.delete(pods, keyOfPod(pod), options).then(() => true), { clock, log, signal })
    },
  }
}

function keyOfPod({ metadata }: Pod) {
  return { namespace: metadata.namespace ?? 'default', name: metadata.name }
}

/** `undefined` when the object is gone or another has its name. */
async function untilAnswered<T>(call: () => Promise<T>, { clock, log, signal }: PodApiOptions): Promise<T | undefined> {
  const backoff = new Backoff({ initialMs: 20, maxMs: 5000 })
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return undefined
      if (!isFairleadError(error, 'API_UNREACHABLE')) throw error
      log.debug({ err: error }, 'API server not reached, trying again')
    }
    await clock.sleep(backoff.next(), signal)
  }
}
