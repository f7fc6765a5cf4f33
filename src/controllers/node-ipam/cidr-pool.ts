import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { FairleadError } from '../../base/error.ts'

/** Mask of a node's part of the cluster CIDR, as upstream's `--node-cidr-mask-size-ipv4` and `-ipv6`. */
export const NODE_MASK = { ipv4: 24, ipv6: 64 } as const

/** The parts of one cluster CIDR that nodes get: given out lowest free first, after the one given out last. */
export class CidrPool {
  readonly clusterCidr: string
  readonly #base: bigint
  readonly #v6: boolean
  readonly #mask: number
  readonly #size: number
  readonly #used = new Set<number>()
  #next = 0

  /** @throws FairleadError `INVALID_INPUT` when the CIDR is malformed, or has no room for one node. */
  constructor(clusterCidr: string, nodeMask?: number) {
    const [address, prefix] = parseCidr(clusterCidr)
    this.clusterCidr = clusterCidr
    this.#v6 = isIPv6(address)
    this.#mask = nodeMask ?? (this.#v6 ? NODE_MASK.ipv6 : NODE_MASK.ipv4)
    const bits = this.#mask - prefix
    if (bits < 0 || bits > 16) {
      throw new FairleadError(
        'INVALID_INPUT',
        `Cannot divide cluster CIDR ${clusterCidr} into /${this.#mask} for nodes: its mask must be /${this.#mask - 16} to /${this.#mask}`,
      )
    }
    this.#size = 2 ** bits
    const hostBits = BigInt(this.#width - prefix)
    this.#base = (toNumber(address) >> hostBits) << hostBits
  }

  get family(): 'IPv4' | 'IPv6' {
    return this.#v6 ? 'IPv6' : 'IPv4'
  }

  /** A free part, now taken; `undefined` when all are taken. */
  allocate(): string | undefined {
    for (let step = 0; step < this.#size; step++) {
      const index = (this.#next + step) % this.#size
      if (this.#used.has(index)) continue
      this.#used.add(index)
      this.#next = (index + 1) % this.#size
      return this.#cidrAt(index)
    }
    return undefined
  }

  /** Marks every part that overlaps a CIDR that a node has already. @returns whether it lies in this pool. */
  occupy(cidr: string): boolean {
    const range = this.#indexesOf(cidr)
    for (const index of range) this.#used.add(index)
    return range.length > 0
  }

  release(cidr: string): void {
    for (const index of this.#indexesOf(cidr)) this.#used.delete(index)
  }

  get #width(): number {
    return this.#v6 ? 128 : 32
  }

  #cidrAt(index: number): string {
    const value = this.#base + (BigInt(index) << BigInt(this.#width - this.#mask))
    return `${toText(value, this.#v6)}/${this.#mask}`
  }

  #indexesOf(cidr: string): readonly number[] {
    const [address, prefix] = parseCidr(cidr)
    if (isIPv6(address) !== this.#v6) return []
    const shift = BigInt(this.#width - this.#mask)
    const first = (toNumber(address) - this.#base) >> shift
    const count = prefix < this.#mask ? 2 ** (this.#mask - prefix) : 1
    if (first < 0n || first >= BigInt(this.#size)) return []
    return Array.from({ length: Math.min(count, this.#size - Number(first)) }, (_, step) => Number(first) + step)
  }
}

function parseCidr(cidr: string): readonly [address: string, prefix: number] {
  try {
    const [address, prefix] = ipaddr.parseCIDR(cidr)
    return [address.toString(), prefix]
  } catch (cause) {
    throw new FairleadError('INVALID_INPUT', `"${cidr}" is not a CIDR such as 10.244.0.0/16`, { cause })
  }
}

function toNumber(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function toText(value: bigint, v6: boolean): string {
  const length = v6 ? 16 : 4
  const bytes = Array.from({ length }, (_, index) => Number((value >> BigInt(8 * (length - 1 - index))) & 0xffn))
  return ipaddr.fromByteArray(bytes).toString()
}
