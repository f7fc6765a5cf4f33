/**
 * JSON with the keys of every object sorted and `undefined` fields left out: equal values give equal texts, whatever
 * order their fields arrived in.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
  })
}

/** Whether two JSON values are the same apart from the order of fields; a field that is `undefined` counts as left out. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    return left.every((item, index) => sameJson(item, right[index]))
  }
  const [ours, theirs] = [left as Readonly<Record<string, unknown>>, right as Readonly<Record<string, unknown>>]
  for (const key in ours) if (!sameJson(ours[key], theirs[key])) return false
  for (const key in theirs) if (ours[key] === undefined && theirs[key] !== undefined) return false
  return true
}
