import { parseCidr } from '../base/ip.ts'
import type { ElementMap } from './element-map.ts'
import { textOf } from './encoding.ts'
import { lastAddress } from './pod-ranges.ts'

/** Who may reach which load-balancer address: `loadBalancerSourceRanges` as set elements. */
export class Firewall {
  readonly #firewalled: ElementMap
  readonly #ranges: ElementMap
  /** Keys of the ranges by the key of their frontend. */
  readonly #byFrontend = new Map<string, readonly string[]>()

  constructor(firewalled: ElementMap, ranges: ElementMap) {
    this.#firewalled = firewalled
    this.#ranges = ranges
  }

  /** @param sources CIDRs that do not overlap; undefined lets everybody through. */
  set(frontend: string, sources: readonly string[] | undefined): void {
    const old = this.#byFrontend.get(frontend)
    if (old === undefined && sources === undefined) return
    const keys = (sources ?? []).map((cidr) => frontend + firstOf(cidr) + frontend + lastOf(cidr))
    for (const key of old ?? []) if (!keys.includes(key)) this.#ranges.delete(key)
    for (const key of keys) this.#ranges.put(key, {})
    if (sources === undefined) {
      this.#byFrontend.delete(frontend)
      this.#firewalled.delete(frontend)
    } else {
      this.#byFrontend.set(frontend, keys)
      this.#firewalled.put(frontend, {})
    }
  }
}

function firstOf(text: string): string {
  const cidr = parseCidr(text)
  return cidr === undefined ? '' : textOf(cidr.network)
}

function lastOf(text: string): string {
  const cidr = parseCidr(text)
  return cidr === undefined ? '' : textOf(lastAddress(cidr))
}
