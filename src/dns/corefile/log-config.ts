/** The directives `log` and `errors`. */
import { errorMessage } from '../../base/error.ts'
import { duration, requireArguments, requireOneOf, zoneNames } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

export interface LogConfig {
  /** Only names in these zones. */
  readonly names: readonly string[]
  readonly format: string
  readonly classes: readonly string[]
}

/** Failures that are alike, told once for all of a period. */
export interface Consolidation {
  readonly periodMs: number
  /** As it was written. */
  readonly period: string
  readonly pattern: RegExp
  readonly level: 'warning' | 'error' | 'info' | 'debug'
  readonly showFirst: boolean
}

export interface ErrorsConfig {
  readonly consolidate: readonly Consolidation[]
}

export const COMMON_LOG_FORMAT =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}'
const COMBINED_LOG_FORMAT = `${COMMON_LOG_FORMAT} "{>opcode}"`

const LEVELS = ['warning', 'error', 'info', 'debug'] as const
const MAX_PATTERN = 10_000

export function errorsConfig(directive: Directive): ErrorsConfig {
  requireArguments(directive, 0)
  for (const line of directive.block) requireOneOf(line, ['consolidate', 'stacktrace'])
  const lines = directive.block.filter(({ name }) => name === 'consolidate')
  return { consolidate: lines.map(consolidation) }
}

/** `consolidate DURATION REGEXP [LEVEL] [show_first]` */
function consolidation(line: Directive): Consolidation {
  const [period = '', source = '', ...words] = requireArguments(line, 2, 4)
  const level = LEVELS.find((known) => known === words[0])
  const rest = level === undefined ? words : words.slice(1)
  if (rest.length > 1 || (rest.length === 1 && rest[0] !== 'show_first')) {
    throw corefileError(
      line,
      `unknown options '${rest.join(' ')}' in consolidate; known are ${LEVELS.join(', ')}, show_first`,
    )
  }
  if (source.length > MAX_PATTERN)
    throw corefileError(line, `regular expression is longer than ${MAX_PATTERN} characters`)
  const periodMs = duration(line, period)
  try {
    const pattern = new RegExp(source)
    return { periodMs, period, pattern, level: level ?? 'error', showFirst: rest.length === 1 }
  } catch (cause) {
    throw corefileError(line, `invalid regular expression ${source} (${errorMessage(cause)})`)
  }
}

export function logConfig(directive: Directive): LogConfig {
  const format = directive.args.findIndex((text) => text.includes('{'))
  const names = format < 0 ? directive.args : directive.args.slice(0, format)
  const text = format < 0 ? '{common}' : directive.args.slice(format).join(' ')
  const classes: string[] = []
  for (const line of directive.block) {
    requireOneOf(line, ['class'])
    for (const name of line.args) {
      if (!['all', 'success', 'denial', 'error'].includes(name)) throw corefileError(line, `invalid Class: ${name}`)
      classes.push(name)
    }
  }
  return {
    names: names.length === 0 ? [''] : zoneNames(directive, names),
    format: text.replace('{common}', COMMON_LOG_FORMAT).replace('{combined}', COMBINED_LOG_FORMAT),
    classes: classes.length === 0 ? ['all'] : classes,
  }
}
