import type { CelNode } from './engine.ts'
import { MATCHES } from './text-functions.ts'

/** What the package says of an expression that it cannot take. */
export interface Issue {
  readonly code: string
  readonly summary: string
  readonly node?: unknown
  readonly range?: { readonly start: number }
}

const OPERATORS: Readonly<Record<string, string>> = { in: '@in', '[]': '_[_]', '!': '!_', '-': '-_' }

/** An issue in the words and the form of cel-go: `ERROR: <input>:1:5: undefined field 'b'`, with the place shown. */
export function issueText(issue: Issue, source: string, isFunction: (name: string) => boolean): string {
  const node = issue.node as CelNode | undefined
  const at = placeOf(issue, source, node)
  const before = source.slice(0, at).split('\n')
  const line = source.split('\n')[before.length - 1] ?? ''
  const column = (before.at(-1) ?? '').length
  const words = wordsOf(issue, node, isFunction)
  return `ERROR: <input>:${before.length}:${column + 1}: ${words}\n | ${line}\n | ${'.'.repeat(column)}^`
}

/** cel-go points at the dot of a field, the bracket of a call, the sign of an operator. */
function placeOf({ range }: Issue, source: string, node: CelNode | undefined): number {
  const start = range?.start ?? 0
  if (node === undefined) return start
  if (node.op === '.') return Math.max(0, source.lastIndexOf('.', start))
  if (node.op === 'call') return source.indexOf('(', node.start)
  if (node.op === 'rcall') {
    const [, receiver] = node.args as readonly [string, CelNode]
    return source.indexOf('(', receiver.end)
  }
  if (Array.isArray(node.args) && node.args.length === 2 && isPlace(node.args[0])) {
    const found = source.indexOf(node.op.slice(0, 1), node.args[0].end)
    return found < 0 ? start : found
  }
  return start
}

function isPlace(value: unknown): value is CelNode {
  return typeof value === 'object' && value !== null && 'end' in value
}

function wordsOf(issue: Issue, node: CelNode | undefined, isFunction: (name: string) => boolean): string {
  const { code, summary } = issue
  switch (code) {
    case 'unknown_variable':
      return undeclared(summary.replace('Unknown variable: ', ''))
    case 'no_such_key':
      return `undefined field '${summary.replace('No such key: ', '')}'`
    case 'no_such_overload':
      return operatorWords(summary)
    case 'no_matching_overload':
      return callWords(summary, node, isFunction)
    case 'invalid_logical_operand':
    case 'invalid_condition_type':
      return `expected type 'bool' but found '${celType(/got '(.*)'$/.exec(summary)?.[1] ?? '')}'`
    case 'cannot_index_type':
      return `type '${celType(/'(.*)'$/.exec(summary)?.[1] ?? '')}' does not support field selection`
    case 'invalid_comprehension_range':
      return celTypes(summary)
    default:
      return isSyntax(code) ? `Syntax error: ${summary}` : celTypes(summary)
  }
}

function isSyntax(code: string): boolean {
  return /token|unexpected|unterminated|parse|escape|reserved/.test(code)
}

function undeclared(name: string): string {
  return `undeclared reference to '${name}' (in container '')`
}

function operatorWords(summary: string): string {
  const [, unary, only] = /^no such overload: ([!-])([^ ]+)$/.exec(summary) ?? []
  if (unary !== undefined) return noOverload(OPERATORS[unary] ?? unary, [only ?? ''])
  const [, left = '', sign = '', right = ''] = /: (.+) (\S+) (.+)$/.exec(summary) ?? []
  return noOverload(OPERATORS[sign] ?? `_${sign}_`, [left, right])
}

function callWords(summary: string, node: CelNode | undefined, isFunction: (name: string) => boolean): string {
  const [, called = '', given = ''] = /'(.*?)\((.*)\)'$/.exec(summary) ?? []
  const name = node === undefined ? called : String((node.args as readonly unknown[])[0])
  const shown = name === MATCHES ? 'matches' : name
  if (!isFunction(name)) return undeclared(shown)
  if (node?.op !== 'rcall') return noOverload(shown, [given])
  return `found no matching overload for '${shown}' applied to '${celType(called.slice(0, -name.length - 1))}.(${celTypes(given)})'`
}

function noOverload(name: string, types: readonly string[]): string {
  return `found no matching overload for '${name}' applied to '(${types.map(celType).join(', ')})'`
}

function celType(name: string): string {
  return celTypes(name.replace(/^dyn<(.*)>$/, '$1'))
}

/** Types as cel-go writes them: `list(string)`. */
function celTypes(text: string): string {
  return text
    .replaceAll(/\b(list|map|optional)</g, '$1(')
    .replaceAll(/(?<=\([^>]*)>/g, ')')
    .replaceAll('google.protobuf.Timestamp', 'timestamp')
    .replaceAll('google.protobuf.Duration', 'duration')
}
