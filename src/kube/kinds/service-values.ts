/** Whether two values of a Service's field are the same; left out, null and an empty list are one. */
export function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(withoutEmpty(a)) === JSON.stringify(withoutEmpty(b))
}

function withoutEmpty(value: unknown): unknown {
  return value === undefined || (Array.isArray(value) && value.length === 0) ? null : value
}

/** Whether it is a list with something in it. */
export function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0
}
