import { CLASS_CODES, rcodeNumber, typeCode } from '../wire/codes.ts'
import { wholeNumber } from './arguments.ts'
import { type EdnsRule, ednsRule } from './edns-config.ts'
import { corefileError, type Directive } from './parse-corefile.ts'
import { checkedRenaming, MATCHES, type Match, type Renaming } from './renaming.ts'

/** What becomes of names in the answer: of those that records stand under, or of those that they lead to. */
export interface AnswerRule {
  readonly part: 'name' | 'value'
  readonly renaming: Renaming
}

/** One line `rewrite`. */
export type RewriteRule = { readonly goOn: boolean } & (
  | {
      readonly field: 'name'
      readonly renaming: Renaming
      readonly answers: readonly AnswerRule[]
      readonly auto: boolean
    }
  | { readonly field: 'type'; readonly from: number; readonly to: number }
  | { readonly field: 'class'; readonly from: number; readonly to: number }
  | { readonly field: 'ttl'; readonly names: Renaming; readonly low: number; readonly high: number }
  | { readonly field: 'rcode'; readonly names: Renaming; readonly from: number; readonly to: number }
  | { readonly field: 'cname'; readonly renaming: Renaming }
  | ({ readonly field: 'edns0' } & EdnsRule)
)

const FIELDS = 'name, type, class, edns0, ttl, rcode, cname'
const MAX_TTL = 2 ** 31 - 1

/** Reads `rewrite [continue|stop] name|type|class|edns0|ttl|rcode|cname ...`, on one line or in a block. */
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
      return { goOn, field, names: matching(directive, match, pattern), ...fromTo(directive, codes, rcodeNumber) }
    }
    case 'ttl': {
      const { match, rest } = matchOf(args)
      const [pattern = '', ttl = ''] = rest
      return { goOn, field, names: matching(directive, match, pattern), ...ttlRange(directive, ttl) }
    }
    case 'cname': {
      const { match, rest } = matchOf(args)
      const [from, to] = rest
      if (from === undefined || to === undefined || rest.length > 2) {
        throw corefileError(directive, `rewrite cname needs what to replace and by what, not '${args.join(' ')}'`)
      }
      return { goOn, field, renaming: checkedRenaming(directive, { match, from, to }) }
    }
    case 'edns0':
      return { goOn, field, ...ednsRule(directive, args) }
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
  const suffix = auto && match === 'suffix' ? bothParts({ match, from: to, to: from }) : []
  return {
    renaming: checkedRenaming(directive, { match, from, to }),
    answers: [...suffix, ...answers],
    auto: !isNamed && suffix.length === 0,
  }
}

function bothParts(renaming: Renaming): AnswerRule[] {
  return [
    { part: 'name', renaming },
    { part: 'value', renaming },
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
      answers.push({ part, renaming: checkedRenaming(directive, { match: 'regex', from, to }) })
      rest = rest.slice(used + 3)
    } else throw unknownOptions(directive, rest)
  }
  return { auto, answers }
}

function unknownOptions(directive: Directive, options: readonly string[]) {
  const known = 'answer auto, answer name FROM TO, answer value FROM TO'
  return corefileError(directive, `rewrite name: unknown options '${options.join(' ')}'; known are ${known}`)
}

function matching(directive: Directive, match: Match, pattern: string): Renaming {
  return checkedRenaming(directive, { match, from: pattern, to: '' })
}
