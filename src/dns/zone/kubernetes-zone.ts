import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { FLAG, RCODE, TYPE } from '../wire/codes.ts'
import { encodeName, isWithin, labelCount } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import type { DnsRecord, RecordData } from '../wire/record.ts'
import { recordsOfType, targetAddresses, toRecords } from './name-answer.ts'
import { isReverseZone, type NameRecord, type ZoneOptions } from './name-record.ts'
import { type NameEntry, NameTable } from './name-table.ts'
import { addressData, forwardZones, zoneRecords } from './service-records.ts'

/** What the zones say to a question. */
export type ZoneAnswer =
  | Answer
  /** Not in these zones, or to be asked elsewhere. */
  | undefined
  /** A name elsewhere, whose records the asker wants to see too: `records` lead there. */
  | { readonly elsewhere: string; readonly records: readonly DnsRecord[] }

export interface ZoneSettings extends ZoneOptions {
  /** Zones in which a name that is not there is looked for further on. */
  readonly fallthrough: readonly string[]
  /** Whether addresses take turns in being first (`loadbalance`). @default true */
  readonly turning?: boolean
  /** Our own addresses, by which the server's Service is found for NS records. */
  readonly localAddresses: readonly string[]
}

const MAX_CHAIN = 10
/** Of a record that says nothing lasting; the number is the memo's. */
const ANY_TTL = 8482
const APEX = 'zone'

/** The zones of the directive `kubernetes`: names made from objects, answers made once and kept as bytes. */
export class KubernetesZone {
  readonly settings: ZoneSettings
  readonly table: NameTable
  readonly #zones: readonly ServedZone[]
  /** Whether all objects have been seen: before that nobody is told that a name is not there. */
  synced = false
  #serial = 1
  #serverServices: readonly string[] = []

  constructor(settings: ZoneSettings) {
    this.settings = settings
    this.table = new NameTable(settings.zones)
    this.#zones = [...settings.zones]
      .sort((a, b) => labelCount(b) - labelCount(a))
      .map((name) => new ServedZone(name, settings))
    this.table.set(APEX, zoneRecords(settings))
    for (const zone of forwardZones(settings)) {
      const said = settings.localAddresses.map((address) => ({ name: `ns.dns.${zone}`, data: addressData(address) }))
      this.table.set(`server/${zone}`, said)
    }
  }

  /** Replaces what an object says; `serial` is the zone's new serial number (seconds since the epoch). */
  set(owner: string, records: readonly NameRecord[], serial: number): boolean {
    if (!this.table.set(owner, records)) return false
    if (serial !== this.#serial) {
      this.#serial = serial
      for (const zone of this.#zones) zone.forget()
    }
    return true
  }

  /** Services (`name.namespace`) that lead to this server: the zones' NS records. */
  setServers(services: readonly string[]): void {
    this.#serverServices = services
  }

  answer(question: Question): ZoneAnswer {
    const { ready } = this.table
    const at = ready.find(question)
    if (at >= 0) return ready.answerAt(at)
    const entry = this.table.find(question)
    const long = entry?.answers?.get(question.type)
    if (long !== undefined) return long
    const zone = this.zoneOf(question)
    if (zone === undefined) return undefined
    if (question.type === TYPE.AXFR || question.type === TYPE.IXFR) return emptyAnswer(RCODE.REFUSED)
    if (entry === undefined) return this.#unknown(question, zone)
    // A part of the way to an address may be delegated elsewhere.
    if (zone.fallsThrough && zone.isReverse && entry.records.size === 0) return undefined
    if (!this.synced && !hasRecords(entry)) return emptyAnswer(RCODE.SERVFAIL)
    return this.#known(question, entry, zone)
  }

  /** The zone that the question is about. */
  zoneOf(question: Question): ServedZone | undefined {
    for (const zone of this.#zones) if (question.isWithin(zone.key, zone.labels)) return zone
    return undefined
  }

  #unknown(question: Question, zone: ServedZone): ZoneAnswer {
    const pod = this.settings.pods === 'insecure' ? this.#insecurePod(question, zone) : undefined
    if (pod !== undefined) return pod
    if (zone.fallsThrough) return undefined
    if (!this.synced) return emptyAnswer(RCODE.SERVFAIL)
    return zone.negative(question.nameLength, RCODE.NXDOMAIN, this.#serial)
  }

  /** `pods insecure`: every address has a name in every namespace that is there. */
  #insecurePod(question: Question, zone: ServedZone): Answer | undefined {
    const [label = '', ...rest] = question.text.split('.')
    const parent = rest.join('.')
    if (rest.slice(1).join('.') !== `pod.${zone.name}` || this.table.get(parent) === undefined) return undefined
    const data = addressData(/^\d+-\d+-\d+-\d+$/.test(label) ? label.replaceAll('-', '.') : label.replaceAll('-', ':'))
    if (data === undefined) return undefined
    if (TYPE[data.kind as 'A' | 'AAAA'] !== question.type) {
      return zone.negative(question.nameLength, RCODE.NOERROR, this.#serial)
    }
    const answers = toRecords(question.text, [data], this.settings.ttl)
    return makeAnswer(question.name.subarray(0, question.nameLength), { flags: FLAG.AA, answers })
  }

  #known(question: Question, entry: NameEntry, zone: ServedZone): ZoneAnswer {
    const name = question.text
    const [alias] = recordsOfType(entry.records.values(), TYPE.CNAME)
    if (alias !== undefined && question.type !== TYPE.CNAME && question.type !== TYPE.ANY) {
      return this.#follow(question, name, alias)
    }
    const special = this.#special(name, question, zone)
    if (special !== undefined) return special
    const data = recordsOfType(entry.records.values(), question.type)
    if (data.length === 0) return zone.negative(question.nameLength, RCODE.NOERROR, this.#serial)
    const { ttl } = this.settings
    const answers = toRecords(name, data, ttl)
    const additionals = targetAddresses(data, (target) => this.#addressesOf(target), ttl)
    const { turning: mayTurn = true } = this.settings
    const turning = mayTurn && (question.type === TYPE.A || question.type === TYPE.AAAA)
    const answer = makeAnswer(entry.key, { flags: FLAG.AA, answers, additionals, turning })
    // Addresses of targets stand under this name too, so that it is touched whenever they change.
    this.table.keep(entry, question, answer)
    return answer
  }

  /** What no object says: SOA and NS of a zone, the server's own name; for ANY the least there is (RFC 8482). */
  #special(name: string, { type }: Question, zone: ServedZone): Answer | undefined {
    const { ttl } = this.settings
    const say = (answers: readonly DnsRecord[], additionals: readonly DnsRecord[] = []) =>
      makeAnswer(encodeName(name), { flags: FLAG.AA, answers, additionals })
    if (type === TYPE.ANY) return say([{ name, ttl: ANY_TTL, data: { kind: 'HINFO', cpu: 'RFC8482', os: '' } }])
    if (name === zone.name && type === TYPE.SOA) return say([zone.soa(this.#serial)])
    if (name === zone.name && type === TYPE.NS) {
      const targets = this.#servers(zone)
      const addresses = targets.flatMap((target) => toRecords(target, this.#addressesOf(target), ttl))
      return say(
        targets.map((target) => ({ name, ttl, data: { kind: 'NS', target } })),
        addresses,
      )
    }
    if (name === `ns.dns.${zone.name}` && (type === TYPE.A || type === TYPE.AAAA)) {
      const data = this.#servers(zone).flatMap((target) => this.#addressesOf(target))
      const fitting = data.filter(({ kind }) => TYPE[kind as 'A'] === type)
      return fitting.length > 0 ? say(toRecords(name, fitting, ttl)) : undefined
    }
    return undefined
  }

  /** Names of the Services that lead to this server; without one, the name that stands for it. */
  #servers({ name }: ServedZone): readonly string[] {
    const known = this.#serverServices.map((service) => `${service}.svc.${name}`)
    const found = known.filter((service) => this.table.get(service) !== undefined)
    return found.length > 0
      ? found
      : [`ns.dns.${isReverseZone(name) ? (forwardZones(this.settings)[0] ?? name) : name}`]
  }

  /** An alias, and as much of what it leads to as is here. */
  #follow(question: Question, name: string, alias: RecordData): ZoneAnswer {
    const records: DnsRecord[] = []
    const seen = new Set<string>()
    let at = name
    for (let data: RecordData | undefined = alias; data !== undefined && 'target' in data; ) {
      records.push({ name: at, ttl: this.settings.ttl, data })
      seen.add(at)
      at = data.target
      if (seen.has(at) || records.length > MAX_CHAIN) return emptyAnswer(RCODE.SERVFAIL)
      if (!this.settings.zones.some((zone) => isWithin(at, zone))) return { elsewhere: at, records }
      data = recordsOfType(this.table.get(at)?.records.values() ?? [], TYPE.CNAME)[0]
    }
    return this.#endOfChain(question, at, records)
  }

  /** RFC 6604: the code is that of the last name of the chain. */
  #endOfChain(question: Question, target: string, records: readonly DnsRecord[]): ZoneAnswer {
    const last = this.answer(question.about(encodeName(target), question.type))
    if (last === undefined || 'elsewhere' in last) return { elsewhere: target, records }
    const key = question.name.subarray(0, question.nameLength)
    const data = recordsOfType(this.table.get(target)?.records.values() ?? [], question.type)
    if (data.length > 0) {
      return makeAnswer(key, { flags: FLAG.AA, answers: [...records, ...toRecords(target, data, this.settings.ttl)] })
    }
    const zone = this.#zones.find((served) => isWithin(target, served.name))
    const authorities = zone === undefined ? [] : [zone.soa(this.#serial)]
    return makeAnswer(key, { rcode: last.rcode, flags: FLAG.AA, answers: records, authorities })
  }

  #addressesOf(name: string): readonly RecordData[] {
    const said = this.table.get(name)?.records
    if (said === undefined) return []
    return [TYPE.A, TYPE.AAAA].flatMap((type) => recordsOfType(said.values(), type))
  }
}

/** One of the zones: its start of authority, and the answers for names that are not there. */
export class ServedZone {
  readonly name: string
  /** Wire form, lower case. */
  readonly key: Buffer
  readonly labels: number
  readonly isReverse: boolean
  readonly fallsThrough: boolean
  readonly #ttl: number
  /** By length of the question's name, since the zone's name in it is pointed to; two codes for each. */
  readonly #negatives: (Answer | undefined)[] = []

  constructor(name: string, { fallthrough, ttl }: ZoneSettings) {
    this.name = name
    this.key = encodeName(name)
    this.labels = labelCount(name)
    this.isReverse = isReverseZone(name)
    this.fallsThrough = fallthrough.some((zone) => isWithin(name, zone))
    this.#ttl = ttl
  }

  /** Says that there is nothing (RFC 2308): the zone's SOA, whose minimum says for how long that holds. */
  negative(nameLength: number, rcode: number, serial: number): Answer {
    const index = nameLength * 2 + (rcode === RCODE.NXDOMAIN ? 1 : 0)
    const ready = this.#negatives[index]
    if (ready !== undefined) return ready
    const name = Buffer.concat([fillerLabels(nameLength - this.key.length), this.key])
    const answer = makeAnswer(name, { rcode, flags: FLAG.AA, authorities: [this.soa(serial)] })
    this.#negatives[index] = answer
    return answer
  }

  /** After the serial number has changed. */
  forget(): void {
    this.#negatives.length = 0
  }

  soa(serial: number): DnsRecord {
    const { name } = this
    const [primary, mailbox] = [`ns.dns.${name}`, `hostmaster.${name}`]
    const times = { serial, refresh: 7200, retry: 1800, expire: 86_400, minimum: this.#ttl }
    return { name, ttl: Math.min(this.#ttl, 300), data: { kind: 'SOA', primary, mailbox, ...times } }
  }
}

/** Labels of `length` bytes in all that are part of no name of ours. */
function fillerLabels(length: number): Buffer {
  const out = Buffer.alloc(length)
  for (let at = 0; at < length; ) {
    const left = length - at
    // No single byte may be left for the last label, which needs two.
    const size = left === 65 ? 62 : Math.min(63, left - 1)
    out[at] = size
    at += size + 1
  }
  return out
}

function hasRecords(entry: NameEntry): boolean {
  for (const records of entry.records.values()) if (records.some(({ data }) => data !== undefined)) return true
  return false
}
