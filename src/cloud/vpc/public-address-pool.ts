import { formatAddress, nthAddress, requireCidr } from '../../base/ip.ts'
import { PUBLIC_CIDRS } from '../fabric/fabric-names.ts'
import { Refusal } from '../openapi/refusal.ts'
import { collection } from '../state/collection.ts'
import type { Transaction } from '../state/transaction.ts'

/** A public address in use, keyed by itself. */
interface PublicAddress {
  readonly address: string
  /** `eip-…`, `lb-…`, `nlb-…` */
  readonly holder: string
}

export const PUBLIC_ADDRESSES = collection<PublicAddress>('vpc.public-addresses')

/** Load balancers start here, well above the addresses of nodes. */
const FIRST = 100
const LAST = 250

/** Takes a free public address. @throws Refusal `OperationFailed.RegionResourceLimit` when there is none */
export function takePublicAddress(
  transaction: Transaction,
  { holder, version, wanted }: { holder: string; version: 'ipv4' | 'ipv6'; wanted?: string },
): string {
  const address = wanted ?? lowestFree(transaction, version)
  if (transaction.get(PUBLIC_ADDRESSES, address) !== undefined) {
    throw new Refusal('InvalidIp.IpAssigned', `The public address ${address} is in use.`)
  }
  transaction.put(PUBLIC_ADDRESSES, address, { address, holder })
  return address
}

/** Gives a public address back. */
export function returnPublicAddress(transaction: Transaction, address: string): void {
  transaction.delete(PUBLIC_ADDRESSES, address)
}

function lowestFree(transaction: Transaction, version: 'ipv4' | 'ipv6'): string {
  const cidr = requireCidr(PUBLIC_CIDRS[version === 'ipv4' ? 0 : 1])
  for (let n = FIRST; n <= LAST; n++) {
    const address = formatAddress(nthAddress(cidr, n))
    if (transaction.get(PUBLIC_ADDRESSES, address) === undefined) return address
  }
  throw new Refusal(
    'OperationFailed.RegionResourceLimit',
    `The region has no free public address: ${LAST - FIRST + 1} are in use.`,
  )
}
