import { CLASS_CODES, rcodeNumber, typeCode } from '../wire/codes.ts'
import { canonicalName } from '../wire/name.ts'
import { wholeNumber } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

/** From a canonical name to its replacement; undefined where the rule does not match. */
export type Rename = (name: string) => string | undefined

/** What becomes of names in the answer: of those that records stand under, or of those that they lead to. */
export interface AnswerRule {
  readonly part: 'name' | 'value'
  readonly rename: Rename
}

/** One line `rewrite`. */
export type RewriteRule = { readonly goOn: boolean } & (
  | { readonly field: 'name'; readonly rename: Rename; readonly answers: readonly AnswerRule[]; readonly auto: boolean }
  | { readonly field: 'type'; readonly from: number; readonly to: number }
  | { readonly field: 'class'; readonly from: number; readonly to: number }
  | { readonly field: 'ttl'; readonly matches: (name: string) => boolean; readonly low: number; readonly high: number }
  | { readonly field: 'rcode'; readonly matches: (name: string) => boolean; readonly from: number; readonly to: number }
  | { readonly field: 'cname'; readonly rename: Rename }
)

const MATCHES = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const
type Match = (typeof MATCHES)[number]

const FIELDS = 'name, type, class, ttl, rcode, cname'
const MAX_TTL = 2 ** 31 - 1
const MAX_PATTERN = 10_000

/** Reads `rewrite [continue|stop] name|type|class|ttl|rcode|cname ...`, on one line or in a block. */
export function rewriteRule(directive: Directive): RewriteRule {
  const all = [...directive.args, ...directive.block.flatMap(({ name, args }) => [name, ...args])]
  const [first = '', ...others] = all
  const goOn = first === 'continue'
  const words = goOn || first === 'stop' ? others : all
  const [field = '', ...args] = words
  switch (field) {
    case 'name':
      return { goOn, field, ...renaming(directive, args) }
    case 'type':
      return { goOn, field, ...fromTo(directive, args, typeCode) }
    case 'class':
      return { goOn, field, ...fromTo(directive, args, (text) => CLASS_CODES[text.toUpperCase()]) }
    case 'rcode': {
      const { match, rest } = matchOf(args)
      const [pattern = '', ...codes] = rest
      return { goOn, field, matches: matching(directive, match, pattern), ...fromTo(directive, codes, rcodeNumber) }
    }
    case 'ttl': {
      const { match, rest } = matchOf(args)
      const [pattern = '', ttl = ''] = rest
      return { goOn, field, matches: matching(directive, match, pattern), ...ttlRange(directive, ttl) }
    }
    case 'cname': {
      const { match, rest } = matchOf(args)
      const [from, to] = rest
      if (from === undefined || to === undefined || rest.length > 2) {
        throw corefileError(directive, `rewrite cname needs what to replace and by what, not '${args.join(' ')}'`)
      }
      return { goOn, field, rename: renamer(directive, match, { from, to }) }
    }
    case 'edns0':
      throw corefileError(directive, `rewrite edns0 is not supported; known are ${FIELDS}`)
    default:
      // `rewrite FROM TO` is a name.
      if (words.length === 2 && field.includes('.')) return { goOn, field: 'name', ...renaming(directive, words) }
      throw corefileError(directive, `invalid rule type "${field}"; known are ${FIELDS}`)
  }
}

function fromTo(
  directive: Directive,
  args: readonly string[],
  read: (text: string) => number | undefined,
): { readonly from: number; readonly to: number } {
  const [from, to] = args.map(read)
  if (from === undefined || to === undefined || args.length !== 2) {
    throw corefileError(directive, `rewrite ${directive.args.join(' ')}: needs what to replace and by what`)
  }
  return { from, to }
}

/** `30`, `30-300`, `-30`, `30-`. */
function ttlRange(directive: Directive, text: string): { readonly low: number; readonly high: number } {
  const [, low = '', dash, high = ''] = /^(\d*)(-?)(\d*)$/.exec(text) ?? []
  if (dash === undefined || (low === '' && high === '')) {
    throw corefileError(directive, `rewrite ttl: '${text}' is no number of seconds and no range such as 30-300`)
  }
  const number = (part: string, otherwise: number) =>
    part === '' ? otherwise : wholeNumber(directive, part, [0, MAX_TTL])
  const range = { low: number(low, 0), high: number(high, dash === '' ? number(low, 0) : MAX_TTL) }
  if (range.low > range.high)
    throw corefileError(directive, `rewrite ttl: '${text}' is no range: it ends below its start`)
  return range
}

function matchOf(args: readonly string[]): { match: Match; rest: readonly string[] } {
  const match = MATCHES.find((known) => known === args[0])
  return match === undefined ? { match: 'exact', rest: args } : { match, rest: args.slice(1) }
}

function renaming(directive: Directive, args: readonly string[]) {
  const { match, rest } = matchOf(args)
  const [from, to, ...options] = rest
  if (from === undefined || to === undefined)
    throw corefileError(directive, 'rewrite name needs what to replace and by what')
  const { auto, answers } = answerRules(directive, options)
  const isNamed = answers.some(({ part }) => part === 'name')
  if (auto && isNamed) {
    throw corefileError(directive, 'rewrite name: answer auto cannot be combined with answer name')
  }
  const back = { from: to, to: from }
  const suffix = auto && match === 'suffix' ? [bothParts(renamer(directive, match, back))].flat() : []
  return {
    rename: renamer(directive, match, { from, to }),
    answers: [...suffix, ...answers],
    auto: !isNamed && suffix.length === 0,
  }
}

function bothParts(rename: Rename): AnswerRule[] {
  return [
    { part: 'name', rename },
    { part: 'value', rename },
  ]
}

/** `answer auto`, `answer name FROM TO`, `answer value FROM TO`; the word `answer` may be left out after the first. */
function answerRules(directive: Directive, options: readonly string[]) {
  const answers: AnswerRule[] = []
  let auto = false
  let rest = options
  if (rest.length > 0 && rest[0] !== 'answer') throw unknownOptions(directive, rest)
  while (rest.length > 0) {
    const [part, from, to] = rest[0] === 'answer' ? rest.slice(1) : rest
    const used = rest[0] === 'answer' ? 1 : 0
    if (part === 'auto' || (part === 'name' && from === 'auto')) {
      auto = true
      rest = rest.slice(used + (part === 'auto' ? 1 : 2))
    } else if ((part === 'name' || part === 'value') && from !== undefined && to !== undefined) {
      answers.push({ part, rename: renamer(directive, 'regex', { from, to }) })
      rest = rest.slice(used + 3)
    } else throw unknownOptions(directive, rest)
  }
  return { auto, answers }
}

function unknownOptions(directive: Directive, options: readonly string[]) {
  const known = 'answer auto, answer name FROM TO, answer value FROM TO'
  return corefileError(directive, `rewrite name: unknown options '${options.join(' ')}'; known are ${known}`)
}

function matching(directive: Directive, match: Match, pattern: string): (name: string) => boolean {
  const rename = renamer(directive, match, { from: pattern, to: '' })
  return (name) => rename(name) !== undefined
}

interface Replacement {
  readonly from: string
  readonly to: string
}

function renamer(directive: Directive, match: Match, { from, to }: Replacement): Rename {
  const [plainFrom, plainTo] = [canonicalName(from), canonicalName(to)]
  switch (match) {
    case 'exact':
      return (name) => (name === plainFrom ? plainTo : undefined)
    case 'prefix':
      return (name) => (name.startsWith(plainFrom) ? to.toLowerCase() + name.slice(plainFrom.length) : undefined)
    case 'suffix':
      return (name) =>
        `.${name}`.endsWith(plainFrom) ? trimmed(`.${name}`.slice(0, -plainFrom.length) + plainTo) : undefined
    case 'substring':
      return (name) => (name.includes(plainFrom) ? name.replaceAll(plainFrom, plainTo) : undefined)
    case 'regex': {
      const pattern = regularExpression(directive, from)
      return (name) => {
        // Patterns are written for names with their last dot, or without an end.
        const found = pattern.exec(`${name}.`) ?? pattern.exec(name)
        return found === null
          ? undefined
          : canonicalName(to.replace(/\{(\d+)\}/g, (_, group: string) => found[Number(group)] ?? ''))
      }
    }
  }
}

function trimmed(name: string): string {
  return name.startsWith('.') ? name.slice(1) : name
}

function regularExpression(directive: Directive, text: string): RegExp {
  if (text.length > MAX_PATTERN) {
    throw corefileError(directive, `regex pattern too long in a rewrite rule: ${text.length} > ${MAX_PATTERN}`)
  }
  try {
    return new RegExp(text)
  } catch (cause) {
    throw corefileError(directive, `invalid regex pattern in rewrite rule: ${text} (${String(cause)})`)
  }
}
