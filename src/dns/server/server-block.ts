import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { BlockConfig } from '../corefile/server-config.ts'
import { AnswerCache } from '../forward/answer-cache.ts'
import { Forwarder } from '../forward/forwarder.ts'
import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { CLASS_IN, FLAG, RCODE, TYPE, typeName } from '../wire/codes.ts'
import { encodeName, labelCount } from '../wire/name.ts'
import { Question } from '../wire/question.ts'
import type { DnsRecord } from '../wire/record.ts'
import type { KubernetesZone } from '../zone/kubernetes-zone.ts'
import type { ReadyAnswers } from '../zone/ready-answers.ts'
import { forwardZones } from '../zone/service-records.ts'
import { messageOf } from './answer-message.ts'
import type { Asker } from './asker.ts'
import { autopathing } from './autopath.ts'
import { ErrorLog } from './error-log.ts'
import { HostsTable } from './hosts-table.ts'
import type { DnsMetrics, Sample, ZoneTally } from './metrics.ts'
import { QueryLog } from './query-log.ts'
import { type Exchange, failureText, type Resolver } from './responder.ts'
import { rewriting } from './rewriting.ts'

export interface BlockOptions {
  readonly config: BlockConfig
  readonly zone: KubernetesZone | undefined
  /** The namespace of the pod that has an address. */
  readonly namespaceOf: (address: string) => string | undefined
  readonly metrics: DnsMetrics
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly writeLine: (line: string) => void
  /** Called when a question that was passed on comes back. */
  readonly onLoop: (text: string) => void
}

interface ServedName {
  readonly key: Buffer
  readonly labels: number
  readonly tally: ZoneTally
}

/** One server block at work: its directives in CoreDNS's order. */
export class ServerBlock implements Disposable {
  readonly config: BlockConfig
  readonly zones: readonly ServedName[]
  readonly queryLog: QueryLog | undefined
  /** The cluster's answers as bytes, where no other directive has a word before them. */
  readonly ready: ReadyAnswers | undefined
  readonly #options: BlockOptions
  readonly #forwards: readonly Forward[]
  readonly #errors: ErrorLog | undefined
  readonly #hosts: HostsTable | undefined
  readonly #resolve: Resolver
  readonly #stops: (() => void)[] = []
  #plugin = ''
  #loopName: string | undefined
  #loopSeen = 0

  constructor(options: BlockOptions) {
    const { config, metrics, log, writeLine } = options
    this.config = config
    this.#options = options
    const server = `dns://${config.bind[0] ?? ''}:${config.port}`
    this.zones = config.zones.map((zone) => ({
      key: encodeName(zone),
      labels: labelCount(zone),
      tally: metrics.zone(server, `${zone}.`),
    }))
    this.queryLog = config.log === undefined ? undefined : new QueryLog(config.log, writeLine)
    const { clock } = options
    this.#errors = config.errors === undefined ? undefined : new ErrorLog(config.errors, { write: writeLine, clock })
    this.#forwards = config.forwards.map((forward) => this.#forward(server, forward))
    this.#hosts = config.hosts === undefined ? undefined : new HostsTable(config.hosts, log)
    this.#resolve = this.#chain(server)
    const isFirst = [config.log, config.hosts, config.autopath, config.rewrites[0]].every((part) => part === undefined)
    this.ready = isFirst ? options.zone?.table.ready : undefined
    this.#reloadHosts()
  }

  /** Whether all names of the cluster are known. */
  get isSynced(): boolean {
    return this.#options.zone?.synced ?? true
  }

  /** Classes other than IN are for those alone who rewrite them. */
  takesClass(number: number): boolean {
    return number === CLASS_IN || this.config.rewrites.some(({ field }) => field === 'class')
  }

  resolve(question: Question, asker: Asker): Answer | Promise<Answer> {
    this.#plugin = ''
    return this.#resolve(question, asker)
  }

  /** Counts an answer from {@link ready}. */
  countReady(tally: ZoneTally, sample: Sample): void {
    if (this.config.prometheus !== undefined) this.#options.metrics.observe(tally, 'kubernetes', sample)
  }

  observe(tally: ZoneTally, exchange: Exchange): void {
    const plugin = exchange.seconds === undefined ? this.#plugin : 'forward'
    if (this.config.prometheus !== undefined) this.#options.metrics.observe(tally, plugin, exchange)
    this.queryLog?.add(exchange)
  }

  /** Asks the upstreams for a name that nobody else knows: if that comes back here, questions go round in a circle. */
  async findLoop(): Promise<void> {
    const [forward] = this.#forwards
    if (!this.config.loop || forward === undefined) return
    const zone = this.config.zones[0] ?? ''
    this.#loopName = [randomInt(2 ** 47), randomInt(2 ** 47), zone].filter((part) => part !== '').join('.')
    const question = questionOf(this.#loopName, TYPE.HINFO)
    await forward.forwarder.ask(question)
    this.#loopName = undefined
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop()
    this.#errors?.[Symbol.dispose]()
    for (const { forwarder } of this.#forwards) forwarder[Symbol.dispose]()
  }

  #chain(server: string): Resolver {
    const { config, zone, metrics } = this.#options
    let next: Resolver = (question, asker) => this.#passOn(question, asker)
    if (config.loop) next = this.#watchingForLoops(next)
    if (zone !== undefined) next = this.#cluster(zone, next)
    if (this.#hosts !== undefined) next = this.#fromHosts(this.#hosts, next)
    if (config.autopath !== undefined) {
      const succeeded = () => metrics.add('coredns_autopath_success_total', { server })
      const { zones } = config.autopath
      next = autopathing({ searchOf: this.#searchList(config.autopath.source), zones, succeeded }, next)
    }
    if (config.rewrites.length > 0) next = rewriting(config.rewrites, next)
    return next
  }

  #cluster(zone: KubernetesZone, next: Resolver): Resolver {
    return (question, asker) => {
      const answer = zone.answer(question)
      if (answer === undefined) return next(question, asker)
      this.#plugin = 'kubernetes'
      if (!('elsewhere' in answer)) return answer
      return this.#chase(question, { target: answer.elsewhere, records: answer.records, asker, next })
    }
  }

  /** An alias that leads out of the cluster, and what is there. */
  async #chase(asked: Question, { target, records, asker, next }: Chase): Promise<Answer> {
    const question = asked.copy()
    const name = Buffer.from(question.name.subarray(0, question.nameLength))
    const other = question.about(encodeName(target), question.type)
    const found = await next(other, asker)
    const message = messageOf(other, found)
    return makeAnswer(name, {
      // Who asked for the alias has it, whether or not anybody can be asked about its target.
      rcode: found.rcode,
      flags: FLAG.AA | (found.flags & FLAG.RA),
      answers: [...records, ...(message?.answers ?? [])],
      authorities: message?.authorities ?? [],
    })
  }

  #fromHosts(hosts: HostsTable, next: Resolver): Resolver {
    return (question, asker) => {
      const answer = hosts.answer(question)
      if (answer === undefined) return next(question, asker)
      this.#plugin = 'hosts'
      return answer
    }
  }

  /** To the first upstreams that take the name; nobody at all is a failure of the server (as in CoreDNS). */
  #passOn(question: Question, asker: Asker): Answer | Promise<Answer> {
    const name = question.text
    const [first, ...others] = this.#forwards.filter(({ forwarder }) => forwarder.covers(name))
    if (first === undefined) return emptyAnswer(RCODE.SERVFAIL)
    this.#plugin = 'forward'
    const answer = ask(first, question, asker)
    return others.length === 0 ? answer : this.#askOn(question.copy(), asker, { answer, forwards: [first, ...others] })
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

  #watchingForLoops(next: Resolver): Resolver {
    return (question, asker) => {
      if (question.type === TYPE.HINFO && this.#loopName !== undefined && question.text === this.#loopName) {
        if (++this.#loopSeen >= 2) {
          const zone = this.config.zones[0] ?? ''
          this.#options.onLoop(
            `Loop (${asker.address}:${asker.port} -> :${this.config.port}) detected for zone "${zone}.", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO ${this.#loopName}."`,
          )
        }
      }
      return next(question, asker)
    }
  }

  #searchList(source: string): (asker: Asker) => readonly string[] | undefined {
    if (source !== '@kubernetes') {
      const list = searchOf(source)
      return () => list
    }
    const { zone, namespaceOf } = this.#options
    const [domain = ''] = zone === undefined ? [] : forwardZones(zone.settings)
    return (asker) => {
      const namespace = namespaceOf(asker.address)
      return namespace === undefined ? undefined : [`${namespace}.svc.${domain}`, `svc.${domain}`, domain]
    }
  }

  #forward(server: string, config: BlockConfig['forwards'][number]) {
    const { metrics, clock, random } = this.#options
    const forwarder = new Forwarder(config, {
      clock,
      random,
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
        failed: (to) => metrics.add('coredns_proxy_healthcheck_failures_total', { proxy_name: 'forward', to }),
        refused: () => metrics.add('coredns_forward_max_concurrent_rejects_total', {}),
        gaveUp: (question, error) => {
          this.#errors?.add(failureText(RCODE.SERVFAIL, question.text, typeName(question.type), error))
        },
      },
    })
    const { cache } = this.#options.config
    return { forwarder, cache: cache === undefined ? undefined : this.#cache(server, cache) }
  }

  #cache(server: string, config: NonNullable<BlockConfig['cache']>): AnswerCache {
    const { metrics, clock } = this.#options
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
    metrics.gauge('coredns_cache_entries', () =>
      (['success', 'denial'] as const).map((type) => [{ ...labels, type }, cache.size(type)] as const),
    )
    return cache
  }

  #reloadHosts(): void {
    const { config, clock } = this.#options
    const hosts = this.#hosts
    const { file, reloadMs = 0 } = config.hosts ?? {}
    if (hosts === undefined || file === undefined || reloadMs === 0) return
    let cancel = () => {}
    const later = () => {
      cancel = clock.after(reloadMs, () => {
        hosts.load()
        later()
      })
    }
    later()
    this.#stops.push(() => cancel())
  }
}

interface Forward {
  readonly forwarder: Forwarder
  readonly cache: AnswerCache | undefined
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

interface Chase {
  readonly target: string
  readonly records: readonly DnsRecord[]
  readonly asker: Asker
  readonly next: Resolver
}

function questionOf(name: string, type: number): Question {
  return new Question().about(encodeName(name), type)
}

/** The search list of a file like resolv.conf, with the name as it is at its end. */
function searchOf(file: string): readonly string[] {
  const [, list = ''] = /^\s*search\s+(.*)$/m.exec(readFileSync(file, 'utf8')) ?? []
  return list.split(/\s+/).filter((text) => text !== '')
}
