import { celError } from './evaluation-error.ts'

const CLAUSE = /%(?:\.(\d+))?(.)|%$/g

/** `text.format(values)` of cel-go: %s, %d, %f, %e, %b, %x, %X, %o and %%. @throws FairleadError `INVALID_INPUT` */
export function formatText(text: string, values: readonly unknown[]): string {
  let next = 0
  return text.replace(CLAUSE, (_, precision: string | undefined, verb: string | undefined) => {
    if (verb === '%') return '%'
    if (verb === undefined) throw celError('unexpected end of string')
    if (next >= values.length) throw celError(`index ${next} out of range`)
    return formatValue(verb, values[next++], precision === undefined ? 6 : Number(precision))
  })
}

function formatValue(verb: string, value: unknown, precision: number): string {
  switch (verb) {
    case 's':
      return shown(value)
    case 'd':
      return whole(value, 10, 'd')
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : whole(value, 2, 'b')
    case 'o':
      return whole(value, 8, 'o')
    case 'x':
    case 'X': {
      const text = typeof value === 'string' ? Buffer.from(value).toString('hex') : hex(value)
      return verb === 'X' ? text.toUpperCase() : text
    }
    case 'f':
      return fraction(value).toFixed(precision)
    case 'e':
      return fraction(value)
        .toExponential(precision)
        .replace(/e([+-])(\d)$/, 'e$10$2')
    default:
      throw celError(`could not parse formatting clause: unrecognized formatting clause "${verb}"`)
  }
}

function hex(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : whole(value, 16, 'x')
}

function whole(value: unknown, base: number, verb: string): string {
  if (typeof value === 'bigint') return value.toString(base)
  throw celError(`error during formatting: ${verb === 'd' ? 'decimal' : verb} clause can only be used on integers`)
}

function fraction(value: unknown): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
  throw celError('error during formatting: fixed-point clause can only be used on doubles')
}

function shown(value: unknown): string {
  if (value instanceof Date) return value.toISOString().replace(/\.?0*Z$/, 'Z')
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`
  if (value instanceof Map) return `{${[...value].map(([key, each]) => `${shown(key)}: ${shown(each)}`).join(', ')}}`
  if (typeof value === 'object' && value?.constructor === Object) return shown(new Map(Object.entries(value)))
  return String(value)
}
