import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Client } from '../../kube/client.ts'
import { serviceKeyOf, serviceKeysOf, triggerTimeOf } from '../../kube/endpoint-slice.ts'
import type { InformerHandlers } from '../../kube/informer.ts'
import { InformerSet } from '../../kube/informers.ts'
import { keyOf } from '../../kube/object-key.ts'
import { endpointSlices, namespaces, pods, services } from '../../kube/resource.ts'
import { matchesLabels, parseLabelSelector } from '../../kube/selector.ts'
import type { Namespace, Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import type { KubeObject } from '../../kube/types/meta.ts'
import type { KubernetesConfig } from '../corefile/kubernetes-config.ts'
import {
  hasEndpoints,
  isHeadless,
  namespaceRecords,
  ownRecords,
  podRecords,
  sliceRecords,
} from '../zone/service-records.ts'
import { applyChange, type ZoneChange, type ZoneState, type ZoneUpdate } from '../zone/zone-update.ts'

/** Pods that have ended keep their address, which others may have by now. */
const LIVING = 'status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown'
const BY_SERVICE = 'service'
const BY_NAMESPACE = 'namespace'

export type ServiceKind = 'cluster_ip' | 'headless_with_selector' | 'headless_without_selector'

export interface ClusterSourceOptions {
  readonly client: Client
  readonly config: KubernetesConfig
  readonly state: ZoneState
  /** Called with all that changed, when it is there. */
  readonly publish?: (update: ZoneUpdate) => void
  /** Whether pods must be known, for their names or their search lists. */
  readonly needsPods: boolean
  readonly log: Log
  readonly clock: Clock
  /** Seconds from a change of pods to the names. */
  readonly onProgrammed: (kind: ServiceKind, seconds: number) => void
}

/**
 * Keeps the names of a zone as the API has them. Changes that come together are worked on together, after the handlers
 * have run: a list of ten thousand slices makes each Service's names once.
 */
export class ClusterSource implements AsyncDisposable {
  readonly #options: ClusterSourceOptions
  readonly #informers: InformerSet
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  readonly #dirtyServices = new Set<string>()
  /** With the time of the change of pods that led to theirs. */
  readonly #dirtySlices = new Map<string, number | undefined>()
  readonly #dirtyNamespaces = new Set<string>()
  readonly #dirtyPods = new Set<string>()
  /** Slices that have this server among their endpoints, and their Services. */
  readonly #servers = new Map<string, string>()
  #changes: ZoneChange[] = []
  #scheduled = false

  constructor(options: ClusterSourceOptions) {
    const { client, log, clock, config, needsPods } = options
    this.#options = options
    this.#informers = new InformerSet({ client, log, clock })
    this.#services.addIndex(BY_NAMESPACE, ({ metadata }) => [metadata.namespace ?? ''])
    this.#services.on(this.#marking<Service>((service) => this.#markService(keyOf(service))))
    this.#namespaces.on(this.#marking<Namespace>(({ metadata }) => this.#dirtyNamespaces.add(metadata.name)))
    if (config.endpoints) {
      this.#slices.addIndex(BY_SERVICE, serviceKeysOf)
      this.#slices.on(
        this.#marking<EndpointSlice>((slice) => {
          this.#markSlice(keyOf(slice), triggerTimeOf(slice))
          const service = serviceKeyOf(slice)
          if (service !== undefined && config.ignoreEmptyServices) this.#dirtyServices.add(service)
        }),
      )
    }
    if (needsPods) {
      this.#pods.on(this.#marking<Pod>((pod) => this.#dirtyPods.add(keyOf(pod))))
    }
    this.#running = this.#informers.run(this.#stopping.signal)
  }

  /** Resolves when all objects are known and have their names. */
  async synced(): Promise<void> {
    await this.#informers.synced()
    this.#apply()
    this.#zone.synced = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  get #zone() {
    return this.#options.state.zone
  }

  /** `labels` is for all objects that have names, as upstream's. */
  get #scope() {
    const { labels } = this.#options.config
    return labels === undefined ? {} : { labelSelector: labels }
  }

  get #services() {
    return this.#informers.for(services, this.#scope)
  }

  get #slices() {
    return this.#informers.for(endpointSlices, this.#scope)
  }

  get #namespaces() {
    return this.#informers.for(namespaces)
  }

  get #pods() {
    return this.#informers.for(pods, { ...this.#scope, fieldSelector: LIVING })
  }

  #marking<T extends KubeObject>(mark: (object: T) => void): InformerHandlers<T> {
    const changed = (object: T) => {
      mark(object)
      this.#schedule()
    }
    return {
      added: changed,
      updated(object, old) {
        mark(old)
        changed(object)
      },
      deleted: changed,
    }
  }

  /** A Service decides also what its slices say: whether it is headless, and which endpoints are to be found. */
  #markService(key: string): void {
    this.#dirtyServices.add(key)
    if (!this.#options.config.endpoints) return
    for (const slice of this.#slices.byIndex(BY_SERVICE, key)) this.#markSlice(keyOf(slice))
  }

  #markSlice(key: string, since?: number): void {
    const before = this.#dirtySlices.get(key)
    this.#dirtySlices.set(key, before === undefined ? since : Math.min(before, since ?? before))
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => this.#apply())
  }

  #apply(): void {
    this.#scheduled = false
    const serial = Math.floor(this.#options.clock.now() / 1000)
    for (const name of this.#dirtyNamespaces) this.#applyNamespace(name, serial)
    this.#dirtyNamespaces.clear()
    for (const key of this.#dirtyServices) this.#applyService(key, serial)
    this.#dirtyServices.clear()
    for (const [key, since] of this.#dirtySlices) this.#applySlice(key, since, serial)
    this.#dirtySlices.clear()
    for (const key of this.#dirtyPods) this.#applyPod(key, serial)
    this.#dirtyPods.clear()
    this.#publish(serial)
  }

  #publish(serial: number): void {
    const changes = this.#changes
    if (changes.length === 0) return
    this.#changes = []
    this.#options.publish?.({ serial, changes })
  }

  #change(change: ZoneChange, serial: number): boolean {
    const changed = applyChange(this.#options.state, change, serial)
    if (changed && this.#options.publish !== undefined) this.#changes.push(change)
    return changed
  }

  #applyNamespace(name: string, serial: number): void {
    const zone = this.#zone
    const namespace = this.#namespaces.get(name)
    const exposed = namespace !== undefined && this.#isExposed(name)
    const records = exposed ? namespaceRecords(namespace, zone.settings) : []
    const changed = this.#change({ owner: `namespace/${name}`, records }, serial)
    if (!changed) return
    for (const service of this.#services.byIndex(BY_NAMESPACE, name)) this.#markService(keyOf(service))
  }

  #applyService(key: string, serial: number): void {
    const zone = this.#zone
    const service = this.#exposedService(key)
    const isEmpty =
      service !== undefined &&
      zone.settings.ignoreEmptyServices &&
      zone.settings.endpoints &&
      !this.#slices.byIndex(BY_SERVICE, key).some((slice) => hasEndpoints(service, slice, zone.settings))
    const records = service === undefined ? [] : ownRecords(service, { isEmpty }, zone.settings)
    this.#change({ owner: `service/${key}`, records }, serial)
  }

  #applySlice(key: string, since: number | undefined, serial: number): void {
    const { onProgrammed, clock } = this.#options
    const slice = this.#slices.get(key)
    const serviceKey = slice === undefined ? undefined : serviceKeyOf(slice)
    const service = serviceKey === undefined ? undefined : this.#exposedService(serviceKey)
    const records =
      slice === undefined || service === undefined ? [] : sliceRecords(service, slice, this.#zone.settings)
    const changed = this.#change({ owner: `slice/${key}`, records }, serial)
    this.#noteServer(key, service === undefined ? undefined : slice, serial)
    if (!changed || since === undefined || service === undefined) return
    onProgrammed(kindOf(service), Math.max(0, clock.now() - since) / 1000)
  }

  #exposedService(key: string): Service | undefined {
    const service = this.#services.get(key)
    return service !== undefined && this.#isExposed(service.metadata.namespace ?? '') ? service : undefined
  }

  #applyPod(key: string, serial: number): void {
    const pod = this.#pods.get(key)
    const exposed = pod !== undefined && this.#isExposed(pod.metadata.namespace ?? '')
    const records = exposed ? podRecords(pod, this.#zone.settings) : []
    this.#change({ owner: `pod/${key}`, records }, serial)
    this.#change({ pod: key, place: pod === undefined ? undefined : placeOf(pod) }, serial)
  }

  /** Services whose endpoints are this server are its names. */
  #noteServer(key: string, slice: EndpointSlice | undefined, serial: number): void {
    const { localAddresses } = this.#zone.settings
    const own = (slice?.endpoints ?? []).some(({ addresses }) =>
      addresses.some((text) => localAddresses.includes(text)),
    )
    const [namespace = '', name = ''] = (slice === undefined ? '' : (serviceKeyOf(slice) ?? '')).split('/')
    const service = own ? `${name}.${namespace}` : undefined
    if (service === this.#servers.get(key)) return
    if (service === undefined) this.#servers.delete(key)
    else this.#servers.set(key, service)
    this.#change({ servers: [...new Set(this.#servers.values())].sort() }, serial)
  }

  #isExposed(namespace: string): boolean {
    const { namespaces: only, namespaceLabels } = this.#options.config
    if (only.length > 0 && !only.includes(namespace)) return false
    if (namespaceLabels === undefined) return true
    const labels = this.#namespaces.get(namespace)?.metadata.labels
    return matchesLabels(parseLabelSelector(namespaceLabels), labels ?? {})
  }
}

/** Pods of a node's own network share its address: they have no place of their own. */
function placeOf({ spec, status, metadata }: Pod) {
  const address = status?.podIP
  if (address === undefined || spec.hostNetwork === true) return undefined
  return { address, namespace: metadata.namespace ?? '' }
}

function kindOf(service: Service): ServiceKind {
  if (!isHeadless(service)) return 'cluster_ip'
  return service.spec.selector === undefined ? 'headless_without_selector' : 'headless_with_selector'
}
