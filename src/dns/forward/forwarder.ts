import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import { parseHostPort } from '../corefile/arguments.ts'
import type { ForwardConfig } from '../corefile/forward-config.ts'
import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { FLAG, RCODE } from '../wire/codes.ts'
import type { Message } from '../wire/message.ts'
import { isWithin } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import { Upstream } from './upstream.ts'

/** What happens on the way, for metrics. */
export interface ForwardObserver {
  asked(upstream: string, rcode: number, seconds: number): void
  failed(upstream: string): void
  refused(): void
  /** Nobody answered; `error` is the last failure. */
  gaveUp(question: Question, error: unknown): void
}

export interface ForwarderOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly observer: ForwardObserver
}

const DNS_PORT = 53

/** The directive `forward`: asks others, chosen by a policy, the next when one does not answer. */
export class Forwarder implements Disposable {
  readonly config: ForwardConfig
  readonly upstreams: readonly Upstream[]
  readonly #options: ForwarderOptions
  #turn = 0
  #running = 0

  constructor(config: ForwardConfig, options: ForwarderOptions) {
    this.config = config
    this.#options = options
    const { readTimeoutMs: timeoutMs, maxFails, healthCheckMs, healthCheckName, healthCheckRecursion } = config
    this.upstreams = config.to.flatMap(upstreamAddresses).map(
      ({ host, port }) =>
        new Upstream({
          host,
          port,
          timeoutMs,
          maxFails,
          healthCheckMs,
          healthCheckName,
          healthCheckRecursion,
          clock: options.clock,
        }),
    )
  }

  /** Whether questions about this name (canonical) are passed on here. */
  covers(name: string): boolean {
    return isWithin(name, this.config.from) && !this.config.except.some((zone) => isWithin(name, zone))
  }

  /** Asks; SERVFAIL when nobody answers, REFUSED when too many questions are on their way. */
  async ask(question: Question): Promise<Answer> {
    const { maxConcurrent } = this.config
    if (maxConcurrent > 0 && this.#running >= maxConcurrent) {
      this.#options.observer.refused()
      return emptyAnswer(RCODE.REFUSED)
    }
    this.#running++
    try {
      const message = await this.#ask(question)
      return message === undefined ? emptyAnswer(RCODE.SERVFAIL) : answerFrom(question, message)
    } finally {
      this.#running--
    }
  }

  [Symbol.dispose](): void {
    for (const upstream of this.upstreams) upstream[Symbol.dispose]()
  }

  async #ask(question: Question): Promise<Message | undefined> {
    const query = {
      question: { name: question.text, type: question.type, class: question.class },
      dnssecOk: question.dnssecOk,
      checkingDisabled: (question.flags & FLAG.CD) !== 0,
      recursion: true,
    }
    const attempts = this.config.maxAttempts ?? 2 * this.upstreams.length
    const { observer } = this.#options
    let attempt = 0
    let failure: unknown
    for (const upstream of this.#inOrder()) {
      if (attempts > 0 && attempt++ >= attempts) break
      const begin = performance.now()
      try {
        const message = await upstream.ask(query, this.config.forceTcp)
        observer.asked(upstream.name, message.flags & 15, (performance.now() - begin) / 1000)
        return message
      } catch (error) {
        if (!(error instanceof Error)) throw error
        failure = error
        observer.failed(upstream.name)
        upstream.failed()
      }
    }
    observer.gaveUp(question, failure ?? new FairleadError('NOT_FOUND', 'no healthy proxies'))
    return undefined
  }

  /** Healthy ones by the policy, twice over; when all are down any of them, since the checks may be wrong. */
  #inOrder(): readonly Upstream[] {
    const up = this.#byPolicy(this.upstreams.filter(({ isDown }) => !isDown))
    if (up.length > 0) return [...up, ...up]
    return this.config.failFast ? [] : this.#byPolicy(this.upstreams).slice(0, 1)
  }

  #byPolicy(upstreams: readonly Upstream[]): readonly Upstream[] {
    if (this.config.policy === 'sequential' || upstreams.length < 2) return upstreams
    const start =
      this.config.policy === 'round_robin'
        ? this.#turn++ % upstreams.length
        : Math.floor(this.#options.random() * upstreams.length)
    return [...upstreams.slice(start), ...upstreams.slice(0, start)]
  }
}

/**
 * Addresses of a target: itself, or the nameservers of a file like resolv.conf.
 *
 * @throws FairleadError `NOT_FOUND`, `INVALID_INPUT`
 */
export function upstreamAddresses(target: string): readonly { readonly host: string; readonly port: number }[] {
  const address = parseHostPort(target, DNS_PORT)
  if (address !== undefined) return [address]
  try {
    return [...readFileSync(target, 'utf8').matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap(
      ([, text = '']) => parseHostPort(text, DNS_PORT) ?? [],
    )
  } catch (cause) {
    throw new FairleadError('NOT_FOUND', `Cannot read the upstreams of forward from ${target}`, { cause })
  }
}

/** An upstream's message as an answer of ours: names compressed anew, OPT and what is no answer left out. */
export function answerFrom(question: Question, message: Message): Answer {
  const flags = message.flags & (FLAG.AA | FLAG.RA | FLAG.AD)
  const { answers, authorities, additionals } = message
  const name = question.name.subarray(0, question.nameLength)
  return makeAnswer(name, { rcode: message.flags & 15, flags, answers, authorities, additionals })
}
