import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Client } from '../../kube/client.ts'
import type { InformerHandlers } from '../../kube/informer.ts'
import { InformerSet } from '../../kube/informers.ts'
import { endpointSlices, namespaces, pods, services } from '../../kube/resource.ts'
import { matchesLabels, parseLabelSelector } from '../../kube/selector.ts'
import type { Namespace, Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import type { KubeObject } from '../../kube/types/meta.ts'
import type { KubernetesConfig } from '../corefile/server-config.ts'
import type { KubernetesZone } from '../zone/kubernetes-zone.ts'
import { isHeadless, namespaceRecords, podRecords, serviceRecords } from '../zone/service-records.ts'

const SERVICE_NAME = 'kubernetes.io/service-name'
const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time'
const BY_SERVICE = 'service'
const BY_NAMESPACE = 'namespace'
const BY_ADDRESS = 'address'

export type ServiceKind = 'cluster_ip' | 'headless_with_selector' | 'headless_without_selector'

export interface ClusterSourceOptions {
  readonly client: Client
  readonly config: KubernetesConfig
  readonly zone: KubernetesZone
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
  readonly #dirtyServices = new Map<string, number | undefined>()
  readonly #dirtyNamespaces = new Set<string>()
  readonly #dirtyPods = new Set<string>()
  readonly #servers = new Set<string>()
  #scheduled = false

  constructor(options: ClusterSourceOptions) {
    const { client, log, clock, config, needsPods } = options
    this.#options = options
    this.#informers = new InformerSet({ client, log, clock })
    this.#services.addIndex(BY_NAMESPACE, ({ metadata }) => [metadata.namespace ?? ''])
    this.#services.on(this.#marking<Service>((service) => this.#markService(keyOf(service))))
    this.#namespaces.on(this.#marking<Namespace>(({ metadata }) => this.#dirtyNamespaces.add(metadata.name)))
    if (config.endpoints) {
      this.#slices.addIndex(BY_SERVICE, (slice) => [serviceKeyOf(slice) ?? []].flat())
      this.#slices.on(
        this.#marking<EndpointSlice>((slice) => {
          const key = serviceKeyOf(slice)
          if (key !== undefined) this.#markService(key, triggerTime(slice))
        }),
      )
    }
    if (needsPods) {
      this.#pods.addIndex(BY_ADDRESS, ({ status }) => (status?.podIP === undefined ? [] : [status.podIP]))
      this.#pods.on(this.#marking<Pod>((pod) => this.#dirtyPods.add(keyOf(pod))))
    }
    this.#running = this.#informers.run(this.#stopping.signal)
  }

  /** Resolves when all objects are known and have their names. */
  async synced(): Promise<void> {
    await this.#informers.synced()
    this.#apply()
    this.#options.zone.synced = true
  }

  /** The namespace of the pod that has an address (host-network pods share theirs: none). */
  namespaceOf(address: string): string | undefined {
    if (!this.#options.needsPods) return undefined
    const own = this.#pods.byIndex(BY_ADDRESS, address).filter(({ spec }) => spec.hostNetwork !== true)
    return own.length === 1 ? own[0]?.metadata.namespace : undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  get #services() {
    const { labels } = this.#options.config
    return this.#informers.for(services, labels === undefined ? {} : { labelSelector: labels })
  }

  get #slices() {
    return this.#informers.for(endpointSlices)
  }

  get #namespaces() {
    return this.#informers.for(namespaces)
  }

  get #pods() {
    return this.#informers.for(pods)
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

  #markService(key: string, since?: number): void {
    const before = this.#dirtyServices.get(key)
    this.#dirtyServices.set(key, before === undefined ? since : Math.min(before, since ?? before))
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
    for (const [key, since] of this.#dirtyServices) this.#applyService(key, since, serial)
    this.#dirtyServices.clear()
    for (const key of this.#dirtyPods) this.#applyPod(key, serial)
    this.#dirtyPods.clear()
  }

  #applyNamespace(name: string, serial: number): void {
    const { zone } = this.#options
    const namespace = this.#namespaces.get(name)
    const exposed = namespace !== undefined && this.#isExposed(name)
    const changed = zone.set(`namespace/${name}`, exposed ? namespaceRecords(namespace, zone.settings) : [], serial)
    if (!changed) return
    for (const service of this.#services.byIndex(BY_NAMESPACE, name)) this.#markService(keyOf(service))
  }

  #applyService(key: string, since: number | undefined, serial: number): void {
    const { zone, onProgrammed, clock } = this.#options
    const service = this.#services.get(key)
    const exposed = service !== undefined && this.#isExposed(service.metadata.namespace ?? '')
    const slices = exposed && zone.settings.endpoints ? this.#slices.byIndex(BY_SERVICE, key) : []
    const changed = zone.set(`service/${key}`, exposed ? serviceRecords(service, slices, zone.settings) : [], serial)
    this.#noteServer(key, slices)
    if (!changed || since === undefined || service === undefined) return
    onProgrammed(kindOf(service), Math.max(0, clock.now() - since) / 1000)
  }

  #applyPod(key: string, serial: number): void {
    const { zone } = this.#options
    const pod = this.#pods.get(key)
    const exposed = pod !== undefined && this.#isExposed(pod.metadata.namespace ?? '')
    zone.set(`pod/${key}`, exposed ? podRecords(pod, zone.settings) : [], serial)
  }

  /** Services whose endpoints are this server are its names. */
  #noteServer(key: string, slices: readonly EndpointSlice[]): void {
    const { zone } = this.#options
    const [namespace = '', name = ''] = key.split('/')
    const own = slices.some(({ endpoints }) =>
      (endpoints ?? []).some(({ addresses }) => addresses.some((text) => zone.settings.localAddresses.includes(text))),
    )
    const service = `${name}.${namespace}`
    if (own === this.#servers.has(service)) return
    if (own) this.#servers.add(service)
    else this.#servers.delete(service)
    zone.setServers([...this.#servers].sort())
  }

  #isExposed(namespace: string): boolean {
    const { namespaces: only, namespaceLabels } = this.#options.config
    if (only.length > 0 && !only.includes(namespace)) return false
    if (namespaceLabels === undefined) return true
    const labels = this.#namespaces.get(namespace)?.metadata.labels
    return matchesLabels(parseLabelSelector(namespaceLabels), labels ?? {})
  }
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

function serviceKeyOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[SERVICE_NAME]
  return name === undefined ? undefined : `${metadata.namespace ?? ''}/${name}`
}

function triggerTime({ metadata }: EndpointSlice): number | undefined {
  const time = Date.parse(metadata.annotations?.[TRIGGER_TIME] ?? '')
  return Number.isNaN(time) ? undefined : time
}

function kindOf(service: Service): ServiceKind {
  if (!isHeadless(service)) return 'cluster_ip'
  return service.spec.selector === undefined ? 'headless_without_selector' : 'headless_with_selector'
}
