/**
 * Where NodePorts answer, by `--nodeport-addresses`.
 * Source: kube-proxy pkg/proxy/util/nodeport_addresses.go
 */
import { FairleadError } from '../base/error.ts'
import { type Cidr, canonicalAddress, cidrContains, parseAddress, parseCidr } from '../base/ip.ts'

/** The node's primary addresses only. */
export const PRIMARY = 'primary'

export type NodePortAddresses = typeof PRIMARY | readonly Cidr[]

/** Everything in a family that no range is given for, as upstream has it. */
const EVERYTHING = { 4: '0.0.0.0/0', 6: '::/0' } as const

/**
 * Reads the words of the flag: `primary`, or ranges of addresses.
 *
 * @throws FairleadError `INVALID_INPUT`
 */
export function parseNodePortAddresses(words: readonly string[]): NodePortAddresses {
  if (words.length === 0 || (words.length === 1 && words[0] === PRIMARY)) return PRIMARY
  const cidrs = words.map((word) => {
    const cidr = parseCidr(word.trim())
    if (cidr !== undefined) return cidr
    throw new FairleadError(
      'INVALID_INPUT',
      `--nodeport-addresses has "${word}"; wanted are CIDRs such as 192.168.0.0/24, or the single word "${PRIMARY}"`,
    )
  })
  const everything = ([4, 6] as const)
    .filter((family) => !cidrs.some((cidr) => cidr.family === family))
    .flatMap((family) => parseCidr(EVERYTHING[family]) ?? [])
  return [...cidrs, ...everything]
}

/** What a node's addresses and the flag come to. */
export interface SelectedAddresses {
  /** Canonical, each once, sorted. */
  readonly addresses: readonly string[]
  /** Loopback addresses that a range names on purpose: NodePorts do not answer there. */
  readonly loopback: readonly string[]
}

/** The addresses of the node, `ADDRESS` or `ADDRESS/LENGTH`, that lie in the ranges; loopback ones never do. */
export function selectAddresses(ranges: readonly Cidr[], local: readonly string[]): SelectedAddresses {
  const chosen = new Set<string>()
  const loopback = new Set<string>()
  for (const text of local) {
    const address = canonicalAddress(text.replace(/\/\d+$/, ''))
    const bytes = address === undefined ? undefined : parseAddress(address)
    if (address === undefined || bytes === undefined) continue
    const range = ranges.find((one) => cidrContains(one, bytes))
    if (range === undefined) continue
    if (!isLoopback(address)) chosen.add(address)
    else if (range.prefixLength > 0) loopback.add(address)
  }
  return { addresses: [...chosen].sort(), loopback: [...loopback].sort() }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
