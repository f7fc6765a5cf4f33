import type { Clock } from '../../base/clock.ts'
import type { CacheConfig } from '../corefile/cache-config.ts'
import type { ForwardConfig } from '../corefile/forward-config.ts'
import { AnswerCache } from '../forward/answer-cache.ts'
import { Forwarder, type ForwardObserver } from '../forward/forwarder.ts'
import type { Answer } from '../wire/answer.ts'
import { RCODE } from '../wire/codes.ts'
import type { Question } from '../wire/question.ts'
import type { Asker } from './asker.ts'
import type { DnsMetrics } from './metrics.ts'

export interface PassOnOptions {
  readonly forwards: readonly ForwardConfig[]
  readonly cache: CacheConfig | undefined
  /** Whether addresses take turns in being first. */
  readonly turning: boolean
  /** `dns://:53` */
  readonly server: string
  readonly metrics: DnsMetrics
  readonly clock: Clock
  readonly random: () => number
  /** Nobody answered. */
  readonly gaveUp: ForwardObserver['gaveUp']
}

interface Forward {
  readonly forwarder: Forwarder
  readonly cache: AnswerCache | undefined
}

/** The directives `forward` of a block, each behind the block's `cache`. */
export class PassOn implements Disposable {
  readonly #forwards: readonly Forward[]
  readonly #stops: (() => void)[] = []

  constructor(options: PassOnOptions) {
    this.#forwards = options.forwards.map((config) => ({
      forwarder: this.#forwarder(config, options),
      cache: options.cache === undefined ? undefined : this.#cache(options.cache, options),
    }))
  }

  /** Asks the first upstreams, whatever they would be asked about. */
  askFirst(question: Question): Promise<Answer> | undefined {
    return this.#forwards[0]?.forwarder.ask(question)
  }

  /** From the first upstreams that take the name; undefined when nobody does. */
  resolve(question: Question, asker: Asker): Answer | Promise<Answer> | undefined {
    const name = question.text
    const [first, ...others] = this.#forwards.filter(({ forwarder }) => forwarder.covers(name))
    if (first === undefined) return undefined
    const answer = ask(first, question, asker)
    return others.length === 0 ? answer : this.#askOn(question.copy(), asker, { answer, forwards: [first, ...others] })
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop()
    for (const { forwarder } of this.#forwards) forwarder[Symbol.dispose]()
  }

  /** `next`: after certain codes the next directive that takes the name has a say. */
  async #askOn(question: Question, asker: Asker, { answer, forwards }: Passed): Promise<Answer> {
    let found = await answer
    for (const [i, { forwarder }] of forwards.entries()) {
      const other = forwards[i + 1]
      const { next, nextOnNodata } = forwarder.config
      const isNodata = found.rcode === RCODE.NOERROR && found.answers === 0
      if (other === undefined || !(next.includes(found.rcode) || (nextOnNodata && isNodata))) break
      found = await ask(other, question, asker)
    }
    return found
  }

  #forwarder(config: ForwardConfig, { metrics, clock, random, turning, gaveUp }: PassOnOptions): Forwarder {
    return new Forwarder(config, {
      clock,
      random,
      turning,
      observer: {
        asked(to, rcode, seconds) {
          metrics.add('coredns_forward_requests_total', { to })
          metrics.add('coredns_forward_responses_total', { to, rcode: String(rcode) })
          metrics.time(
            'coredns_proxy_request_duration_seconds',
            { proxy_name: 'forward', to, rcode: String(rcode) },
            seconds,
          )
        },
        checkFailed: (to) => metrics.add('coredns_proxy_healthcheck_failures_total', { proxy_name: 'forward', to }),
        broken: () => metrics.add('coredns_forward_healthcheck_broken_total', {}),
        refused: () => metrics.add('coredns_forward_max_concurrent_rejects_total', {}),
        gaveUp,
      },
    })
  }

  #cache(config: CacheConfig, { server, metrics, clock }: PassOnOptions): AnswerCache {
    const labels = { server, zones: config.zones.map((zone) => `${zone}.`).join(','), view: '' }
    const cache = new AnswerCache({
      config,
      clock,
      observer: {
        hit(type) {
          metrics.add('coredns_cache_requests_total', labels)
          metrics.add('coredns_cache_hits_total', { ...labels, type })
        },
        missed() {
          metrics.add('coredns_cache_requests_total', labels)
          metrics.add('coredns_cache_misses_total', labels)
        },
        prefetched: () => metrics.add('coredns_cache_prefetch_total', labels),
        stale: () => metrics.add('coredns_cache_served_stale_total', labels),
        dropped: (type) => metrics.add('coredns_cache_evictions_total', { ...labels, type }),
      },
    })
    const sizes = () => (['success', 'denial'] as const).map((type) => [{ ...labels, type }, cache.size(type)] as const)
    this.#stops.push(metrics.gauge('coredns_cache_entries', sizes))
    return cache
  }
}

interface Passed {
  readonly answer: Answer | Promise<Answer>
  readonly forwards: readonly Forward[]
}

/** What is kept, or what the upstreams say. */
function ask({ forwarder, cache }: Forward, question: Question, { protocol }: Asker): Answer | Promise<Answer> {
  const isTcp = protocol === 'tcp'
  if (cache === undefined) return forwarder.ask(question.copy(), isTcp)
  return cache.get(question, (copy) => forwarder.ask(copy, isTcp))
}
