import { errorMessage } from '../../base/error.ts'
import { canonicalName } from '../wire/name.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

export const MATCHES = ['exact', 'prefix', 'suffix', 'substring', 'regex'] as const
export type Match = (typeof MATCHES)[number]

/** Which names are replaced, and by what; plain data, so that a block can be handed to another thread. */
export interface Renaming {
  readonly match: Match
  readonly from: string
  readonly to: string
}

/** From a canonical name to its replacement; undefined where the rule does not match. */
export type Rename = (name: string) => string | undefined

const MAX_PATTERN = 10_000

/** A renaming that can be done: its pattern is one, and not too long. */
export function checkedRenaming(directive: Directive, renaming: Renaming): Renaming {
  if (renaming.match !== 'regex') return renaming
  const { from } = renaming
  if (from.length > MAX_PATTERN) {
    throw corefileError(directive, `regex pattern too long in a rewrite rule: ${from.length} > ${MAX_PATTERN}`)
  }
  try {
    new RegExp(from)
    return renaming
  } catch (cause) {
    throw corefileError(directive, `invalid regex pattern in rewrite rule: ${from} (${errorMessage(cause)})`)
  }
}

/** What a renaming does to a name. */
export function renamer({ match, from, to }: Renaming): Rename {
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
    case 'regex':
      return byPattern(new RegExp(from), to)
  }
}

function byPattern(pattern: RegExp, to: string): Rename {
  return (name) => {
    // Patterns are written for names with their last dot, or without an end.
    const found = pattern.exec(`${name}.`) ?? pattern.exec(name)
    return found === null
      ? undefined
      : canonicalName(to.replace(/\{(\d+)\}/g, (_, group: string) => found[Number(group)] ?? ''))
  }
}

function trimmed(name: string): string {
  return name.startsWith('.') ? name.slice(1) : name
}
