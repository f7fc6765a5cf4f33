/** Whether two values of CEL are equal: numbers by amount, lists by order, maps and objects by keys, bytes, times. */
export function celEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, i) => celEqual(each, b[i]))
  if (a instanceof Map) {
    return (
      b instanceof Map && a.size === b.size && [...a].every(([key, each]) => b.has(key) && celEqual(each, b.get(key)))
    )
  }
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) {
    const [left, right] = [a.valueOf(), b.valueOf()]
    return left !== a && left === right
  }
  // int and double, as dyn values may be.
  // biome-ignore lint/suspicious/noDoubleEquals: compares a bigint with a number by amount.
  return isNumber(a) && isNumber(b) && a == b
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

/** -1, 0 or 1, for values that CEL has an order for: numbers, texts, booleans, times. */
export function celCompare(a: unknown, b: unknown): number {
  const [left, right] = [orderOf(a), orderOf(b)]
  if (left < right) return -1
  return left > right ? 1 : 0
}

function orderOf(value: unknown): number | bigint | string {
  if (typeof value === 'bigint' || typeof value === 'string') return value
  return Number(value)
}
