import { hostname } from 'node:os'
import type { Clock } from '../../base/clock.ts'
import { Disposables } from '../../base/disposables.ts'
import { errorMessage } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { createEventRecorder, type EventRecorder } from '../../kube/event-recorder.ts'
import { createClient } from '../../kube/rest-client.ts'
import type { Transport } from '../../kube/transport.ts'
import type { ObjectReference } from '../../kube/types/meta.ts'
import { type NodeProxy, type ProxyOptions, startProxy } from '../proxy.ts'
import type { ProxyMetrics } from '../proxy-metrics.ts'
import { countedTransport } from './counted-transport.ts'
import { DeferredMetrics } from './deferred-metrics.ts'
import { healthHandler } from './health-server.ts'
import { listenPersistently, type PersistentListenOptions } from './http-listener.ts'
import { type MetricsText, metricsHandler } from './metrics-server.ts'
import type { HostPort, ProxyConfiguration } from './proxy-configuration.ts'
import { ProxyHealth } from './proxy-health.ts'
import { ServiceEvents } from './service-events.ts'
import { ServiceHealth } from './service-health.ts'
import { ServiceReports } from './service-reports.ts'

export interface ProxyServerOptions {
  readonly configuration: ProxyConfiguration
  /** To an API server; needs no more rights than upstream's `system:node-proxier`. */
  readonly transport: Transport
  /** Of the API server, for figures: `127.0.0.1:6443`. */
  readonly apiHost: string
  readonly nodeName: string
  readonly log: Log
  readonly clock: Clock
  /** Path of the node's network namespace; the process's own when left out. */
  readonly netns?: string
  /** Nothing is programmed before the Node exists and has an address. */
  readonly awaitNode?: boolean
  /** Loads the library for metrics when Services are in the kernel, not before: it takes its time. */
  readonly metricsLast?: boolean
}

/** A proxy with what belongs to it: health, metrics, health-check ports, Events. */
export interface ProxyServer extends AsyncDisposable {
  readonly proxy: NodeProxy
  /** As of the proxy; then health checks answer as well. */
  readonly synced: Promise<void>
  /** Rejects when a port is taken that must be had (`bindAddressHardFail`); otherwise it stays pending. */
  readonly failed: Promise<never>
}

/** kube-proxy's name: who watches Events knows it. */
const COMPONENT = 'kube-proxy'

/** Name of the Node that this machine is, unless it is given another. Source: component-helpers node/util/hostname.go */
export function nodeNameOf({ hostnameOverride }: ProxyConfiguration): string {
  return hostnameOverride ?? hostname().trim().toLowerCase()
}

/** Starts a proxy with its servers. Disposing of it leaves the rules in place. */
export function startProxyServer(options: ProxyServerOptions): ProxyServer {
  const { configuration, nodeName, log, clock, netns } = options
  const started = new Disposables()
  const metrics = new DeferredMetrics()
  const client = createClient(countedTransport(options.transport, options.apiHost, metrics), { userAgent: COMPONENT })
  const recorder = createEventRecorder({ client, component: COMPONENT, host: nodeName, clock, log })
  const health = new ProxyHealth({ clock, timeoutMs: 2 * configuration.syncPeriodMs })
  const place = netns === undefined ? {} : { netns }
  const serviceHealth = new ServiceHealth({
    nodeName,
    ...place,
    log,
    isHealthy: () => health.healthy,
    onFailure: (key, message) =>
      recorder.event(serviceReference(key), 'Warning', 'FailedToStartServiceHealthcheck', message),
  })
  started.use(serviceHealth)
  const events = new ServiceEvents({
    recorder,
    conflictsOf: (key) => proxy.conflictsOf(key),
    sharersOf: (key) => proxy.sharersOf(key),
  })
  const reports = new ServiceReports({ nodeName, health, serviceHealth, events, metrics, log })
  const proxy: NodeProxy = startProxy({
    ...proxyOptions(options),
    client,
    metrics: { ...forwarded(metrics), ...tellingHealth(metrics, { health, reports }) },
    observer: reports,
  })
  started.use(proxy)
  const synced = proxy.synced.then(() => events.started())
  synced.catch(() => {})
  const registry = metricsRegistry(metrics, options.metricsLast ? synced : undefined)
  const listen = { ...place, log, clock, configuration, recorder, nodeName }
  const failed = Promise.race([
    serve(started, configuration.healthz, {
      ...listen,
      name: 'healthz',
      reason: 'FailedToStartProxierHealthcheck',
      handler: healthHandler(health, metrics),
    }),
    serve(started, configuration.metrics, {
      ...listen,
      name: 'metrics',
      reason: 'FailedToStartMetricServer',
      handler: metricsHandler({ mode: configuration.mode, registry, configuration }),
    }),
  ])
  failed.catch(() => {})
  recorder.event(nodeReference(nodeName), 'Normal', 'Starting', '')
  return { proxy, synced, failed, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() }
}

function proxyOptions(options: ProxyServerOptions): Omit<ProxyOptions, 'client'> {
  const { configuration, nodeName, log, clock, netns, awaitNode } = options
  const { detectLocal, masqueradeAll, bindAddress, mode, nodePortAddresses } = configuration
  return {
    nodeName,
    log,
    clock,
    detection: { detectLocal, masqueradeAll, ...(bindAddress === undefined ? {} : { bindAddress }) },
    mode,
    nodePortAddresses,
    ...(netns === undefined ? {} : { netns }),
    ...(awaitNode === undefined ? {} : { awaitNode }),
  }
}

interface Told {
  readonly health: ProxyHealth
  readonly reports: ServiceReports
}

/** Health and reports hear of the same moments as the figures. */
function tellingHealth(metrics: ProxyMetrics, { health, reports }: Told): Pick<ProxyMetrics, 'queued' | 'synced'> {
  return {
    queued(object) {
      health.queued()
      metrics.queued(object)
    },
    synced(kind, seconds) {
      health.updated()
      metrics.synced(kind, seconds)
      reports.committed()
    },
  }
}

function forwarded(metrics: ProxyMetrics): Omit<ProxyMetrics, 'queued' | 'synced'> {
  const { syncFailed, programmed, connectionsChecked, withoutLocalEndpoints } = metrics
  return { syncFailed, programmed, connectionsChecked, withoutLocalEndpoints }
}

interface Served extends Omit<PersistentListenOptions, keyof HostPort> {
  readonly configuration: ProxyConfiguration
  readonly recorder: EventRecorder
  readonly nodeName: string
  /** Of the Event that tells of a port that must be had and cannot. */
  readonly reason: string
}

/** Rejects when the port must be had and cannot. */
function serve(started: Disposables, place: HostPort | undefined, options: Served): Promise<never> {
  return new Promise((_, reject) => {
    if (place === undefined) return
    const { recorder, nodeName, reason, configuration } = options
    const onFailure = (error: unknown) => {
      if (!configuration.bindAddressHardFail) return
      recorder.event(nodeReference(nodeName), 'Warning', reason, errorMessage(error))
      reject(error)
    }
    started.use(listenPersistently({ ...options, ...place, onFailure }))
  })
}

/** @param after What to wait for before the library is loaded. */
function metricsRegistry(metrics: DeferredMetrics, after: Promise<void> | undefined): MetricsText {
  const loaded = (after ?? Promise.resolve()).then(async () => {
    const { createRegistry } = await import('../prometheus-metrics.ts')
    const { registry, figures } = createRegistry()
    metrics.attach(figures)
    return registry
  })
  loaded.catch(() => {})
  return { contentType: 'text/plain; version=0.0.4; charset=utf-8', metrics: async () => (await loaded).metrics() }
}

function nodeReference(name: string): ObjectReference {
  // Upstream puts the name where the uid is: the Node need not be known.
  return { apiVersion: 'v1', kind: 'Node', name, uid: name }
}

function serviceReference(key: string): ObjectReference {
  const [namespace = '', name = ''] = key.split('/')
  return { apiVersion: 'v1', kind: 'Service', namespace, name, uid: key }
}
