import { parseGoDuration } from '../../base/go-duration.ts'
import { canonicalAddress } from '../../base/ip.ts'

/** What belongs to the reading of one document, whatever the depth. */
interface Findings {
  readonly errors: string[]
  readonly warnings: string[]
  readonly children: FieldReader[]
}

/** Fields of kube-proxy that are read and have no meaning here: they say nothing about packets. */
const MEANINGLESS: readonly RegExp[] = [
  /^(apiVersion|kind|winkernel|windowsRunAsService|portRange|udpIdleTimeout|configSyncPeriod|logging|featureGates)(\.|$)/,
  /^(iptables|ipvs|nftables)\./,
  /^clientConnection\.(acceptContentTypes|burst|qps)$/,
  /^detectLocal(\.|$)/,
]

/**
 * Reads a document field by field, gathers what is wrong with it, and knows which fields nobody asked for. Missing, null
 * and empty values are alike, as in the configurations that kubeadm writes.
 */
export class FieldReader {
  readonly #fields: Readonly<Record<string, unknown>>
  readonly #path: string
  readonly #findings: Findings
  readonly #read = new Set<string>()
  readonly #children = new Map<string, FieldReader>()

  constructor(raw: unknown, path = '', findings: Findings = { errors: [], warnings: [], children: [] }) {
    this.#path = path
    this.#findings = findings
    findings.children.push(this)
    this.#fields = isMapping(raw) ? raw : {}
    if (raw !== undefined && raw !== null && !isMapping(raw)) this.#wrong('', raw, 'must be a mapping')
  }

  get errors(): readonly string[] {
    return this.#findings.errors
  }

  get warnings(): readonly string[] {
    return this.#findings.warnings
  }

  child(name: string): FieldReader {
    const known = this.#children.get(name)
    if (known !== undefined) return known
    this.#read.add(name)
    const child = new FieldReader(this.#fields[name], this.#at(name), this.#findings)
    this.#children.set(name, child)
    return child
  }

  keys(name: string): readonly string[] {
    const value = this.#take(name)
    return isMapping(value) ? Object.keys(value) : []
  }

  text(name: string): string | undefined {
    const value = this.#take(name)
    if (value === undefined) return undefined
    if (typeof value === 'string') return value
    this.#wrong(name, value, 'must be a string')
    return undefined
  }

  flag(name: string): boolean {
    const value = this.#take(name)
    if (value === undefined) return false
    if (typeof value !== 'boolean') this.#wrong(name, value, 'must be true or false')
    return value === true
  }

  number(name: string): number | undefined {
    const value = this.#take(name)
    if (value === undefined) return undefined
    if (typeof value === 'number' && Number.isInteger(value)) return value
    this.#wrong(name, value, 'must be a whole number')
    return undefined
  }

  /** Milliseconds of `1m30s`; 0 when it is missing. */
  duration(name: string): number {
    const value = this.#take(name)
    if (value === undefined || value === 0) return 0
    const milliseconds = typeof value === 'string' ? parseGoDuration(value) : undefined
    if (milliseconds === undefined) this.#wrong(name, value, "must be a duration such as '5s' or '1m30s'")
    else if (milliseconds < 0) this.#wrong(name, value, 'must be greater than or equal to 0')
    return milliseconds ?? 0
  }

  address(name: string): string | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const address = canonicalAddress(text)
    if (address === undefined) this.#wrong(name, text, 'not a valid textual representation of an IP address')
    return address
  }

  texts(name: string): readonly string[] {
    const value = this.#take(name)
    if (value === undefined) return []
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
    this.#wrong(name, value, 'must be a list of strings')
    return []
  }

  error(name: string, value: unknown, wanted: string): void {
    this.#wrong(name, value, wanted)
  }

  warn(sentence: string): void {
    this.#findings.warnings.push(sentence)
  }

  /** Warns of fields that nobody read, as upstream's lenient decoding does. */
  noteUnread(): void {
    for (const reader of this.#findings.children) {
      for (const [name, value] of Object.entries(reader.#fields)) {
        const path = reader.#at(name)
        if (reader.#read.has(name) || isEmpty(value) || MEANINGLESS.some((pattern) => pattern.test(path))) continue
        this.warn(`Unknown field ${path} is ignored`)
      }
    }
  }

  /** Undefined for what says nothing. */
  #take(name: string): unknown {
    this.#read.add(name)
    const value = this.#fields[name]
    return isEmpty(value) ? undefined : value
  }

  #wrong(name: string, value: unknown, wanted: string): void {
    const message = `${this.#at(name)}: invalid value ${JSON.stringify(value)}: ${wanted}`
    if (!this.#findings.errors.includes(message)) this.#findings.errors.push(message)
  }

  #at(name: string): string {
    return [this.#path, name].filter((part) => part !== '').join('.')
  }
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}
