import { readFileSync, statSync } from 'node:fs'
import type { Log } from '../../base/log.ts'
import { type HostsConfig, type HostsEntry, hostsEntries } from '../corefile/hosts-config.ts'
import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { FLAG, RCODE, TYPE } from '../wire/codes.ts'
import { isWithin } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import type { RecordData } from '../wire/record.ts'
import { addressData, reverseName } from '../zone/service-records.ts'

/** The directive `hosts`: names and addresses from a file and from the Corefile. */
export class HostsTable {
  readonly #config: HostsConfig
  readonly #log: Log
  #names: ReadonlyMap<string, readonly RecordData[]> = new Map()
  /** How many names the file and the Corefile give to addresses. */
  entries = 0
  /** When the file was last written, in seconds since the epoch; 0 without a file. */
  writtenAt = 0

  constructor(config: HostsConfig, log: Log) {
    this.#config = config
    this.#log = log
    this.load()
  }

  /** Reads the file (again). */
  load(): void {
    const { file, inline } = this.#config
    const read = file === undefined ? [] : this.#read(file)
    const all = [...inline, ...read]
    this.#names = table(all, this.#config)
    this.entries = all.reduce((sum, { names }) => sum + names.length, 0)
  }

  /** Undefined: somebody else is to answer. */
  answer(question: Question): Answer | undefined {
    const { zones, ttl, fallthrough, passesUnsupported } = this.#config
    const name = question.text
    const known = this.#names.get(name)
    if (question.type === TYPE.PTR) return known === undefined ? undefined : this.#say(question, known)
    if (!zones.some((zone) => isWithin(name, zone))) return undefined
    const fallsThrough = fallthrough.some((zone) => isWithin(name, zone))
    if (fallsThrough && passesUnsupported && question.type !== TYPE.A && question.type !== TYPE.AAAA) return undefined
    if (known !== undefined && ttl > 0) return this.#say(question, known)
    // As upstream: there is no SOA to say that the name is not there.
    return fallsThrough ? undefined : emptyAnswer(RCODE.SERVFAIL)
  }

  #say(question: Question, known: readonly RecordData[]): Answer {
    const name = question.text
    const data = known.filter(({ kind }) => kind !== 'raw' && TYPE[kind] === question.type)
    const answers = data.map((one) => ({ name, ttl: this.#config.ttl, data: one }))
    const turning = question.type !== TYPE.PTR
    return makeAnswer(question.name.subarray(0, question.nameLength), { flags: FLAG.AA, answers, turning })
  }

  #read(file: string): readonly HostsEntry[] {
    try {
      this.writtenAt = statSync(file).mtimeMs / 1000
      return hostsEntries(readFileSync(file, 'utf8'))
    } catch (error) {
      this.#log.warn({ err: error, file }, 'Cannot read the hosts file')
      return []
    }
  }
}

function table(entries: readonly HostsEntry[], { reverse }: HostsConfig): ReadonlyMap<string, readonly RecordData[]> {
  const names = new Map<string, RecordData[]>()
  const add = (name: string, data: RecordData) => {
    const known = names.get(name)
    if (known === undefined) names.set(name, [data])
    else known.push(data)
  }
  for (const { address, names: hosts } of entries) {
    const data = addressData(address)
    if (data === undefined) continue
    for (const host of hosts) {
      add(host, data)
      if (reverse) add(reverseName(address), { kind: 'PTR', target: host })
    }
  }
  return names
}
