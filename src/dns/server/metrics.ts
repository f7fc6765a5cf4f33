import { rcodeName, typeName } from '../wire/codes.ts'
import { METRIC_KINDS, type MetricKind, type MetricName, SIZE_BUCKETS, TIME_BUCKETS } from './metric-kinds.ts'
import { Histogram, type Labels, OTHER, TYPES, ZoneTally } from './tally.ts'

/** Figures of one name, as prom-client's registries hand them over: plain data, so that threads can pass them on. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: MetricKind['type']
  /** What becomes of figures of several threads: added up, or the first (of what all have in common). */
  readonly aggregator: 'sum' | 'first'
  readonly values: readonly MetricFigure[]
}

interface MetricFigure {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** `..._bucket`, `..._sum`, `..._count` of a histogram. */
  readonly metricName?: string
}

type Gauge = () => readonly (readonly [Labels, number])[]

/**
 * Counts under CoreDNS's names. Counting is a number in an array or a map, since it happens for each packet; names,
 * labels and sums are made when somebody reads.
 */
export class DnsMetrics {
  readonly #zones = new Map<string, ZoneTally>()
  readonly #counters = new Map<MetricName, Map<string, number>>([['coredns_panics_total', new Map([['{}', 0]])]])
  readonly #gauges = new Set<{ readonly name: MetricName; readonly read: Gauge }>()
  readonly #histograms = new Map<MetricName, Map<string, Histogram>>()

  /** The tally of a zone of a server (`dns://:53`, `cluster.local.`). */
  zone(server: string, zone: string): ZoneTally {
    const key = `${server} ${zone}`
    const known = this.#zones.get(key)
    if (known !== undefined) return known
    const tally = new ZoneTally({ server, zone, view: '' }, { seconds: TIME_BUCKETS, bytes: SIZE_BUCKETS })
    this.#zones.set(key, tally)
    return tally
  }

  add(name: MetricName, labels: Labels, by = 1): void {
    const values = entryOf(this.#counters, name, () => new Map<string, number>())
    const key = JSON.stringify(labels)
    values.set(key, (values.get(key) ?? 0) + by)
  }

  /** A duration in seconds. */
  time(name: MetricName, labels: Labels, seconds: number): void {
    const { buckets = TIME_BUCKETS }: MetricKind = METRIC_KINDS[name]
    const all = entryOf(this.#histograms, name, () => new Map<string, Histogram>())
    entryOf(all, JSON.stringify(labels), () => new Histogram(buckets)).observe(seconds)
  }

  /**
   * Values that are read when somebody asks.
   *
   * @returns Ends that.
   */
  gauge(name: MetricName, read: Gauge): () => void {
    const gauge = { name, read }
    this.#gauges.add(gauge)
    return () => this.#gauges.delete(gauge)
  }

  /** All figures; names without any are left out. */
  families(): readonly MetricFamily[] {
    const figures = new Map<MetricName, MetricFigure[]>()
    const say = (name: MetricName, more: readonly MetricFigure[]) => entryOf(figures, name, () => []).push(...more)
    for (const tally of this.#zones.values()) sayZone(tally, say)
    for (const [name, values] of this.#counters) {
      say(
        name,
        [...values].map(([key, value]) => ({ labels: JSON.parse(key) as Labels, value })),
      )
    }
    for (const [name, all] of this.#histograms) {
      for (const [key, histogram] of all) say(name, histogramFigures(name, JSON.parse(key) as Labels, histogram))
    }
    for (const { name, read } of this.#gauges) {
      say(
        name,
        read().map(([labels, value]) => ({ labels, value })),
      )
    }
    return [...figures].flatMap(([name, values]) => {
      const { type, help, isShared = false }: MetricKind = METRIC_KINDS[name]
      return values.length === 0 ? [] : [{ name, help, type, aggregator: isShared ? 'first' : 'sum', values }]
    })
  }
}

type Say = (name: MetricName, figures: readonly MetricFigure[]) => void

function sayZone(tally: ZoneTally, say: Say): void {
  const { labels, durations, requestSizes, responseSizes, dnssec } = tally
  say('coredns_dns_requests_total', requestFigures(tally))
  say('coredns_dns_responses_total', responseFigures(tally))
  const duration = 'coredns_dns_request_duration_seconds'
  say(duration, histogramFigures(duration, labels, durations))
  for (const [i, proto] of ['udp', 'tcp'].entries()) {
    for (const [name, histogram] of [
      ['coredns_dns_request_size_bytes', requestSizes[i]],
      ['coredns_dns_response_size_bytes', responseSizes[i]],
    ] as const) {
      if (histogram !== undefined) say(name, histogramFigures(name, { ...labels, proto }, histogram))
    }
  }
  if (dnssec > 0) say('coredns_dns_do_requests_total', [{ labels, value: dnssec }])
}

function requestFigures({ labels, requests }: ZoneTally): MetricFigure[] {
  return [...requests].flatMap((value, index) => {
    if (value === 0) return []
    const way = Math.floor(index / TYPES)
    const type = index % TYPES
    const own = {
      proto: way >= 2 ? 'tcp' : 'udp',
      family: way % 2 === 0 ? '1' : '2',
      type: type === OTHER ? 'other' : typeName(type),
    }
    return [{ labels: { ...labels, ...own }, value }]
  })
}

function responseFigures({ labels, responses }: ZoneTally): MetricFigure[] {
  return [...responses].flatMap(([plugin, counts]) =>
    [...counts].flatMap((value, rcode) =>
      value === 0 ? [] : [{ labels: { ...labels, rcode: rcodeName(rcode), plugin }, value }],
    ),
  )
}

function histogramFigures(name: MetricName, labels: Labels, histogram: Histogram): MetricFigure[] {
  if (histogram.count === 0) return []
  const metricName = `${name}_bucket`
  return [
    ...histogram.cumulative().map(([le, value]) => ({ metricName, labels: { ...labels, le }, value })),
    { metricName, labels: { ...labels, le: '+Inf' }, value: histogram.count },
    { metricName: `${name}_sum`, labels, value: histogram.sum },
    { metricName: `${name}_count`, labels, value: histogram.count },
  ]
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
