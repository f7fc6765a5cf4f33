/** Names, help texts and buckets of CoreDNS's figures. Source: CoreDNS plugin/metrics/vars/vars.go, plugin/(name)/metrics.go */

export interface MetricKind {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly buckets?: number[]
  /** Whether all threads have the same figure. */
  readonly isShared?: boolean
}

/** Seconds: from 0.25 ms to 8 s. */
export const TIME_BUCKETS = doubling(0.00025, 16)
export const SIZE_BUCKETS = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3]
/** Seconds: from 1 ms to about 9 minutes. */
const PROGRAMMING_BUCKETS = doubling(0.001, 20)

export const METRIC_KINDS = {
  coredns_dns_requests_total: counter('Counter of DNS requests made per zone, protocol and family.'),
  coredns_dns_request_duration_seconds: histogram(
    'Histogram of the time (in seconds) each request took per zone.',
    TIME_BUCKETS,
  ),
  coredns_dns_request_size_bytes: histogram(
    'Size of the EDNS0 UDP buffer in bytes (64K for TCP) per zone and protocol.',
    SIZE_BUCKETS,
  ),
  coredns_dns_do_requests_total: counter('Counter of DNS requests with DO bit set per zone.'),
  coredns_dns_response_size_bytes: histogram('Size of the returned response in bytes.', SIZE_BUCKETS),
  coredns_dns_responses_total: counter('Counter of response status codes.'),
  coredns_panics_total: counter('A metrics that counts the number of panics.'),
  coredns_plugin_enabled: gauge('A metric that indicates whether a plugin is enabled on per server and zone basis.'),
  coredns_build_info: gauge(
    "A metric with a constant '1' value labeled by version, revision, and goversion from which CoreDNS was built.",
  ),
  coredns_autopath_success_total: counter('Counter of requests that did autopath.'),
  coredns_cache_entries: gauge('The number of elements in the cache.'),
  coredns_cache_requests_total: counter('The count of cache requests.'),
  coredns_cache_hits_total: counter('The count of cache hits.'),
  coredns_cache_misses_total: counter(
    'The count of cache misses. Deprecated, derive misses from cache hits/requests counters.',
  ),
  coredns_cache_prefetch_total: counter('The number of times the cache has prefetched a cached item.'),
  coredns_cache_served_stale_total: counter('The number of requests served from stale cache entries.'),
  coredns_cache_evictions_total: counter('The count of cache evictions.'),
  coredns_forward_requests_total: counter('Counter of requests made per upstream.'),
  coredns_forward_responses_total: counter('Counter of responses received per upstream.'),
  coredns_forward_healthcheck_broken_total: counter('Counter of the number of complete failures of the healthchecks.'),
  coredns_forward_max_concurrent_rejects_total: counter(
    'Counter of the number of queries rejected because the concurrent queries were at maximum.',
  ),
  coredns_proxy_request_duration_seconds: histogram('Histogram of the time each request took.', TIME_BUCKETS),
  coredns_proxy_healthcheck_failures_total: counter('Counter of the number of failed healthchecks.'),
  coredns_hosts_entries: shared('The combined number of entries in hosts and Corefile.'),
  coredns_hosts_reload_timestamp_seconds: shared('The timestamp of the last reload of hosts file.'),
  coredns_kubernetes_dns_programming_duration_seconds: histogram(
    'Histogram of the time (in seconds) it took to program a dns instance.',
    PROGRAMMING_BUCKETS,
  ),
  coredns_reload_total: counter('Counter of the number of successful reloads.'),
  coredns_reload_failed_total: counter('Counter of the number of failed reload attempts.'),
  coredns_reload_version_info: gauge(
    "A metric with a constant '1' value labeled by hash, and value which type of hash generated.",
  ),
  process_resident_memory_bytes: gauge('Resident memory size in bytes.'),
  process_cpu_seconds_total: counter('Total user and system CPU time spent in seconds.'),
  process_start_time_seconds: gauge('Start time of the process since unix epoch in seconds.'),
} as const satisfies Record<string, MetricKind>

export type MetricName = keyof typeof METRIC_KINDS

function counter(help: string) {
  return { type: 'counter', help } as const
}

function gauge(help: string) {
  return { type: 'gauge', help } as const
}

function shared(help: string) {
  return { type: 'gauge', help, isShared: true } as const
}

function histogram(help: string, buckets: number[]) {
  return { type: 'histogram', help, buckets } as const
}

function doubling(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first * 2 ** i)
}
