import { TYPE } from '../wire/codes.ts'
import type { Exchange } from './responder.ts'

export type Labels = Readonly<Record<string, string>>

/** What is counted of an exchange. */
export type Sample = Pick<Exchange, 'question' | 'asker' | 'rcode' | 'size' | 'seconds'>

const DNSSEC_TYPES = [43, 46, 47, 48, 50]
const SERVICE_TYPES = [64, 65]
const { A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, IXFR, AXFR, ANY } = TYPE
/** Types that are told apart. Source: CoreDNS plugin/metrics/vars/monitor.go */
const COUNTED = new Set<number>([
  ...[A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, IXFR, AXFR, ANY],
  ...DNSSEC_TYPES,
  ...SERVICE_TYPES,
])
/** Types of records have numbers up to 255 here; the rest is counted together. */
export const TYPES = 257
export const OTHER = 256
const COUNTED_AS = Uint16Array.from({ length: OTHER }, (_, type) => (COUNTED.has(type) ? type : OTHER))
const RCODES = 24

/** How many values were not above each of some bounds, and their sum. */
export class Histogram {
  readonly #bounds: readonly number[]
  readonly #counts: Float64Array
  sum = 0
  count = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Float64Array(bounds.length)
  }

  observe(value: number): void {
    this.sum += value
    this.count++
    const bounds = this.#bounds
    for (let i = 0; i < bounds.length; i++) {
      if (value <= (bounds[i] as number)) {
        ;(this.#counts[i] as number)++
        return
      }
    }
  }

  /** Pairs of a bound and how many values were not above it. */
  cumulative(): readonly (readonly [number, number])[] {
    let total = 0
    return this.#bounds.map((bound, i) => {
      total += this.#counts[i] ?? 0
      return [bound, total]
    })
  }
}

/** What one server block and zone has answered: numbers in arrays, since each packet counts. */
export class ZoneTally {
  readonly labels: Labels
  /** By protocol, family and type. */
  readonly requests = new Float64Array(4 * TYPES)
  /** By plugin and code. */
  readonly responses = new Map<string, Float64Array>()
  readonly durations: Histogram
  /** By UDP, by TCP. */
  readonly requestSizes: readonly [Histogram, Histogram]
  readonly responseSizes: readonly [Histogram, Histogram]
  dnssec = 0

  constructor(labels: Labels, { seconds, bytes }: { readonly seconds: number[]; readonly bytes: number[] }) {
    this.labels = labels
    this.durations = new Histogram(seconds)
    this.requestSizes = [new Histogram(bytes), new Histogram(bytes)]
    this.responseSizes = [new Histogram(bytes), new Histogram(bytes)]
  }

  /** @param plugin Who answered. */
  observe(plugin: string, { question, asker, rcode, size, seconds = 0 }: Sample): void {
    const tcp = asker.protocol === 'tcp' ? 1 : 0
    const type = question.type < OTHER ? (COUNTED_AS[question.type] as number) : OTHER
    const index = (tcp * 2 + (asker.family === 6 ? 1 : 0)) * TYPES + type
    ;(this.requests[index] as number)++
    let responses = this.responses.get(plugin)
    if (responses === undefined) {
      responses = new Float64Array(RCODES)
      this.responses.set(plugin, responses)
    }
    ;(responses[Math.min(rcode, RCODES - 1)] as number)++
    if (question.dnssecOk) this.dnssec++
    this.durations.observe(seconds)
    this.requestSizes[tcp].observe(question.size)
    this.responseSizes[tcp].observe(size)
  }
}
