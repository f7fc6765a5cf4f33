import {
  addressFromInteger,
  addressToInteger,
  type Cidr,
  cidrContains,
  cidrSize,
  formatAddress,
  formatCidr,
  parseAddress,
  parseCidr,
} from '../../base/ip.ts'
import { serviceCidrs } from '../../kube/resource.ts'
import type { IpFamily } from '../../kube/types/core.ts'
import type { ServiceCidr } from '../../kube/types/discovery.ts'
import type { Store } from '../../store/store.ts'
import { decodedObject } from '../decoded.ts'
import { objectPrefix } from '../object-key.ts'
import { type Band, preferredBands, staticBandSize } from './band.ts'

/** A range that ClusterIPs come from. */
export interface ServiceRange {
  readonly cidr: Cidr
  readonly family: IpFamily
}

/** How much of a range is left to those who ask for an address: a sixteenth, 16 to 256 (KEP-3070). */
const STATIC_BAND = { min: 16, max: 256, share: 16 }

/** The ranges that addresses are chosen from now: those of the cluster, and those of ServiceCIDR objects that are ready. */
export function serviceRanges(configured: readonly string[], store: Pick<Store, 'list'>): readonly ServiceRange[] {
  const added = store.list(objectPrefix(serviceCidrs)).entries.flatMap((entry) => {
    const range = decodedObject(entry) as ServiceCidr
    return isReady(range) ? range.spec.cidrs : []
  })
  const ranges = [...configured, ...added].flatMap((text) => rangeOf(text) ?? [])
  const names = ranges.map(({ cidr }) => formatCidr(cidr))
  return ranges.filter((_, i) => names.indexOf(names[i] ?? '') === i)
}

/** The families of the cluster's own ranges, the default one first. */
export function configuredFamilies(configured: readonly string[]): readonly IpFamily[] {
  return [...new Set(configured.flatMap((text) => rangeOf(text)?.family ?? []))]
}

/** The addresses of a range that may be chosen, the preferred ones first, as numbers for {@link addressOf}. */
export function addressBands(range: ServiceRange): readonly Band[] {
  return preferredBands(usable(range), staticBandSize(cidrSize(range.cidr), STATIC_BAND))
}

export function addressOf(range: ServiceRange, number: bigint): string {
  return formatAddress(addressFromInteger(number, range.cidr.family))
}

/** Why an address that was asked for cannot be had from the ranges, in upstream's words. */
export function rangeProblem(ip: string, ranges: readonly ServiceRange[]): string | undefined {
  const bytes = parseAddress(ip)
  const number = addressToInteger(bytes ?? new Uint8Array())
  const holds = (range: ServiceRange) => {
    if (bytes === undefined || !cidrContains(range.cidr, bytes)) return false
    const { first, last } = usable(range)
    return number >= first && number <= last
  }
  return ranges.some(holds) ? undefined : 'the provided network does not match the current range'
}

function isReady({ metadata, status }: ServiceCidr): boolean {
  if (metadata.deletionTimestamp !== undefined) return false
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false
}

/** All but the network's address and, of IPv4, the broadcast address. */
function usable({ cidr }: ServiceRange): Band {
  const network = addressToInteger(cidr.network)
  const end = network + cidrSize(cidr) - 1n
  return { first: network + 1n, last: cidr.family === 4 ? end - 1n : end }
}

function rangeOf(text: string): ServiceRange | undefined {
  const cidr = parseCidr(text)
  return cidr && { cidr, family: cidr.family === 4 ? 'IPv4' : 'IPv6' }
}
