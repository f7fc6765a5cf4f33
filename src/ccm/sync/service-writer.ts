import { errorMessage } from '../../base/error.ts'
import { isConflict, isNotFound } from '../../kube/api-error.ts'
import { setCondition } from '../../kube/conditions.ts'
import { keyOf } from '../../kube/object-key.ts'
import { services } from '../../kube/resource.ts'
import type { LoadBalancerIngress, Service } from '../../kube/types/core.ts'
import type { Condition } from '../../kube/types/meta.ts'
import { APPLIED_TAGS_ANNOTATION, HASH_LABEL, INSTANCE_LABEL, SECURITY_GROUP_LABEL } from '../names.ts'
import type { SyncContext } from './sync-context.ts'

export type NewCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>

/** What the controller notes on a Service. */
export interface Marks {
  readonly hash: string
  readonly instanceId: string
  readonly appliedTags: string
  /** Further labels; `null` takes one away. */
  readonly labels: Readonly<Record<string, string | null>>
}

/**
 * Writes what the controller has to say of Services, if it differs. What it wrote is remembered until the watch has
 * caught up, so that nothing is written twice.
 */
export class ServiceWriter {
  readonly #context: Pick<SyncContext, 'client' | 'recorder' | 'clock'>
  readonly #finalizer: string
  readonly #written = new Map<string, Service>()

  constructor(context: Pick<SyncContext, 'client' | 'recorder' | 'clock'>, finalizer: string) {
    this.#context = context
    this.#finalizer = finalizer
  }

  /** The newer of what the watch shows and what was written last. */
  latest(seen: Service): Service {
    const key = keyOf(seen)
    const written = this.#written.get(key)
    if (written === undefined) return seen
    const isNewer = written.metadata.uid === seen.metadata.uid && version(written) > version(seen)
    if (isNewer) return written
    this.#written.delete(key)
    return seen
  }

  forget(key: string): void {
    this.#written.delete(key)
  }

  /** Before the first call to the cloud: from now on the Service does not go before it is cleaned up after. */
  async addFinalizer(service: Service): Promise<Service> {
    const { finalizers = [], uid, resourceVersion } = service.metadata
    if (finalizers.includes(this.#finalizer)) return service
    const body = { metadata: { uid, resourceVersion, finalizers: [...finalizers, this.#finalizer] } }
    return this.#patch(service, { body, reason: 'FailedAddFinalizer' })
  }

  async writeMarks(service: Service, marks: Marks): Promise<Service> {
    const { labels = {}, annotations = {}, uid } = service.metadata
    const applied = annotations[APPLIED_TAGS_ANNOTATION] ?? ''
    const wanted = { [HASH_LABEL]: marks.hash, [INSTANCE_LABEL]: marks.instanceId, ...marks.labels }
    const isLabelled = Object.entries(wanted).every(([key, value]) => (labels[key] ?? null) === value)
    if (isLabelled && applied === marks.appliedTags) return service
    const body = {
      metadata: {
        uid,
        labels: wanted,
        ...(applied === marks.appliedTags
          ? {}
          : { annotations: { [APPLIED_TAGS_ANNOTATION]: marks.appliedTags || null } }),
      },
    }
    return this.#patch(service, { body, reason: 'FailedAddHash' })
  }

  /** @param ingress `undefined`: left as it is. */
  async writeStatus(
    service: Service,
    {
      ingress,
      conditions,
    }: { readonly ingress?: readonly LoadBalancerIngress[]; readonly conditions: readonly NewCondition[] },
  ): Promise<Service> {
    const before = service.status?.conditions ?? []
    const now = this.#context.clock.now()
    const after = conditions.reduce<readonly Condition[]>((all, one) => setCondition(all, one, now), before)
    const isAddressSame = ingress === undefined || sameIngress(service.status?.loadBalancer?.ingress ?? [], ingress)
    if (after === before && isAddressSame) return service
    const status = {
      ...(after === before ? {} : { conditions: after.filter((condition) => !before.includes(condition)) }),
      ...(isAddressSame ? {} : { loadBalancer: { ingress: ingress.length === 0 ? null : ingress } }),
    }
    const body = { metadata: { uid: service.metadata.uid }, status }
    return this.#patch(service, { body, reason: 'FailedUpdateStatus', subresource: 'status' })
  }

  /** Takes away address and conditions, then labels and finalizer: the last thing of a clean-up. */
  async release(service: Service, conditionTypes: readonly string[]): Promise<void> {
    const cleared = await this.#clearStatus(service, conditionTypes)
    const { finalizers = [], uid, resourceVersion, annotations = {} } = cleared.metadata
    const others = finalizers.filter((name) => name !== this.#finalizer)
    const body = {
      metadata: {
        uid,
        resourceVersion,
        labels: { [HASH_LABEL]: null, [INSTANCE_LABEL]: null, [SECURITY_GROUP_LABEL]: null },
        ...(annotations[APPLIED_TAGS_ANNOTATION] === undefined
          ? {}
          : { annotations: { [APPLIED_TAGS_ANNOTATION]: null } }),
        finalizers: others.length === 0 ? null : others,
      },
    }
    await this.#patch(cleared, { body, reason: 'FailedRemoveFinalizer' }).catch((error) => {
      if (!isNotFound(error)) throw error
    })
  }

  async #clearStatus(service: Service, conditionTypes: readonly string[]): Promise<Service> {
    const { conditions = [], loadBalancer } = service.status ?? {}
    const own = conditions.filter(({ type }) => conditionTypes.includes(type))
    const hasAddress = (loadBalancer?.ingress ?? []).length > 0
    if (!hasAddress && own.length === 0) return service
    const status = {
      ...(hasAddress ? { loadBalancer: { ingress: null } } : {}),
      ...(own.length === 0 ? {} : { conditions: own.map(({ type }) => ({ type, $patch: 'delete' })) }),
    }
    const body = { metadata: { uid: service.metadata.uid }, status }
    return this.#patch(service, { body, reason: 'FailedUpdateStatus', subresource: 'status' })
  }

  async #patch(
    service: Service,
    { body, reason, subresource }: { readonly body: object; readonly reason: string; readonly subresource?: 'status' },
  ): Promise<Service> {
    const { client, recorder } = this.#context
    try {
      const options = subresource === undefined ? {} : { subresource }
      // Conditions of others are left alone: their list is merged by type, where a merge patch would replace it.
      const type = subresource === 'status' ? 'strategic' : 'merge'
      const written = await client.patch(services, service.metadata, { type, body }, options)
      this.#written.set(keyOf(written), written)
      return written
    } catch (error) {
      // Somebody else was faster, or the Service is gone: no failure that people need to hear of.
      if (!isConflict(error) && !isNotFound(error)) recorder.event(service, 'Warning', reason, errorMessage(error))
      throw error
    }
  }
}

function version({ metadata }: Service): bigint {
  return /^\d+$/.test(metadata.resourceVersion ?? '') ? BigInt(metadata.resourceVersion ?? 0) : 0n
}

/** Addresses and names; the rest is defaulted by the API server. */
function sameIngress(a: readonly LoadBalancerIngress[], b: readonly LoadBalancerIngress[]): boolean {
  const shape = (list: readonly LoadBalancerIngress[]) =>
    JSON.stringify(list.map(({ ip = '', hostname = '' }) => [ip, hostname]))
  return shape(a) === shape(b)
}
