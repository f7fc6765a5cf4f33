import { duration, requireArguments, wholeNumber, zoneNames } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

export interface CachePart {
  /** Answers kept. */
  readonly capacity: number
  /** Seconds. */
  readonly maxTtl: number
  readonly minTtl: number
}

/** The directive `cache`. */
export interface CacheConfig {
  readonly zones: readonly string[]
  readonly success: CachePart
  readonly denial: CachePart
  readonly servfailMs: number
  /** Asked again before it expires, when it was asked for so often. 0: never. */
  readonly prefetch: { readonly amount: number; readonly withinMs: number; readonly percent: number }
  /** For how long an expired answer may be given; 0: never. */
  readonly staleMs: number
  readonly staleMode: 'immediate' | 'verify'
  readonly disabled: { readonly success: readonly string[]; readonly denial: readonly string[] }
  readonly keepTtl: boolean
}

const CAPACITY = 9_984
const MAX_CAPACITY = 10_000_000
const HOUR_MS = 3_600_000

export function cacheConfig(directive: Directive, blockZones: readonly string[]): CacheConfig {
  const [first, ...rest] = directive.args
  const ttl = first !== undefined && /^\d+$/.test(first) ? wholeNumber(directive, first, [1, 2 ** 31]) : undefined
  const names = ttl === undefined ? directive.args : rest
  const draft: { -readonly [K in keyof CacheConfig]: CacheConfig[K] } = {
    zones: names.length === 0 ? blockZones : zoneNames(directive, names),
    success: { capacity: CAPACITY, maxTtl: ttl ?? 3_600, minTtl: 5 },
    denial: { capacity: CAPACITY, maxTtl: ttl ?? 1_800, minTtl: 5 },
    servfailMs: 5_000,
    prefetch: { amount: 0, withinMs: 60_000, percent: 10 },
    staleMs: 0,
    staleMode: 'immediate',
    disabled: { success: [], denial: [] },
    keepTtl: false,
  }
  for (const line of directive.block) readLine(draft, line)
  return draft
}

function readLine(draft: { -readonly [K in keyof CacheConfig]: CacheConfig[K] }, line: Directive): void {
  switch (line.name) {
    case 'success':
    case 'denial': {
      const [capacity, maxTtl, minTtl] = requireArguments(line, 1, 3)
      const part = draft[line.name]
      draft[line.name] = {
        capacity: wholeNumber(line, capacity, [1, MAX_CAPACITY]),
        maxTtl: maxTtl === undefined ? part.maxTtl : wholeNumber(line, maxTtl, [0, 2 ** 31]),
        minTtl: minTtl === undefined ? part.minTtl : wholeNumber(line, minTtl, [0, 2 ** 31]),
      }
      break
    }
    case 'prefetch': {
      const [amount, within = '1m', percent = '10%'] = requireArguments(line, 1, 3)
      if (!percent.endsWith('%'))
        throw corefileError(line, `last character of percentage should be \`%\`, but is: "${percent.at(-1)}"`)
      draft.prefetch = {
        amount: wholeNumber(line, amount, [0, 1_000_000]),
        withinMs: duration(line, within),
        percent: wholeNumber(line, percent.slice(0, -1), [10, 90]),
      }
      break
    }
    case 'serve_stale': {
      const [time, mode = 'immediate'] = requireArguments(line, 0, 2)
      if (mode !== 'immediate' && mode !== 'verify')
        throw corefileError(line, `invalid value for serve_stale refresh mode: ${mode}`)
      draft.staleMs = time === undefined ? HOUR_MS : duration(line, time)
      draft.staleMode = mode
      break
    }
    case 'servfail':
      draft.servfailMs = Math.min(300_000, duration(line, requireArguments(line, 1)[0]))
      break
    case 'disable': {
      const [kind, ...zones] = requireArguments(line, 1, 100)
      if (kind !== 'success' && kind !== 'denial')
        throw corefileError(line, `cache type must be 'success' or 'denial': '${kind}'`)
      draft.disabled = { ...draft.disabled, [kind]: zones.length === 0 ? draft.zones : zoneNames(line, zones) }
      break
    }
    case 'keepttl':
      draft.keepTtl = true
      break
    default:
      throw corefileError(line, `unknown property '${line.name}'`)
  }
}
