import { rangeElements } from '../linux/nftables/element.ts'
import { rangeEndKey } from './element-map.ts'
import { textOf } from './encoding.ts'
import type { RangeKey } from './pod-ranges.ts'

/** Interfaces that packets of this node's pods come in by. */
export interface PodInterfaces {
  readonly name: string
  /** Whether all interfaces count whose names begin with it. */
  readonly isPrefix: boolean
}

/** Bytes of an interface name, the last of which ends it (IFNAMSIZ). */
export const INTERFACE_NAME_BYTES = 16

/** The keys of an interval set of interface names that holds these. */
export function interfaceKeys({ name, isPrefix }: PodInterfaces): RangeKey[] {
  const bytes = Buffer.from(name)
  const first = Buffer.alloc(INTERFACE_NAME_BYTES)
  const last = Buffer.alloc(INTERFACE_NAME_BYTES, isPrefix ? 0xff : 0)
  bytes.copy(first)
  bytes.copy(last)
  return rangeElements(first, last).map(({ key, flags }) => {
    const text = textOf(key)
    return flags === undefined ? { key: text, end: false } : { key: rangeEndKey(text), end: true }
  })
}
