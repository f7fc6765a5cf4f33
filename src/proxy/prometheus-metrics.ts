import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ProxyMetrics } from './proxy-metrics.ts'

const FAMILY_LABEL = ['ip_family'] as const
const IP_FAMILIES = ['IPv4', 'IPv6'] as const
const SYNC_BUCKETS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i)
const PROGRAMMING_BUCKETS = [0.25, 0.5, ...range(1, 59, 1), ...range(60, 115, 5), ...range(120, 300, 30)]

/**
 * Keeps the proxy's figures in a registry, under kube-proxy's names. Both families are one transaction, so both get its
 * time. Importing this module loads prom-client; the proxy itself does not.
 */
export function prometheusMetrics(registry: Registry): ProxyMetrics {
  const registers = [registry]
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name, help, buckets, labelNames: FAMILY_LABEL, registers })
  const gauge = (name: string, help: string) => new Gauge({ name, help, labelNames: FAMILY_LABEL, registers })
  const counter = (name: string, help: string) => new Counter({ name, help, labelNames: FAMILY_LABEL, registers })
  const sync = histogram('kubeproxy_sync_proxy_rules_duration_seconds', 'Duration of a sync', SYNC_BUCKETS)
  const full = histogram('kubeproxy_sync_full_proxy_rules_duration_seconds', 'Duration of full syncs', SYNC_BUCKETS)
  const partial = histogram('kubeproxy_sync_partial_proxy_rules_duration_seconds', 'Duration of changes', SYNC_BUCKETS)
  const last = gauge('kubeproxy_sync_proxy_rules_last_timestamp_seconds', 'Time of the last successful sync')
  const queued = gauge('kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds', 'Time the last sync was queued')
  const failures = counter('kubeproxy_sync_proxy_rules_nftables_sync_failures_total', 'Syncs that the kernel refused')
  const programming = histogram(
    'kubeproxy_network_programming_duration_seconds',
    'From a change of pods or Services to the kernel',
    PROGRAMMING_BUCKETS,
  )
  const checks = histogram('kubeproxy_conntrack_reconciler_sync_duration_seconds', 'Duration of checks', SYNC_BUCKETS)
  const forgotten = counter('kubeproxy_conntrack_reconciler_deleted_entries_total', 'Connections forgotten')
  const pending = pendingChanges(registry)
  const noLocal = new Gauge({
    name: 'kubeproxy_sync_proxy_rules_no_local_endpoints_total',
    help: 'Service ports with policy Local and no endpoint on this node',
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
    withoutLocalEndpoints: (traffic_policy, ports) =>
      each((labels) => noLocal.set({ ...labels, traffic_policy }, ports)),
  }
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
      help: `${what} waiting`,
      registers,
    }),
    total: new Counter({ name: `kubeproxy_sync_proxy_rules_${name}_changes_total`, help: `${what} seen`, registers }),
  })
  const service = metrics('service', 'Changes of Services')
  const endpoints = metrics('endpoint', 'Changes of endpoints')
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
