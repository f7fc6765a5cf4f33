import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { processMetrics } from '../base/process-metrics.ts'
import type { ProxyMetrics } from './proxy-metrics.ts'
import type { RequestMetrics } from './server/counted-transport.ts'
import type { ProbeMetrics } from './server/health-server.ts'

const FAMILY_LABEL = ['ip_family'] as const
const IP_FAMILIES = ['IPv4', 'IPv6'] as const
const SYNC_BUCKETS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i)
const REQUEST_BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]
const PROGRAMMING_BUCKETS = [0.25, 0.5, ...range(1, 59, 1), ...range(60, 115, 5), ...range(120, 300, 30)]

type Figures = ProxyMetrics & ProbeMetrics & RequestMetrics

/** A registry with the figures of a proxy and its process. */
export function createRegistry(): { readonly registry: Registry; readonly figures: Figures } {
  const registry = new Registry()
  const figures = prometheusMetrics(registry)
  processMetrics(registry)
  return { registry, figures }
}

/**
 * Keeps the proxy's figures in a registry, under kube-proxy's names and with its help texts. Both families are one
 * transaction, so both get its time. Importing this module loads prom-client; the proxy itself does not.
 * Source: kube-proxy pkg/proxy/metrics/metrics.go
 */
export function prometheusMetrics(registry: Registry): Figures {
  const registers = [registry]
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help: alpha(help), buckets, labelNames: FAMILY_LABEL, registers })
  const gauge = (name: string, help: string) =>
    new Gauge({ name, help: alpha(help), labelNames: FAMILY_LABEL, registers })
  const counter = (name: string, help: string) => familyCounter(registry, name, help)
  const syncs = 'SyncProxyRules latency in seconds'
  const sync = histogram('kubeproxy_sync_proxy_rules_duration_seconds', syncs, SYNC_BUCKETS)
  const full = histogram('kubeproxy_sync_full_proxy_rules_duration_seconds', `${syncs} for full resyncs`, SYNC_BUCKETS)
  const partial = histogram(
    'kubeproxy_sync_partial_proxy_rules_duration_seconds',
    `${syncs} for partial resyncs`,
    SYNC_BUCKETS,
  )
  const last = gauge(
    'kubeproxy_sync_proxy_rules_last_timestamp_seconds',
    'The last time proxy rules were successfully synced',
  )
  const queued = gauge(
    'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds',
    'The last time a sync of proxy rules was queued',
  )
  const failures = counter(
    'kubeproxy_sync_proxy_rules_nftables_sync_failures_total',
    'Cumulative proxy nftables sync failures',
  )
  // A transaction deletes what it must with what it adds: there is no clean-up of its own that could fail.
  counter('kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total', 'Cumulative proxy nftables cleanup failures')
  const programming = histogram(
    'kubeproxy_network_programming_duration_seconds',
    'In Cluster Network Programming Latency in seconds',
    PROGRAMMING_BUCKETS,
  )
  const checks = histogram(
    'kubeproxy_conntrack_reconciler_sync_duration_seconds',
    'ReconcileConntrackFlowsLatency latency in seconds',
    SYNC_BUCKETS,
  )
  const forgotten = counter(
    'kubeproxy_conntrack_reconciler_deleted_entries_total',
    'Cumulative conntrack flows deleted by conntrack reconciler',
  )
  const pending = pendingChanges(registry)
  const noLocal = new Gauge({
    name: 'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
    help: alpha('Number of services with a Local traffic policy and no endpoints'),
    labelNames: [...FAMILY_LABEL, 'traffic_policy'] as const,
    registers,
  })
  const each = (call: (labels: { ip_family: string }) => void) => {
    for (const ip_family of IP_FAMILIES) call({ ip_family })
  }
  return {
    queued(object) {
      pending.add(object)
      each((labels) => queued.setToCurrentTime(labels))
    },
    synced(kind, seconds) {
      pending.clear()
      each((labels) => {
        sync.observe(labels, seconds)
        ;(kind === 'full' ? full : partial).observe(labels, seconds)
        last.setToCurrentTime(labels)
      })
    },
    syncFailed: () => each((labels) => failures.inc(labels)),
    programmed: (seconds) => each((labels) => programming.observe(labels, seconds)),
    connectionsChecked(seconds, deleted) {
      each((labels) => checks.observe(labels, seconds))
      forgotten.inc({ ip_family: 'IPv4' }, deleted)
    },
    withoutLocalEndpoints: (family, traffic_policy, ports) =>
      noLocal.set({ ip_family: family === 'ip' ? 'IPv4' : 'IPv6', traffic_policy }, ports),
    ...probeMetrics(registry),
    ...requestMetrics(registry),
  }
}

function probeMetrics(registry: Registry): ProbeMetrics {
  const counters = Object.fromEntries(
    (['healthz', 'livez'] as const).map((probe) => {
      const name = `kubeproxy_proxy_${probe}_total`
      const help = alpha(`Cumulative proxy ${probe} HTTP status`)
      return [probe, new Counter({ name, help, labelNames: ['code'], registers: [registry] })]
    }),
  )
  return { probed: (probe, code) => counters[probe]?.inc({ code }) }
}

/** Requests to the API server, as client-go counts them. */
function requestMetrics(registry: Registry): RequestMetrics {
  const registers = [registry]
  const total = new Counter({
    name: 'rest_client_requests_total',
    help: alpha('Number of HTTP requests, partitioned by status code, method, and host.'),
    labelNames: ['code', 'method', 'host'],
    registers,
  })
  const duration = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: alpha('Request latency in seconds. Broken down by verb, and host.'),
    buckets: REQUEST_BUCKETS,
    labelNames: ['verb', 'host'],
    registers,
  })
  return {
    requested({ code, method, host, seconds }) {
      total.inc({ code, method, host })
      duration.observe({ verb: method, host }, seconds)
    },
  }
}

function familyCounter(registry: Registry, name: string, help: string) {
  const counter = new Counter({ name, help: alpha(help), labelNames: FAMILY_LABEL, registers: [registry] })
  for (const ip_family of IP_FAMILIES) counter.inc({ ip_family }, 0)
  return counter
}

/** How upstream says that a name may change. */
function alpha(help: string): string {
  return `[ALPHA] ${help}`
}

interface PendingChanges {
  add(object: 'service' | 'endpoints'): void
  clear(): void
}

function pendingChanges(registry: Registry): PendingChanges {
  const registers = [registry]
  const metrics = (name: string, what: string) => ({
    pending: new Gauge({
      name: `kubeproxy_sync_proxy_rules_${name}_changes_pending`,
      help: alpha(`Pending proxy rules ${what} changes`),
      registers,
    }),
    total: new Counter({
      name: `kubeproxy_sync_proxy_rules_${name}_changes_total`,
      help: alpha(`Cumulative proxy rules ${what} changes`),
      registers,
    }),
  })
  const service = metrics('service', 'Service')
  const endpoints = metrics('endpoint', 'Endpoint')
  return {
    add(object) {
      const { pending, total } = object === 'service' ? service : endpoints
      pending.inc()
      total.inc()
    },
    clear() {
      service.pending.set(0)
      endpoints.pending.set(0)
    },
  }
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, i) => from + i * step)
}
