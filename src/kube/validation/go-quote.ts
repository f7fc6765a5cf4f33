/** What Go prints as it is: letters, marks, numbers, punctuation, symbols and the space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** Whether Go's `unicode.IsPrint` holds for a character. */
export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character)
}

/** A text in quotation marks, as Go's `strconv.Quote` writes it: what cannot be printed is escaped. */
export function goQuote(text: string): string {
  return `"${Array.from(text, (each) => SHORT[each] ?? (isPrintable(each) ? each : escaped(each))).join('')}"`
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x80) return `\\x${hex(code, 2)}`
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
