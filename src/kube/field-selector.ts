import { FairleadError } from '../base/error.ts'

export interface FieldRequirement {
  /** Such as `metadata.name`, `spec.nodeName`. */
  readonly field: string
  readonly operator: '=' | '!='
  readonly value: string
}

/** All requirements hold together; an empty selector matches everything. */
export type ParsedFieldSelector = readonly FieldRequirement[]

/**
 * Parses a field selector, for example `metadata.name=web,status.phase!=Running`. In values `\`, `,` and `=` are
 * escaped by a backslash.
 *
 * @throws FairleadError `INVALID_INPUT` with upstream's text when the selector is malformed.
 */
export function parseFieldSelector(text: string): ParsedFieldSelector {
  return splitTerms(text).map((term) => parseTerm(text, term))
}

/**
 * Whether an object satisfies every requirement.
 *
 * @param fieldOf The value of a field of the object as text; '' for one that it has not.
 */
export function matchesFields(selector: ParsedFieldSelector, fieldOf: (field: string) => string): boolean {
  return selector.every(({ field, operator, value }) => (fieldOf(field) === value) === (operator === '='))
}

/** The value that a field must have, if the selector says one. */
export function exactValueOf(selector: ParsedFieldSelector, wanted: string): string | undefined {
  return selector.find(({ field, operator }) => field === wanted && operator === '=')?.value
}

/** Writes a selector as `parseFieldSelector` reads it. */
export function formatFieldSelector(selector: ParsedFieldSelector): string {
  return selector.map(({ field, operator, value }) => `${field}${operator}${escapeValue(value)}`).join(',')
}

/** At commas that no backslash precedes. */
function splitTerms(text: string): readonly string[] {
  return text.match(/(?:\\.?|[^,\\])+/gs) ?? []
}

function parseTerm(text: string, term: string): FieldRequirement {
  const match = /^(.*?)(!=|==|=)(.*)$/s.exec(term)
  if (match === null) {
    throw new FairleadError('INVALID_INPUT', `invalid selector: '${text}'; can't understand '${term}'`)
  }
  const [, field = '', operator, value = ''] = match
  return { field, operator: operator === '!=' ? '!=' : '=', value: unescapeValue(value) }
}

function unescapeValue(value: string): string {
  return value.replace(/\\(.?)|=/gs, (sequence, escaped: string | undefined) => {
    if (sequence === '=') {
      throw new FairleadError('INVALID_INPUT', `invalid field selector: unescaped character in value: =`)
    }
    if (escaped === undefined || escaped === '' || !'\\,='.includes(escaped)) {
      throw new FairleadError('INVALID_INPUT', `invalid field selector: invalid escape sequence: ${sequence}`)
    }
    return escaped
  })
}

function escapeValue(value: string): string {
  return value.replace(/[\\,=]/g, (character) => `\\${character}`)
}
