/** What an annotation's value may be. */
export type ValueRule =
  | { readonly kind: 'words'; readonly words: readonly string[]; readonly anyCase?: true }
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly or?: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: RegExp; readonly wanted: string }
  | { readonly kind: 'list'; readonly words: readonly string[] }

export const ON_OFF: ValueRule = { kind: 'words', words: ['on', 'off'] }

export function words(...allowed: readonly string[]): ValueRule {
  return { kind: 'words', words: allowed }
}

/** The same, written in capitals or not. */
export function anyCase(...allowed: readonly string[]): ValueRule {
  return { kind: 'words', words: allowed, anyCase: true }
}

export function number(min: number, max: number, ...or: readonly string[]): ValueRule {
  return { kind: 'number', min, max, or }
}

export function pattern(expression: RegExp, wanted: string): ValueRule {
  return { kind: 'pattern', pattern: expression, wanted }
}

export function accepts(rule: ValueRule, value: string): boolean {
  switch (rule.kind) {
    case 'words':
      return wordIn(rule, value) !== undefined
    case 'number':
      return rule.or?.includes(value) === true || (isWholeNumber(value) && isWithin(rule, Number(value)))
    case 'pattern':
      return rule.pattern.test(value)
    case 'list':
      return value.split(',').every((word) => rule.words.includes(word))
    default:
      return rule satisfies never
  }
}

/** The word as the rule writes it; `undefined` when it is none of them. */
export function wordIn(rule: Extract<ValueRule, { kind: 'words' }>, value: string): string | undefined {
  const plain = (word: string) => (rule.anyCase === true ? word.toLowerCase() : word)
  return rule.words.find((word) => plain(word) === plain(value))
}

export function isWholeNumber(value: string): boolean {
  return /^-?\d{1,9}$/.test(value)
}

function isWithin({ min, max }: { readonly min: number; readonly max: number }, value: number): boolean {
  return value >= min && value <= max
}

/** The rule in words, for a message: `one of on, off`. */
export function wantedBy(rule: ValueRule): string {
  switch (rule.kind) {
    case 'words':
      return `one of ${rule.words.join(', ')}`
    case 'number':
      return [`a whole number from ${rule.min} to ${rule.max}`, ...(rule.or ?? [])].join(' or ')
    case 'pattern':
      return rule.wanted
    case 'list':
      return `some of ${rule.words.join(', ')}, separated by commas`
    default:
      return rule satisfies never
  }
}
