/**
 * Where NodePorts answer, by `--nodeport-addresses`.
 * Source: kube-proxy pkg/proxy/util/nodeport_addresses.go, KEP-6032 (the words)
 */
import { FairleadError } from '../base/error.ts'
import { type Cidr, canonicalAddress, cidrContains, parseAddress, parseCidr } from '../base/ip.ts'

/** What the flag asks for. */
export interface NodePortAddresses {
  /** The node's primary addresses. */
  readonly primary: boolean
  /** Asked for, and not possible in nf_tables: the kernel routes nothing from 127.0.0.1 to a pod. */
  readonly localhost: boolean
  readonly ranges: readonly Cidr[]
}

/** Everything in a family that no range is given for, as upstream has it. */
const EVERYTHING = { 4: '0.0.0.0/0', 6: '::/0' } as const

/**
 * Reads the words of the flag: ranges of addresses, `primary` (the default), `localhost`, `all`.
 *
 * @throws FairleadError `INVALID_INPUT`
 */
export function parseNodePortAddresses(words: readonly string[]): NodePortAddresses {
  const texts = words.map((word) => word.trim()).filter((word) => !KEYWORDS.includes(word))
  const cidrs = texts.map((text) => {
    const cidr = parseCidr(text)
    if (cidr !== undefined) return cidr
    const wanted = `CIDRs such as 192.168.0.0/24, or ${KEYWORDS.join(', ')}`
    throw new FairleadError('INVALID_INPUT', `--nodeport-addresses has "${text}"; wanted are ${wanted}`)
  })
  const all = words.includes('all')
  const open = ([4, 6] as const).filter(
    (family) => all || (cidrs.length > 0 && !cidrs.some((cidr) => cidr.family === family)),
  )
  return {
    primary: words.length === 0 || words.includes('primary'),
    localhost: words.includes('localhost'),
    ranges: [...cidrs, ...open.flatMap((family) => parseCidr(EVERYTHING[family]) ?? [])],
  }
}

const KEYWORDS: readonly string[] = ['primary', 'localhost', 'all']

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
