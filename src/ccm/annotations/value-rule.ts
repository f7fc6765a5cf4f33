/** What an annotation's value may be. */
export type ValueRule =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly or?: readonly string[] }
  | { readonly kind: 'pattern'; readonly pattern: RegExp; readonly wanted: string }
  | { readonly kind: 'list'; readonly words: readonly string[] }

export const ON_OFF: ValueRule = { kind: 'words', words: ['on', 'off'] }

export function words(...allowed: readonly string[]): ValueRule {
  return { kind: 'words', words: allowed }
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
      return rule.words.includes(value)
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
