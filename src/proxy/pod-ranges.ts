import { type Cidr, parseCidr } from '../base/ip.ts'
import { rangeElements } from '../linux/nftables/element.ts'
import { rangeEndKey } from './element-map.ts'
import { textOf } from './encoding.ts'
import type { Family } from './service-plan.ts'
import { outermost } from './source-ranges.ts'

export interface RangeKey {
  readonly key: string
  readonly end: boolean
}

/**
 * The keys of an interval set that holds these ranges, those that touch as one; ranges of the other family, and inner
 * ones, are left out.
 */
export function rangeKeys(cidrs: readonly string[], family: Family): RangeKey[] {
  const parsed = cidrs
    .flatMap((text) => parseCidr(text) ?? [])
    .filter((cidr) => cidr.family === (family === 'ip' ? 4 : 6))
  const elements = outermost(parsed).flatMap((cidr) => rangeElements(cidr.network, lastAddress(cidr)))
  const starts = new Set(elements.flatMap(({ key, flags }) => (flags === undefined ? [textOf(key)] : [])))
  const ends = new Set(elements.flatMap(({ key, flags }) => (flags === undefined ? [] : [textOf(key)])))
  return [
    ...[...starts].filter((key) => !ends.has(key)).map((key) => ({ key, end: false })),
    ...[...ends].filter((key) => !starts.has(key)).map((key) => ({ key: rangeEndKey(key), end: true })),
  ]
}

/** The last address of a range. */
export function lastAddress(cidr: Cidr): Buffer {
  const last = Buffer.from(cidr.network)
  for (let bit = cidr.prefixLength; bit < last.length * 8; bit += 1) {
    last[bit >> 3] = (last[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  }
  return last
}
