import { addressOffset, cidrSize, formatAddress, nthAddress, requireAddress, requireCidr } from '../../base/ip.ts'
import { Refusal } from '../openapi/refusal.ts'
import type { Transaction } from '../state/transaction.ts'
import { PRIVATE_ADDRESSES, type VSwitch } from './model.ts'

/** The network address; and the gateway, one for the cloud's own use, and broadcast at the end. */
const RESERVED_AT_START = 1n
const RESERVED_AT_END = 3n

/** How many addresses of a vSwitch resources can have in all. */
export function usableAddresses(cidrBlock: string): number {
  return Number(cidrSize(requireCidr(cidrBlock)) - RESERVED_AT_START - RESERVED_AT_END)
}

/** How many are free now. */
export function availableAddresses(transaction: Transaction, vSwitch: VSwitch): number {
  return usableAddresses(vSwitch.cidrBlock) - heldAddresses(transaction, vSwitch.id).size
}

/**
 * Takes a free address of a vSwitch for a resource: the one asked for, else the lowest.
 *
 * @throws Refusal `InvalidIp.IpAssigned`, `InvalidIPAddress.NotInVSwitch`, `InvalidVSwitchId.IpNotEnough`
 */
export function takeAddress(
  transaction: Transaction,
  vSwitch: VSwitch,
  { holder, wanted }: { holder: string; wanted?: string | undefined },
): string {
  const held = heldAddresses(transaction, vSwitch.id)
  const address = wanted === undefined ? lowestFree(vSwitch, held) : requireFree(vSwitch, held, wanted)
  transaction.put(PRIVATE_ADDRESSES, `${vSwitch.id}/${address}`, { vSwitchId: vSwitch.id, address, holder })
  return address
}

/** Gives an address back. One that nobody holds is fine. */
export function returnAddress(transaction: Transaction, vSwitchId: string, address: string): void {
  transaction.delete(PRIVATE_ADDRESSES, `${vSwitchId}/${address}`)
}

function heldAddresses(transaction: Transaction, vSwitchId: string): Set<string> {
  const held = transaction.list(PRIVATE_ADDRESSES).filter((address) => address.vSwitchId === vSwitchId)
  return new Set(held.map(({ address }) => address))
}

function lowestFree(vSwitch: VSwitch, held: ReadonlySet<string>): string {
  const cidr = requireCidr(vSwitch.cidrBlock)
  for (let n = 1; n <= usableAddresses(vSwitch.cidrBlock); n++) {
    const address = formatAddress(nthAddress(cidr, n))
    if (!held.has(address)) return address
  }
  throw new Refusal(
    'InvalidVSwitchId.IpNotEnough',
    `The vSwitch ${vSwitch.id} (${vSwitch.cidrBlock}) has no free address: all ${usableAddresses(vSwitch.cidrBlock)} are in use.`,
  )
}

function requireFree(vSwitch: VSwitch, held: ReadonlySet<string>, wanted: string): string {
  const cidr = requireCidr(vSwitch.cidrBlock)
  const offset = addressOffset(cidr, requireAddress(wanted))
  const inside = offset !== undefined && offset >= RESERVED_AT_START && offset < cidrSize(cidr) - RESERVED_AT_END
  if (!inside) {
    throw new Refusal(
      'InvalidIPAddress.NotInVSwitch',
      `The address ${wanted} is not among those of the vSwitch ${vSwitch.id} (${vSwitch.cidrBlock}) that resources can have.`,
    )
  }
  if (held.has(wanted)) throw new Refusal('InvalidIp.IpAssigned', `The address ${wanted} of ${vSwitch.id} is in use.`)
  return wanted
}
