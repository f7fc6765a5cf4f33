/**
 * The grammar of label selectors, as apimachinery's `labels.Parse` has it:
 *
 *     selector    = [ requirement { "," requirement } ]
 *     requirement = key | "!" key | key ("=" | "==" | "!=" | ">" | "<") value | key ("in" | "notin") "(" values ")"
 */

import { FairleadError } from '../base/error.ts'
import { labelValueProblems, qualifiedNameProblems } from './validation/names.ts'

/** `==` is read as `=`. */
export type LabelOperator = '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | '>' | '<'

export interface LabelRequirement {
  readonly key: string
  readonly operator: LabelOperator
  /** One for comparisons, one or more for `in` and `notin`, none for existence. */
  readonly values: readonly string[]
}

interface Token {
  readonly kind: 'word' | 'symbol' | 'end'
  readonly text: string
}

const END: Token = { kind: 'end', text: '' }
const TOKEN = /[ \t\r\n]*(?:(==|!=|[=!(),<>])|([^ \t\r\n=!(),<>]+))/y
const SYMBOL_OPERATORS: Readonly<Record<string, LabelOperator>> = {
  '=': '=',
  '==': '=',
  '!=': '!=',
  '>': '>',
  '<': '<',
}

/** @throws FairleadError `INVALID_INPUT` with upstream's text. */
export function parseLabelRequirements(text: string): readonly LabelRequirement[] {
  const tokens = new TokenReader(tokenize(text))
  const requirements: LabelRequirement[] = []
  while (tokens.peek().kind !== 'end') {
    if (!startsRequirement(tokens.peek())) throw expected(tokens.peek(), "!, identifier, or 'end of string'")
    requirements.push(readRequirement(tokens))
    if (tokens.peek().kind === 'end') break
    if (!tokens.skip(',')) throw expected(tokens.peek(), "',' or 'end of string'")
    if (!startsRequirement(tokens.peek())) throw expected(tokens.peek(), "identifier after ','")
  }
  return requirements
}

class TokenReader {
  readonly #tokens: readonly Token[]
  #position = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  peek(): Token {
    return this.#tokens[this.#position] ?? END
  }

  take(): Token {
    const token = this.peek()
    this.#position++
    return token
  }

  /** Takes the symbol when it is next. */
  skip(symbol: string): boolean {
    const found = this.at(symbol)
    if (found) this.#position++
    return found
  }

  at(symbol: string): boolean {
    return this.peek().kind === 'symbol' && this.peek().text === symbol
  }
}

function tokenize(text: string): readonly Token[] {
  const pattern = new RegExp(TOKEN)
  const tokens: Token[] = []
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const [, symbol, word] = match
    tokens.push(symbol === undefined ? { kind: 'word', text: word ?? '' } : { kind: 'symbol', text: symbol })
  }
  return tokens
}

function startsRequirement(token: Token): boolean {
  return token.kind === 'word' || (token.kind === 'symbol' && token.text === '!')
}

function readRequirement(tokens: TokenReader): LabelRequirement {
  const absent = tokens.skip('!')
  const token = tokens.take()
  if (token.kind !== 'word') throw requirementError(found(token, 'identifier'))
  const key = token.text
  refuseInvalid('key', key, qualifiedNameProblems(key))
  if (absent) return { key, operator: '!', values: [] }
  if (tokens.peek().kind === 'end' || tokens.at(',')) return { key, operator: 'exists', values: [] }
  const operator = readOperator(tokens)
  const values = operator === 'in' || operator === 'notin' ? readValueList(tokens) : [readValue(tokens)]
  checkValues(key, operator, values)
  return { key, operator, values }
}

function readOperator(tokens: TokenReader): LabelOperator {
  const { kind, text } = tokens.take()
  if (kind === 'word' && (text === 'in' || text === 'notin')) return text
  const operator = kind === 'symbol' && Object.hasOwn(SYMBOL_OPERATORS, text) ? SYMBOL_OPERATORS[text] : undefined
  if (operator === undefined) throw requirementError(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`)
  return operator
}

function readValue(tokens: TokenReader): string {
  if (tokens.peek().kind === 'end' || tokens.at(',')) return ''
  const token = tokens.take()
  if (token.kind !== 'word') throw requirementError(found(token, 'identifier'))
  return token.text
}

/** `(a, b)`; an empty place between commas is the empty value, `()` is no value. */
function readValueList(tokens: TokenReader): readonly string[] {
  if (!tokens.skip('(')) throw requirementError(`found '${tokens.peek().text}' expected: '('`)
  if (tokens.skip(')')) return []
  const values = new Set<string>()
  do {
    values.add(tokens.peek().kind === 'word' ? tokens.take().text : '')
  } while (tokens.skip(','))
  if (!tokens.skip(')')) throw requirementError(found(tokens.peek(), "',' or ')'"))
  return [...values]
}

function checkValues(key: string, operator: LabelOperator, values: readonly string[]): void {
  if (values.length === 0) {
    throw requirementError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
  }
  if ((operator === '>' || operator === '<') && !/^[+-]?\d+$/.test(values[0] ?? '')) {
    const given = JSON.stringify(values[0])
    throw requirementError(`values[0]: Invalid value: ${given}: for 'Gt', 'Lt' operators, the value must be an integer`)
  }
  for (const [index, value] of values.entries())
    refuseInvalid(`values[${index}][${key}]`, value, labelValueProblems(value))
}

function refuseInvalid(field: string, value: string, errors: readonly string[]): void {
  if (errors.length === 0) return
  throw requirementError(`${field}: Invalid value: ${JSON.stringify(value)}: ${errors.join('; ')}`)
}

function found(token: Token, wanted: string): string {
  return `found '${token.text}', expected: ${wanted}`
}

function expected(token: Token, wanted: string): FairleadError {
  return new FairleadError('INVALID_INPUT', found(token, wanted))
}

function requirementError(detail: string): FairleadError {
  return new FairleadError('INVALID_INPUT', `unable to parse requirement: ${detail}`)
}
