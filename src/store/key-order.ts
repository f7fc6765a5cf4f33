/** Code units from here on (surrogates and what follows them) are ordered otherwise by UTF-16 than by UTF-8. */
const UNORDERED = /[\ud800-\uffff]/

/** A comparison of keys with `key` by their UTF-8 bytes: negative when the other comes first. */
export type CompareToKey = (other: string) => number

/**
 * Compares keys with one and the same key, in the order of their UTF-8 bytes (as etcd and LMDB have them).
 *
 * JavaScript's own order of strings agrees with it as long as one of both has only code units below the surrogates,
 * which is nearly always; then it is used, since it is many times faster.
 */
export function compareTo(key: string): CompareToKey {
  if (!UNORDERED.test(key)) return (other) => (other < key ? -1 : other > key ? 1 : 0)
  const bytes = Buffer.from(key)
  return (other) => Buffer.compare(Buffer.from(other), bytes)
}

/** Compares two keys by their UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  return compareTo(b)(a)
}
