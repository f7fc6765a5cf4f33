import { type Cidr, cidrContains, parseCidr } from '../base/ip.ts'
import { rangeElements } from '../linux/nftables/element.ts'
import { rangeEndKey } from './element-map.ts'
import { textOf } from './encoding.ts'
import type { Family } from './service-plan.ts'

export interface RangeKey {
  readonly key: string
  readonly end: boolean
}

/** The keys of an interval set that holds these ranges; those of the other family, and inner ones, are left out. */
export function rangeKeys(cidrs: readonly string[], family: Family): RangeKey[] {
  const parsed = cidrs
    .flatMap((text) => parseCidr(text) ?? [])
    .filter((cidr) => cidr.family === (family === 'ip' ? 4 : 6))
  const outer = parsed.filter(
    (cidr, index) => !parsed.some((other, at) => at !== index && covers(other, cidr, at < index)),
  )
  return outer.flatMap((cidr) =>
    rangeElements(cidr.network, lastAddress(cidr)).map(({ key, flags }) =>
      flags === undefined ? { key: textOf(key), end: false } : { key: rangeEndKey(textOf(key)), end: true },
    ),
  )
}

/** Whether `outer` makes `inner` needless; of two that are equal the first stays. */
function covers(outer: Cidr, inner: Cidr, first: boolean): boolean {
  if (!cidrContains(outer, inner.network)) return false
  return outer.prefixLength < inner.prefixLength || (outer.prefixLength === inner.prefixLength && first)
}

function lastAddress(cidr: Cidr): Buffer {
  const last = Buffer.from(cidr.network)
  for (let bit = cidr.prefixLength; bit < last.length * 8; bit += 1) {
    last[bit >> 3] = (last[bit >> 3] ?? 0) | (0x80 >> (bit & 7))
  }
  return last
}
