import { readFileSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { BlockConfig } from '../corefile/server-config.ts'
import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { CLASS_IN, FLAG, RCODE, typeName } from '../wire/codes.ts'
import { encodeName, labelCount } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import type { DnsRecord } from '../wire/record.ts'
import type { KubernetesZone } from '../zone/kubernetes-zone.ts'
import type { ReadyAnswers } from '../zone/ready-answers.ts'
import { forwardZones } from '../zone/service-records.ts'
import { messageOf } from './answer-message.ts'
import type { Asker } from './asker.ts'
import { autopathing } from './autopath.ts'
import { balancing } from './balancing.ts'
import { ErrorLog } from './error-log.ts'
import { HostsTable } from './hosts-table.ts'
import { type Probe, watchingFor } from './loop-probe.ts'
import type { DnsMetrics } from './metrics.ts'
import { PassOn } from './pass-on.ts'
import type { QueryLog } from './query-log.ts'
import { type Exchange, failureText, type Resolver } from './responder.ts'
import { rewriting } from './rewriting.ts'
import type { Sample, ZoneTally } from './tally.ts'
import { Weights } from './weights.ts'

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
  readonly queryLog: Pick<QueryLog, 'add'> | undefined
  /** By which a circle of forwarding is found. */
  readonly probe: Probe | undefined
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
  /** The cluster's answers as bytes, where no other directive has a word before them. */
  readonly ready: ReadyAnswers | undefined
  readonly passOn: PassOn
  readonly #options: BlockOptions
  readonly #errors: ErrorLog | undefined
  readonly #hosts: HostsTable | undefined
  readonly #weights: Weights | undefined
  readonly #resolve: Resolver
  readonly #stops: (() => void)[] = []
  #plugin = ''

  /** @throws FairleadError `NOT_FOUND`, `INVALID_INPUT` for files that directives name. */
  constructor(options: BlockOptions) {
    const { config, metrics, log, writeLine, clock, random } = options
    const { loadbalance } = config
    this.config = config
    this.#options = options
    const server = serverLabel(config)
    this.zones = config.zones.map((zone) => ({
      key: encodeName(zone),
      labels: labelCount(zone),
      tally: metrics.zone(server, `${zone}.`),
    }))
    this.#errors = config.errors === undefined ? undefined : new ErrorLog(config.errors, { write: writeLine, clock })
    this.passOn = new PassOn({
      forwards: config.forwards,
      cache: config.cache,
      turning: takesTurns(config),
      ...{ server, metrics, clock, random },
      gaveUp: (question, error) =>
        this.#errors?.add(failureText(RCODE.SERVFAIL, question.text, typeName(question.type), error)),
    })
    this.#hosts = config.hosts === undefined ? undefined : new HostsTable(config.hosts, log)
    this.#weights = loadbalance?.weights === undefined ? undefined : new Weights(loadbalance.weights, { log, clock })
    this.#resolve = this.#chain(server)
    this.ready = hasFirstWord(config) ? options.zone?.table.ready : undefined
    if (this.#hosts !== undefined) this.#follow(this.#hosts)
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
    if (this.config.prometheus !== undefined) tally.observe('kubernetes', sample)
  }

  observe(tally: ZoneTally, exchange: Exchange): void {
    const plugin = exchange.seconds === undefined ? this.#plugin : 'forward'
    if (this.config.prometheus !== undefined) tally.observe(plugin, exchange)
    this.#options.queryLog?.add(exchange)
  }

  [Symbol.dispose](): void {
    for (const stop of this.#stops) stop()
    this.#weights?.[Symbol.dispose]()
    this.#errors?.[Symbol.dispose]()
    this.passOn[Symbol.dispose]()
  }

  #chain(server: string): Resolver {
    const { config, zone, metrics, probe, random } = this.#options
    const { loadbalance, bind, port } = config
    let next: Resolver = (question, asker) => this.#askElsewhere(question, asker)
    if (probe !== undefined) next = watchingFor(probe, next)
    if (zone !== undefined) next = this.#cluster(zone, next)
    if (this.#hosts !== undefined) next = this.#fromHosts(this.#hosts, next)
    if (config.autopath !== undefined) {
      const succeeded = () => metrics.add('coredns_autopath_success_total', { server })
      const { zones } = config.autopath
      next = autopathing({ searchOf: this.#searchList(config.autopath.source), zones, succeeded }, next)
    }
    if (config.rewrites.length > 0) {
      const address = bind.length === 1 ? bind[0] : undefined
      next = rewriting(config.rewrites, next, { address, port })
    }
    if (loadbalance === undefined) return next
    const weights = this.#weights === undefined ? {} : { weights: this.#weights }
    return balancing({ prefer: loadbalance.prefer, random, ...weights }, next)
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

  /** Nobody at all to ask is a failure of the server (as in CoreDNS). */
  #askElsewhere(question: Question, asker: Asker): Answer | Promise<Answer> {
    const answer = this.passOn.resolve(question, asker)
    if (answer === undefined) return emptyAnswer(RCODE.SERVFAIL)
    this.#plugin = 'forward'
    return answer
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

  /** Says what the hosts file has, and reads it again from time to time. */
  #follow(hosts: HostsTable): void {
    const { config, clock, metrics } = this.#options
    const { file, reloadMs = 0 } = config.hosts ?? {}
    this.#stops.push(
      metrics.gauge('coredns_hosts_entries', () => [[{ hostsfile: file ?? '' }, hosts.entries]]),
      metrics.gauge('coredns_hosts_reload_timestamp_seconds', () => [[{}, hosts.writtenAt]]),
    )
    if (file === undefined || reloadMs === 0) return
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

interface Chase {
  readonly target: string
  readonly records: readonly DnsRecord[]
  readonly asker: Asker
  readonly next: Resolver
}

/** A block's server in metrics: `dns://:53`. */
export function serverLabel({ bind, port }: BlockConfig): string {
  return `dns://${bind[0] ?? ''}:${port}`
}

/** Whether addresses take turns in being first, which costs nothing. */
export function takesTurns({ loadbalance }: BlockConfig): boolean {
  return loadbalance !== undefined && loadbalance.prefer.length === 0 && loadbalance.weights === undefined
}

/** Whether the cluster's answers are given before any other directive has a say. */
function hasFirstWord(config: BlockConfig): boolean {
  const { loadbalance } = config
  const isOrdered = loadbalance !== undefined && !takesTurns(config)
  return (
    !isOrdered && [config.log, config.hosts, config.autopath, config.rewrites[0]].every((part) => part === undefined)
  )
}

/** The search list of a file like resolv.conf, with the name as it is at its end. */
function searchOf(file: string): readonly string[] {
  const [, list = ''] = /^\s*search\s+(.*)$/m.exec(readFileSync(file, 'utf8')) ?? []
  return list.split(/\s+/).filter((text) => text !== '')
}
