import type { LogConfig } from '../corefile/log-config.ts'
import { FLAG, RCODE, rcodeName, typeName } from '../wire/codes.ts'
import { isWithin } from '../wire/name.ts'
import type { Exchange } from './responder.ts'

/** One question and what became of it, for people and for those who explain paths. */
export interface QueryRecord {
  readonly address: string
  readonly port: number
  readonly protocol: 'udp' | 'tcp'
  /** Canonical. */
  readonly name: string
  readonly type: string
  readonly rcode: string
  /** An answer, a denial (NXDOMAIN, or no data of the type), or a refusal. */
  readonly verdict: 'success' | 'denial' | 'error'
  readonly answers: number
  readonly bytes: number
  readonly seconds: number
}

const KEPT = 1_000

/** The last thousand questions. */
export class RecentQueries {
  readonly #records: QueryRecord[] = []
  #next = 0

  add(record: QueryRecord): void {
    this.#records[this.#next] = record
    this.#next = (this.#next + 1) % KEPT
  }

  /** The newest last. */
  records(): readonly QueryRecord[] {
    return [...this.#records.slice(this.#next), ...this.#records.slice(0, this.#next)]
  }
}

/** The directive `log`: a line for each question, and what it says as data. */
export class QueryLog {
  readonly #config: LogConfig
  readonly #tell: (record: QueryRecord, line: string) => void

  constructor(config: LogConfig, tell: (record: QueryRecord, line: string) => void) {
    this.#config = config
    this.#tell = tell
  }

  add(exchange: Exchange): void {
    const record = queryRecord(exchange)
    const { names, classes, format } = this.#config
    if (!names.some((zone) => isWithin(record.name, zone))) return
    if (!classes.includes('all') && !classes.includes(record.verdict)) return
    this.#tell(record, `[INFO] ${queryLine(format, exchange, record)}`)
  }
}

export function queryRecord({ question, asker, rcode, answers, size, seconds = 0 }: Exchange): QueryRecord {
  const nothing = rcode === RCODE.NXDOMAIN || (rcode === RCODE.NOERROR && answers === 0)
  return {
    address: asker.address,
    port: asker.port,
    protocol: asker.protocol,
    name: question.hasQuestion ? question.text : '',
    type: typeName(question.type),
    rcode: rcodeName(rcode),
    verdict: nothing ? 'denial' : rcode === RCODE.NOERROR ? 'success' : 'error',
    answers,
    bytes: size,
    seconds,
  }
}

/** A line in the format of the directive `log`. */
function queryLine(format: string, { question, flags, asker }: Exchange, record: QueryRecord): string {
  const values: Readonly<Record<string, string | number | boolean>> = {
    remote: asker.family === 6 ? `[${record.address}]` : record.address,
    port: record.port,
    proto: record.protocol,
    type: record.type,
    class: question.class === 1 ? 'IN' : `CLASS${question.class}`,
    name: `${record.name}.`,
    size: question.size,
    rcode: record.rcode,
    rsize: record.bytes,
    duration: `${record.seconds.toFixed(9)}s`,
    '>id': question.id,
    '>opcode': (question.flags >> 11) & 15,
    '>do': question.dnssecOk,
    '>bufsize': question.udpSize,
    '>rflags': flagNames(FLAG.QR | flags | (question.flags & (FLAG.RD | FLAG.CD))),
  }
  return format.replace(/\{([^}]+)\}/g, (_, key: string) => String(values[key] ?? '-'))
}

function flagNames(flags: number): string {
  return Object.entries(FLAG)
    .flatMap(([name, bit]) => ((flags & bit) === 0 ? [] : [name.toLowerCase()]))
    .join(',')
}

/** One name of the way that a resolver goes for a name. */
export interface ExpansionStep {
  readonly name: string
  /** Why it is asked for: as it was given, or with an element of the search list. */
  readonly because: 'as given' | 'search list'
}

/**
 * The names that a pod's resolver (glibc) asks for in turn, until one is there: with fewer dots than `ndots` the search
 * list first, else the name first; a name with a last dot alone.
 */
export function expansionOf(name: string, search: readonly string[], ndots = 5): readonly ExpansionStep[] {
  if (name.endsWith('.')) return [{ name: name.slice(0, -1), because: 'as given' }]
  const given: ExpansionStep = { name, because: 'as given' }
  const expanded = search.map((suffix): ExpansionStep => ({ name: `${name}.${suffix}`, because: 'search list' }))
  const dots = name.split('.').length - 1
  return dots >= ndots ? [given, ...expanded] : [...expanded, given]
}
