import { formatTime } from '../../base/time.ts'
import type { Pod, Service } from '../../kube/types/core.ts'
import { readyCondition } from '../pod-state.ts'

interface Known {
  readonly service: number
  readonly pods: ReadonlyMap<string, number>
}

/**
 * Says which change an endpoint update answers to: the earliest change of a pod or of the Service since the last look
 * (upstream's TriggerTimeTracker). Consumers measure programming latency by it.
 */
export class TriggerTimes {
  readonly #services = new Map<string, Known>()

  /**
   * The earliest change since the last call for this Service, RFC 3339; the Service's creation at the first call;
   * `undefined` when nothing has changed that has a time.
   */
  next(service: Service, pods: readonly Pod[]): string | undefined {
    const key = keyOf(service)
    const known = this.#services.get(key)
    const created = Date.parse(service.metadata.creationTimestamp ?? '') || 0
    const podTimes = new Map(pods.map((pod) => [pod.metadata.name, changeOf(pod)]))
    this.#services.set(key, { service: created, pods: podTimes })
    if (known === undefined) return service.metadata.creationTimestamp
    const changes = [...podTimes].filter(([name, time]) => time > (known.pods.get(name) ?? 0)).map(([, time]) => time)
    if (created > known.service) changes.push(created)
    if (changes.length === 0) return undefined
    return formatTime(Math.min(...changes))
  }

  forget(service: Service): void {
    this.#services.delete(keyOf(service))
  }
}

function changeOf(pod: Pod): number {
  return Date.parse(readyCondition(pod)?.lastTransitionTime ?? '') || 0
}

function keyOf(service: Service): string {
  return `${service.metadata.namespace}/${service.metadata.name}`
}
