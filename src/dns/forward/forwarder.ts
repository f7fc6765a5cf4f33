import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import { type ForwardConfig, type UpstreamAddress, upstreamAddress } from '../corefile/forward-config.ts'
import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { FLAG, RCODE } from '../wire/codes.ts'
import type { Message } from '../wire/message.ts'
import { canonicalName, isWithin } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import { Upstream } from './upstream.ts'
import type { UpstreamTls } from './upstream-stream.ts'

/** What happens on the way, for metrics. */
export interface ForwardObserver {
  asked(upstream: string, rcode: number, seconds: number): void
  /** A check of its health failed. */
  checkFailed(upstream: string): void
  /** All upstreams are down. */
  broken(): void
  refused(): void
  /** Nobody answered; `error` is the last failure. */
  gaveUp(question: Question, error: unknown): void
}

export interface ForwarderOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly observer: ForwardObserver
  /** Whether addresses take turns in being first (`loadbalance`). */
  readonly turning?: boolean
}

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
    const { readTimeoutMs: timeoutMs, ...checks } = config
    const tls = tlsFiles(config)
    const onCheckFailed = (name: string) => options.observer.checkFailed(name)
    this.upstreams = config.to.flatMap(upstreamAddresses).map(({ host, port, isTls, servername }) => {
      const name = servername ?? config.tlsServername
      const own = isTls ? { tls: { ...tls, ...(name === undefined ? {} : { servername: name }) } } : {}
      const from = config.sourceAddress === undefined ? {} : { sourceAddress: config.sourceAddress }
      const { maxFails, healthCheckMs, healthCheckName, healthCheckRecursion, expireMs } = checks
      const health = { maxFails, healthCheckMs, healthCheckName, healthCheckRecursion }
      return new Upstream({
        host,
        port,
        timeoutMs,
        expireMs,
        ...health,
        ...own,
        ...from,
        clock: options.clock,
        onCheckFailed,
      })
    })
  }

  /** Whether questions about this name (canonical) are passed on here. */
  covers(name: string): boolean {
    return isWithin(name, this.config.from) && !this.config.except.some((zone) => isWithin(name, zone))
  }

  /**
   * Asks; SERVFAIL when nobody answers, REFUSED when too many questions are on their way.
   *
   * @param isTcp Whether the question came by TCP; it is passed on so too, unless `prefer_udp` says otherwise.
   */
  async ask(question: Question, isTcp = false): Promise<Answer> {
    const { maxConcurrent } = this.config
    const { turning = false } = this.#options
    if (maxConcurrent > 0 && this.#running >= maxConcurrent) {
      this.#options.observer.refused()
      return emptyAnswer(RCODE.REFUSED)
    }
    this.#running++
    try {
      const message = await this.#ask(question, isTcp)
      return message === undefined ? emptyAnswer(RCODE.SERVFAIL) : answerFrom(question, message, turning)
    } finally {
      this.#running--
    }
  }

  [Symbol.dispose](): void {
    for (const upstream of this.upstreams) upstream[Symbol.dispose]()
  }

  async #ask(question: Question, isTcp: boolean): Promise<Message | undefined> {
    const query = {
      question: { name: question.text, type: question.type, class: question.class },
      dnssecOk: question.dnssecOk,
      checkingDisabled: (question.flags & FLAG.CD) !== 0,
      recursion: true,
      options: question.passedOn,
    }
    const attempts = this.config.maxAttempts ?? 2 * this.upstreams.length
    const { observer } = this.#options
    let attempt = 0
    const byTcp = this.config.forceTcp || (isTcp && !this.config.preferUdp)
    let failure: unknown
    let last: Message | undefined
    for (const upstream of this.#inOrder()) {
      if (attempts > 0 && attempt++ >= attempts) break
      const begin = performance.now()
      try {
        const message = await upstream.ask(query, byTcp)
        observer.asked(upstream.name, message.flags & 15, (performance.now() - begin) / 1000)
        if (!this.config.failover.includes(message.flags & 15)) return message
        last = message
      } catch (error) {
        if (!(error instanceof Error)) throw error
        failure = error
        upstream.failed()
      }
    }
    if (last !== undefined) return last
    observer.gaveUp(question, failure ?? new FairleadError('NOT_FOUND', 'no healthy proxies'))
    return undefined
  }

  /** Healthy ones by the policy, twice over; when all are down any of them, since the checks may be wrong. */
  #inOrder(): readonly Upstream[] {
    const up = this.#byPolicy(this.upstreams.filter(({ isDown }) => !isDown))
    if (up.length > 0) return [...up, ...up]
    this.#options.observer.broken()
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

/** The files of `tls`, read. */
function tlsFiles({ tlsFiles: files }: ForwardConfig): Omit<UpstreamTls, 'servername'> {
  const read = (key: 'ca' | 'cert' | 'key') => (files[key] === undefined ? {} : { [key]: readText(files[key]) })
  return { ...read('ca'), ...read('cert'), ...read('key') }
}

/**
 * Addresses of a target: itself (`10.0.0.1:53`, `tls://9.9.9.9%dns.quad9.net:853`), or the nameservers of a file like
 * resolv.conf.
 *
 * @throws FairleadError `NOT_FOUND`
 */
export function upstreamAddresses(target: string): readonly UpstreamAddress[] {
  const address = upstreamAddress(target)
  if (address !== undefined) return [address]
  return [...readText(target).matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap(
    ([, text = '']) => upstreamAddress(text) ?? [],
  )
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new FairleadError('NOT_FOUND', `Cannot read ${path}, which forward names`, { cause })
  }
}

/**
 * An upstream's message as an answer of ours: names compressed anew, OPT and what is no answer left out.
 *
 * @param mayTurn Whether addresses of the name that was asked for may be sent in any order.
 */
export function answerFrom(question: Question, message: Message, mayTurn = false): Answer {
  const flags = message.flags & (FLAG.AA | FLAG.RA | FLAG.AD)
  const { answers, authorities, additionals } = message
  const asked = question.text
  const turning = mayTurn && answers.every(({ name, data }) => 'address' in data && canonicalName(name) === asked)
  const name = question.name.subarray(0, question.nameLength)
  return makeAnswer(name, { rcode: message.flags & 15, flags, answers, authorities, additionals, turning })
}
