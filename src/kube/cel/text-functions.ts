import type { Environment } from './engine.ts'
import { celError } from './evaluation-error.ts'
import { formatText } from './format-text.ts'
import { regularExpression } from './regular-expression.ts'

class Strings {}

/** The name that `matches` goes by once a rule is parsed, since the package has one of its own that is not RE2's. */
export const MATCHES = 'matchesRe2'

/** Functions on texts that Kubernetes has and the package has not (cel-go `ext.Strings` 2, apiserver `library.Regex`). */
export function registerTextFunctions(environment: Environment): void {
  const plain = { async: false }
  environment.registerType('Strings', Strings)
  environment.registerConstant('strings', 'Strings', new Strings())
  const add = (signature: string, handler: (...args: never[]) => unknown) =>
    environment.registerFunction(signature, handler as (...args: unknown[]) => unknown, plain)
  add(`string.${MATCHES}(string): bool`, (text: string, pattern: string) => regularExpression(pattern).test(text))
  add('string.charAt(int): string', charAt)
  add('string.replace(string, string): string', (text: string, old: string, now: string) =>
    text.replaceAll(old, () => now),
  )
  add('string.replace(string, string, int): string', replaceSome)
  add('string.format(list): string', (text: string, values: readonly unknown[]) => formatText(text, values))
  add('Strings.quote(string): string', (_: Strings, text: string) => JSON.stringify(text))
  add(
    'string.find(string): string',
    (text: string, pattern: string) => regularExpression(pattern).exec(text)?.[0] ?? '',
  )
  add('string.findAll(string): list<string>', (text: string, pattern: string) => findAll(text, pattern))
  add('string.findAll(string, int): list<string>', (text: string, pattern: string, limit: bigint) =>
    limit < 0n ? findAll(text, pattern) : findAll(text, pattern).slice(0, Number(limit)),
  )
}

function charAt(text: string, index: bigint): string {
  const characters = [...text]
  if (index < 0n || index > BigInt(characters.length)) throw celError(`index out of range: ${index}`)
  return characters[Number(index)] ?? ''
}

function replaceSome(text: string, old: string, ...[now, limit]: [string, bigint]): string {
  let left = limit
  return text.replaceAll(old, (found) => (left < 0n || left-- > 0n ? now : found))
}

function findAll(text: string, pattern: string): string[] {
  const { source, flags } = regularExpression(pattern)
  return text.match(new RegExp(source, `${flags}g`)) ?? []
}
