import { rcodeName, TYPE, typeName } from '../wire/codes.ts'
import type { Exchange } from './responder.ts'

type Labels = Readonly<Record<string, string>>

const DURATION_BUCKETS = [
  0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192,
]
const SIZE_BUCKETS = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16_000, 32_000, 48_000, 64_000]
const PROGRAMMING_BUCKETS = Array.from({ length: 20 }, (_, i) => 0.001 * 2 ** i)
const KNOWN_TYPES = Uint8Array.from({ length: 256 }, (_, type) =>
  [...Object.values<number>(TYPE), 43, 46, 47, 48, 65].includes(type) ? 1 : 0,
)
const RCODES = 24
/** Types of records have numbers up to 255 here; the rest is counted together. */
const TYPES = 257
const OTHER = 256

/** What is counted of an exchange. */
export type Sample = Pick<Exchange, 'question' | 'asker' | 'rcode' | 'size' | 'seconds'>

/** A number that is only ever added to. */
class Histogram {
  readonly #buckets: readonly number[]
  readonly #counts: Float64Array
  #sum = 0
  #count = 0

  constructor(buckets: readonly number[]) {
    this.#buckets = buckets
    this.#counts = new Float64Array(buckets.length)
  }

  get count(): number {
    return this.#count
  }

  observe(value: number): void {
    this.#sum += value
    this.#count++
    const buckets = this.#buckets
    for (let i = 0; i < buckets.length; i++) {
      if (value <= (buckets[i] as number)) {
        ;(this.#counts[i] as number)++
        return
      }
    }
  }

  lines(name: string, labels: Labels): string[] {
    let total = 0
    const buckets = this.#buckets.map((le, i) => {
      total += this.#counts[i] ?? 0
      return line(`${name}_bucket`, { ...labels, le: String(le) }, total)
    })
    return [
      ...buckets,
      line(`${name}_bucket`, { ...labels, le: '+Inf' }, this.#count),
      line(`${name}_sum`, labels, this.#sum),
      line(`${name}_count`, labels, this.#count),
    ]
  }
}

/** What one server block and zone has answered. */
class ZoneTally {
  readonly labels: Labels
  /** By protocol, family and type. */
  readonly requests = new Float64Array(4 * TYPES)
  readonly responses = new Map<string, Float64Array>()
  readonly durations = new Histogram(DURATION_BUCKETS)
  readonly requestSizes = [new Histogram(SIZE_BUCKETS), new Histogram(SIZE_BUCKETS)] as const
  readonly responseSizes = [new Histogram(SIZE_BUCKETS), new Histogram(SIZE_BUCKETS)] as const
  dnssec = 0

  constructor(labels: Labels) {
    this.labels = labels
  }
}

/**
 * Figures under CoreDNS's names, in the text format of Prometheus. Counting is a number in an array, since it happens
 * for each packet; names are made when somebody reads.
 */
export class DnsMetrics {
  readonly #zones = new Map<string, ZoneTally>()
  readonly #counters = new Map<string, Map<string, number>>()
  readonly #gauges = new Map<string, () => readonly (readonly [Labels, number])[]>()
  readonly #histograms = new Map<string, Map<string, Histogram>>()
  readonly #help = new Map<string, string>()

  /** The tally of a zone of a server (`dns://:53`, `cluster.local.`). */
  zone(server: string, zone: string): ZoneTally {
    const key = `${server} ${zone}`
    const known = this.#zones.get(key)
    if (known !== undefined) return known
    const tally = new ZoneTally({ server, zone, view: '' })
    this.#zones.set(key, tally)
    return tally
  }

  /** @param plugin Who answered. */
  observe(tally: ZoneTally, plugin: string, { question, asker, rcode, size, seconds = 0 }: Sample): void {
    const tcp = asker.protocol === 'tcp' ? 1 : 0
    const type = question.type < OTHER && KNOWN_TYPES[question.type] === 1 ? question.type : OTHER
    const index = (tcp * 2 + (asker.family === 6 ? 1 : 0)) * TYPES + type
    ;(tally.requests[index] as number)++
    let responses = tally.responses.get(plugin)
    if (responses === undefined) {
      responses = new Float64Array(RCODES)
      tally.responses.set(plugin, responses)
    }
    ;(responses[Math.min(rcode, RCODES - 1)] as number)++
    if (question.dnssecOk) tally.dnssec++
    tally.durations.observe(seconds)
    tally.requestSizes[tcp]?.observe(question.size)
    tally.responseSizes[tcp]?.observe(size)
  }

  add(name: string, labels: Labels, by = 1): void {
    const key = labelText(labels)
    let values = this.#counters.get(name)
    if (values === undefined) {
      values = new Map()
      this.#counters.set(name, values)
    }
    values.set(key, (values.get(key) ?? 0) + by)
  }

  /** A duration in seconds. */
  time(name: string, labels: Labels, seconds: number): void {
    let all = this.#histograms.get(name)
    if (all === undefined) {
      all = new Map()
      this.#histograms.set(name, all)
    }
    const key = JSON.stringify(labels)
    let histogram = all.get(key)
    if (histogram === undefined) {
      histogram = new Histogram(name.includes('programming') ? PROGRAMMING_BUCKETS : DURATION_BUCKETS)
      all.set(key, histogram)
    }
    histogram.observe(seconds)
  }

  /** A value that is read when somebody asks. */
  gauge(name: string, read: () => readonly (readonly [Labels, number])[]): void {
    this.#gauges.set(name, read)
  }

  /** All figures as text. */
  text(): string {
    const out: string[] = []
    const family = (name: string, type: string, lines: readonly string[]) => {
      if (lines.length > 0)
        out.push(`# HELP ${name} ${this.#help.get(name) ?? name}`, `# TYPE ${name} ${type}`, ...lines)
    }
    const zones = [...this.#zones.values()]
    family('coredns_dns_requests_total', 'counter', zones.flatMap(requestLines))
    family('coredns_dns_responses_total', 'counter', zones.flatMap(responseLines))
    const histogram = (name: string, lines: (tally: ZoneTally) => string[]) =>
      family(name, 'histogram', zones.flatMap(lines))
    histogram('coredns_dns_request_duration_seconds', (tally) =>
      tally.durations.lines('coredns_dns_request_duration_seconds', tally.labels),
    )
    histogram('coredns_dns_request_size_bytes', (tally) =>
      sizeLines('coredns_dns_request_size_bytes', tally.labels, tally.requestSizes),
    )
    histogram('coredns_dns_response_size_bytes', (tally) =>
      sizeLines('coredns_dns_response_size_bytes', tally.labels, tally.responseSizes),
    )
    family(
      'coredns_dns_do_requests_total',
      'counter',
      zones.flatMap(({ labels, dnssec }) =>
        dnssec > 0 ? [line('coredns_dns_do_requests_total', labels, dnssec)] : [],
      ),
    )
    for (const [name, values] of this.#counters) {
      family(
        name,
        'counter',
        [...values].map(([labels, value]) => `${name}${labels} ${value}`),
      )
    }
    for (const [name, all] of this.#histograms) {
      family(
        name,
        'histogram',
        [...all].flatMap(([labels, one]) => one.lines(name, JSON.parse(labels) as Labels)),
      )
    }
    for (const [name, read] of this.#gauges) {
      family(
        name,
        'gauge',
        read().map(([labels, value]) => line(name, labels, value)),
      )
    }
    return `${out.join('\n')}\n`
  }
}

export type { ZoneTally }

function requestLines({ labels, requests }: ZoneTally): string[] {
  return [...requests].flatMap((count, index) => {
    if (count === 0) return []
    const way = Math.floor(index / TYPES)
    const type = index % TYPES
    const own = {
      proto: way >= 2 ? 'tcp' : 'udp',
      family: way % 2 === 0 ? '1' : '2',
      type: type === OTHER ? 'other' : typeName(type),
    }
    return [line('coredns_dns_requests_total', { ...labels, ...own }, count)]
  })
}

function responseLines({ labels, responses }: ZoneTally): string[] {
  return [...responses].flatMap(([plugin, counts]) =>
    [...counts].flatMap((count, rcode) =>
      count === 0 ? [] : [line('coredns_dns_responses_total', { ...labels, rcode: rcodeName(rcode), plugin }, count)],
    ),
  )
}

function sizeLines(name: string, labels: Labels, sizes: readonly [Histogram, Histogram]): string[] {
  return sizes.flatMap((histogram, tcp) =>
    histogram.count === 0 ? [] : histogram.lines(name, { ...labels, proto: tcp === 1 ? 'tcp' : 'udp' }),
  )
}

function line(name: string, labels: Labels, value: number): string {
  return `${name}${labelText(labels)} ${value}`
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(
    ([key, value]) => `${key}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
  )
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}
