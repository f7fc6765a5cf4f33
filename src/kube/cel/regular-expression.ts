import { celError } from './evaluation-error.ts'

const FLAGS = /^\(\?([ims]+)\)/
const KEPT = 256
const compiled = new Map<string, RegExp>()

/**
 * A regular expression of RE2 as JavaScript's: flags in front (`(?i)`), named groups, `\A`, `\z` and classes such as
 * `[[:alpha:]]` are translated; the rest is written alike.
 *
 * @throws FairleadError `INVALID_INPUT` for what is none.
 */
export function regularExpression(pattern: string): RegExp {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  const flags = FLAGS.exec(pattern)?.[1] ?? ''
  const body = pattern
    .replace(FLAGS, '')
    .replaceAll('(?P<', '(?<')
    .replaceAll(/\\([Az])/g, (_, which) => (which === 'A' ? '^' : '$'))
    .replaceAll(/\[:(\w+):\]/g, (whole, name: string) => CLASSES[name] ?? whole)
  try {
    const made = new RegExp(body, `${[...new Set(flags)].join('')}u`)
    if (compiled.size >= KEPT) compiled.clear()
    compiled.set(pattern, made)
    return made
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw celError(`error parsing regexp: ${pattern}`)
  }
}

const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
}
