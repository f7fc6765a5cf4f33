import { Refusal } from './refusal.ts'

export interface StringRule {
  /** What is said when it does not hold. */
  readonly code?: string
  readonly pattern?: RegExp
  /** In words, for the message: `1 to 80 characters`. */
  readonly wanted?: string
}

export interface IntegerRule {
  readonly min: number
  readonly max: number
  readonly code?: string
}

/**
 * The parameters of a call. Names are matched without regard to case, since the API's own description writes some in
 * two ways (`healthCheckInterval`, `HealthCheckInterval`). An empty value counts as not given.
 */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>
  readonly #present: ReadonlySet<string>

  constructor(parameters: Iterable<readonly [string, string]>) {
    const all = [...parameters].map(([name, value]) => [name.toLowerCase(), value] as const)
    this.#present = new Set(all.map(([name]) => name))
    this.#values = new Map(all.filter(([, value]) => value !== ''))
  }

  /** Whether it was sent at all, be it empty. */
  has(name: string): boolean {
    return this.#present.has(name.toLowerCase())
  }

  /** @throws Refusal when the rule does not hold */
  string(name: string, rule: StringRule = {}): string | undefined {
    const value = this.#values.get(name.toLowerCase())
    if (value === undefined || rule.pattern === undefined || rule.pattern.test(value)) return value
    throw invalid(name, value, { wanted: rule.wanted ?? `a match of ${rule.pattern.source}`, code: rule.code })
  }

  /** @throws Refusal `Missing<Name>` */
  required(name: string, rule: StringRule = {}): string {
    return this.string(name, rule) ?? missing(name)
  }

  /** A whole number in decimal. @throws Refusal when it is none or out of range */
  integer(name: string, rule: IntegerRule): number | undefined {
    const value = this.string(name)
    if (value === undefined) return undefined
    const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    if (number >= rule.min && number <= rule.max) return number
    throw invalid(name, value, { wanted: `a whole number from ${rule.min} to ${rule.max}`, code: rule.code })
  }

  /** @throws Refusal `Missing<Name>`, or when it is no number in range */
  requiredInteger(name: string, rule: IntegerRule): number {
    return this.integer(name, rule) ?? missing(name)
  }

  /** One of some words, written exactly so. @throws Refusal when it is another */
  oneOf<const W extends string>(name: string, words: readonly W[], code?: string): W | undefined {
    const value = this.string(name)
    if (value === undefined) return undefined
    const word = words.find((candidate) => candidate === value)
    if (word !== undefined) return word
    throw invalid(name, value, { wanted: `one of ${words.join(', ')}`, code })
  }

  /** `on` is true, `off` is false. */
  onOff(name: string): boolean | undefined {
    const word = this.oneOf(name, ['on', 'off'])
    return word === undefined ? undefined : word === 'on'
  }

  /** `true` or `false`, in any case. */
  boolean(name: string): boolean | undefined {
    const value = this.string(name)
    if (value === undefined) return undefined
    if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
    throw invalid(name, value, { wanted: 'true or false' })
  }

  /** `Name.1`, `Name.2`, … up to the first gap. */
  list(name: string): string[] {
    const values: string[] = []
    for (let n = 1; ; n++) {
      const value = this.string(`${name}.${n}`)
      if (value === undefined) return values
      values.push(value)
    }
  }

  /** Objects `Name.1.Key`, `Name.1.Value`, …, each as parameters of its own. */
  objects(name: string): Parameters[] {
    const objects: Parameters[] = []
    for (let n = 1; ; n++) {
      const members = this.#under(`${name}.${n}.`)
      if (members.length === 0) return objects
      objects.push(new Parameters(members))
    }
  }

  /** Text that is JSON. @throws Refusal when it is not */
  json(name: string): unknown {
    const value = this.string(name)
    if (value === undefined) return undefined
    try {
      return JSON.parse(value)
    } catch {
      throw invalid(name, value, { wanted: 'JSON' })
    }
  }

  /** Names, in lower case, and values: what makes two calls the same. */
  entries(): IterableIterator<[string, string]> {
    return this.#values.entries()
  }

  #under(prefix: string): [string, string][] {
    const start = prefix.toLowerCase()
    return [...this.#values].flatMap(([name, value]) =>
      name.startsWith(start) ? [[name.slice(start.length), value]] : [],
    )
  }
}

/** The refusal of a parameter that must be there. */
export function missing(name: string): never {
  throw new Refusal(`Missing${name}`, `${name} is mandatory for this action.`)
}

const SHOWN = 80

function invalid(
  name: string,
  value: string,
  { wanted, code }: { wanted: string; code?: string | undefined },
): Refusal {
  const shown = value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value
  return new Refusal(code ?? `InvalidParameter.${name}`, `The ${name} '${shown}' is not valid: give ${wanted}.`)
}
