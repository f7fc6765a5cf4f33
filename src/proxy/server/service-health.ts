/**
 * The health-check node port of Services with external traffic policy Local: a load balancer asks there whether this
 * node has an endpoint.
 * Source: kube-proxy pkg/proxy/healthcheck/service_health.go
 */
import { errorMessage } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { isProxiedSlice, skipReason } from '../plan-service.ts'
import { type HttpAnswer, type HttpListener, json, listenHttp } from './http-listener.ts'

/** What a health-check node port must answer for a Service. */
export interface HealthCheck {
  readonly port: number
  /** Ready endpoints on this node; those that are terminating do not count, though they still serve. */
  readonly localEndpoints: number
}

/** The health check of a Service; undefined when it has none. */
export function healthCheckOf(
  service: Service,
  slices: readonly EndpointSlice[],
  nodeName: string,
): HealthCheck | undefined {
  const { type, externalTrafficPolicy, healthCheckNodePort } = service.spec
  if (type !== 'LoadBalancer' || externalTrafficPolicy !== 'Local' || !healthCheckNodePort) return undefined
  if (skipReason(service) !== undefined) return undefined
  return { port: healthCheckNodePort, localEndpoints: localEndpoints(slices, nodeName) }
}

/** Counted by address, as upstream: a pod behind several ports is one. */
function localEndpoints(slices: readonly EndpointSlice[], nodeName: string): number {
  const addresses = new Set<string>()
  for (const slice of slices) {
    if (!isProxiedSlice(slice) || (slice.ports ?? []).length === 0) continue
    for (const { addresses: all, nodeName: node, conditions } of slice.endpoints ?? []) {
      if (node === nodeName && (conditions?.ready ?? true) && all[0] !== undefined) addresses.add(all[0])
    }
  }
  return addresses.size
}

export interface ServiceHealthOptions {
  readonly nodeName: string
  /** Path of the network namespace; the process's own when left out. */
  readonly netns?: string
  readonly log: Log
  /** Whether the proxy does its work. */
  isHealthy(): boolean
  /** The port of a Service cannot be had; `message` says why. */
  onFailure(service: string, message: string): void
}

interface Instance {
  readonly port: number
  readonly listeners: readonly HttpListener[]
  localEndpoints: number
}

/** The servers of all Services with a health-check node port. */
export class ServiceHealth implements Disposable {
  readonly #options: ServiceHealthOptions
  readonly #instances = new Map<string, Instance>()
  /** Services whose port could not be had: tried again with their next change. */
  readonly #wanted = new Map<string, HealthCheck>()
  #addresses: readonly string[] = []

  constructor(options: ServiceHealthOptions) {
    this.#options = options
  }

  /** Where the servers listen; all of them move when it changes. */
  setAddresses(addresses: readonly string[]): void {
    if (addresses.join() === this.#addresses.join()) return
    this.#addresses = addresses
    for (const key of this.#instances.keys()) this.#close(key)
    for (const [key, check] of this.#wanted) this.#open(key, check)
  }

  /** Makes the server of a Service what it must be; undefined: none. */
  set(key: string, check: HealthCheck | undefined): void {
    const instance = this.#instances.get(key)
    if (check === undefined) {
      if (this.#wanted.delete(key)) this.#close(key)
      if (instance !== undefined) this.#retryOthers()
      return
    }
    this.#wanted.set(key, check)
    if (instance?.port === check.port) instance.localEndpoints = check.localEndpoints
    else {
      this.#close(key)
      this.#open(key, check)
      if (instance !== undefined) this.#retryOthers()
    }
  }

  [Symbol.dispose](): void {
    for (const key of [...this.#instances.keys()]) this.#close(key)
    this.#wanted.clear()
  }

  /** A port was given back: whoever waits for one may have it now. */
  #retryOthers(): void {
    for (const [key, check] of this.#wanted) if (!this.#instances.has(key)) this.#open(key, check)
  }

  #open(key: string, { port, localEndpoints }: HealthCheck): void {
    const { log, netns, nodeName, onFailure } = this.#options
    const listeners: HttpListener[] = []
    const handler = () => this.#answer(key)
    try {
      for (const host of this.#addresses) {
        listeners.push(listenHttp({ host, port, handler, log, ...(netns === undefined ? {} : { netns }) }))
      }
      this.#instances.set(key, { port, listeners, localEndpoints })
    } catch (err) {
      for (const listener of listeners) listener[Symbol.dispose]()
      log.error({ err, service: key, port }, 'Failed to start healthcheck')
      onFailure(key, `node ${nodeName} failed to start healthcheck "${key}" on port ${port}: ${errorMessage(err)}`)
    }
  }

  #close(key: string): void {
    for (const listener of this.#instances.get(key)?.listeners ?? []) listener[Symbol.dispose]()
    this.#instances.delete(key)
  }

  #answer(key: string): HttpAnswer {
    const count = this.#instances.get(key)?.localEndpoints ?? 0
    const healthy = this.#options.isHealthy()
    const [namespace = '', name = ''] = key.split('/')
    const body = { service: { namespace, name }, localEndpoints: count, serviceProxyHealthy: healthy }
    const answer = json(count > 0 && healthy ? 200 : 503, body)
    return { ...answer, headers: { 'x-load-balancing-endpoint-weight': String(count) } }
  }
}
