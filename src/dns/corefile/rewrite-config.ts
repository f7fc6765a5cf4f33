import { typeCode } from '../wire/codes.ts'
import { canonicalName } from '../wire/name.ts'
import { wholeNumber } from './arguments.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

/** One line `rewrite`. */
export type RewriteRule = { readonly goOn: boolean } & (
  | { readonly field: 'name'; readonly rename: (name: string) => string | undefined }
  | { readonly field: 'type'; readonly from: number; readonly to: number }
  | { readonly field: 'ttl'; readonly matches: (name: string) => boolean; readonly ttl: number }
)

const MATCHES = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const
type Match = (typeof MATCHES)[number]

/** Reads `rewrite [continue|stop] name|type|ttl ...`. Names in answers are always written back (`answer auto`). */
export function rewriteRule(directive: Directive): RewriteRule {
  const [first = '', ...others] = directive.args
  const goOn = first === 'continue'
  const words = goOn || first === 'stop' ? others : [first, ...others]
  const [field = '', ...args] = words
  switch (field) {
    case 'name':
      return { goOn, field, rename: renaming(directive, args) }
    case 'type': {
      const [from, to] = args.map((text) => typeCode(text))
      if (from === undefined || to === undefined)
        throw corefileError(directive, `rewrite type needs two record types, not '${args.join(' ')}'`)
      return { goOn, field, from, to }
    }
    case 'ttl': {
      const { match, rest } = matchOf(args)
      const [pattern = '', ttl] = rest
      const rename = renamer(directive, match, pattern, '')
      return {
        goOn,
        field,
        matches: (name) => rename(name) !== undefined,
        ttl: wholeNumber(directive, ttl, [0, 2 ** 31 - 1]),
      }
    }
    default:
      // `rewrite FROM TO` is a name.
      if (words.length === 2 && field.includes('.')) return { goOn, field: 'name', rename: renaming(directive, words) }
      throw corefileError(directive, `invalid rule type "${field}"; known are name, type, ttl`)
  }
}

function matchOf(args: readonly string[]): { match: Match; rest: readonly string[] } {
  const match = MATCHES.find((known) => known === args[0])
  return match === undefined ? { match: 'exact', rest: args } : { match, rest: args.slice(1) }
}

function renaming(directive: Directive, args: readonly string[]): (name: string) => string | undefined {
  const { match, rest } = matchOf(args)
  const [from, to, answer, how] = rest
  if (from === undefined || to === undefined)
    throw corefileError(directive, 'rewrite name needs what to replace and by what')
  if (answer !== undefined && !(answer === 'answer' && how === 'auto' && rest.length === 4)) {
    throw corefileError(directive, `rewrite name: unknown options '${rest.slice(2).join(' ')}'; known is answer auto`)
  }
  return renamer(directive, match, from, to)
}

/** A function from a canonical name to its replacement, undefined where the rule does not match. */
function renamer(directive: Directive, match: Match, from: string, to: string): (name: string) => string | undefined {
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
  try {
    return new RegExp(text)
  } catch (cause) {
    throw corefileError(directive, `invalid regex pattern in rewrite rule: ${text} (${String(cause)})`)
  }
}
