import { addressFamily } from '../../base/ip.ts'
import type { Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { newResourceId } from '../resource/resource-id.ts'
import type { Transaction } from '../state/transaction.ts'
import { returnAddress, takeAddress } from '../vpc/address-pool.ts'
import { ELASTIC_IPS, type ElasticIp, VSWITCHES, type VSwitch } from '../vpc/model.ts'
import { returnPublicAddress, takePublicAddress } from '../vpc/public-address-pool.ts'
import { notFound } from './find.ts'
import type { NetworkLoadBalancer, ZoneMapping } from './model.ts'

const FEWEST_ZONES = 2
const MOST_ZONES = 10
/** Mbps of an EIP that is allocated for a zone. */
const BANDWIDTH = 200

/** A zone as a caller asks for it. */
export interface ZoneRequest {
  readonly vSwitch: VSwitch
  readonly privateAddress?: string
  readonly allocationId?: string
}

/** Who the addresses are for. */
export interface Holder {
  readonly transaction: Transaction
  readonly loadBalancerId: string
  readonly now: number
}

/** Reads `ZoneMappings`: 2 to 10 zones of a VPC, each once. @throws Refusal */
export function zoneRequests({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>, vpcId: string) {
  const requests = parameters.objects('ZoneMappings').map((zone): ZoneRequest => {
    const zoneId = zone.required('ZoneId')
    const vSwitch = requireVSwitch(transaction, { id: zone.required('VSwitchId'), zoneId, vpcId })
    const privateAddress = zone.string('PrivateIPv4Address')
    if (privateAddress !== undefined && addressFamily(privateAddress) !== 4) {
      throw new Refusal('IllegalParam.PrivateIPv4Address', `'${privateAddress}' is not an IPv4 address.`)
    }
    const allocationId = zone.string('AllocationId')
    return {
      vSwitch,
      ...(privateAddress === undefined ? {} : { privateAddress }),
      ...(allocationId === undefined ? {} : { allocationId }),
    }
  })
  requireDistinct(requests)
  return requests
}

function requireVSwitch(
  transaction: Transaction,
  { id, zoneId, vpcId }: { id: string; zoneId: string; vpcId: string },
): VSwitch {
  const vSwitch = transaction.get(VSWITCHES, id) ?? notFound('VSwitch', id)
  if (vSwitch.zoneId !== zoneId) {
    throw new Refusal(
      'Mismatch.ZoneIdAndVswitchId',
      `The vSwitch ${id} is in the zone ${vSwitch.zoneId}, not in ${zoneId}.`,
    )
  }
  if (vSwitch.vpcId === vpcId) return vSwitch
  throw new Refusal('Mismatch.VpcId', `The vSwitch ${id} belongs to ${vSwitch.vpcId}, not to ${vpcId}.`)
}

function requireDistinct(requests: readonly ZoneRequest[]): void {
  const zones = new Set(requests.map(({ vSwitch }) => vSwitch.zoneId))
  if (zones.size < requests.length) {
    throw new Refusal('OperationFailed.DuplicateZones', 'ZoneMappings names a zone twice: give one vSwitch of each.')
  }
  if (zones.size < FEWEST_ZONES || zones.size > MOST_ZONES) {
    throw new Refusal('InvalidZones', `ZoneMappings has ${zones.size} zones: give ${FEWEST_ZONES} to ${MOST_ZONES}.`)
  }
  const eips = requests.flatMap(({ allocationId }) => allocationId ?? [])
  if (new Set(eips).size === eips.length) return
  throw new Refusal('DuplicatedParam.AllocationId', 'ZoneMappings names an EIP twice: give each zone its own.')
}

/** Takes a private address in a zone, an EIP where the instance is one of the internet, and an IPv6 address of DualStack. @throws Refusal */
export function enterZone(
  holder: Holder,
  request: ZoneRequest,
  { addressType, ipv6AddressType }: Pick<NetworkLoadBalancer, 'addressType' | 'ipv6AddressType'>,
): ZoneMapping {
  const { transaction, loadBalancerId } = holder
  const { vSwitch, privateAddress: wanted, allocationId } = request
  const privateAddress = takeAddress(transaction, vSwitch, { holder: loadBalancerId, wanted })
  const place: ZoneMapping = { zoneId: vSwitch.zoneId, vSwitchId: vSwitch.id, privateAddress }
  const zone: ZoneMapping =
    ipv6AddressType === undefined
      ? place
      : { ...place, ipv6Address: takePublicAddress(transaction, { holder: loadBalancerId, version: 'ipv6' }) }
  if (addressType === 'Internet') return openToInternet(holder, zone, allocationId)
  if (allocationId === undefined) return zone
  throw new Refusal('IllegalParam.AllocationId', 'An instance of AddressType Intranet has no EIP.')
}

/** Binds an EIP to a zone's private address: the one named, else a new one, which goes with the zone. @throws Refusal */
export function openToInternet(holder: Holder, zone: ZoneMapping, allocationId: string | undefined): ZoneMapping {
  const { transaction, loadBalancerId } = holder
  const eip = allocationId === undefined ? allocate(holder, zone) : requireFreeEip(transaction, allocationId)
  const binding = {
    instanceType: 'Nlb',
    instanceId: loadBalancerId,
    privateAddress: zone.privateAddress,
  } as const
  transaction.put(ELASTIC_IPS, eip.allocationId, { ...eip, binding })
  return allocationId === undefined ? { ...zone, ownAllocationId: eip.allocationId } : zone
}

/** Unbinds a zone's EIP; one that was allocated for it is released. */
export function closeToInternet(transaction: Transaction, zone: ZoneMapping): ZoneMapping {
  const { ownAllocationId, ...rest } = zone
  const eip = publicAddressOf(transaction, zone)
  if (eip === undefined) return rest
  if (eip.allocationId === ownAllocationId) {
    transaction.delete(ELASTIC_IPS, eip.allocationId)
    returnPublicAddress(transaction, eip.address)
  } else {
    const { binding: _, ...free } = eip
    transaction.put(ELASTIC_IPS, eip.allocationId, free)
  }
  return rest
}

/** Gives all addresses of a zone back. */
export function leaveZone(transaction: Transaction, zone: ZoneMapping): void {
  closeToInternet(transaction, zone)
  if (zone.ipv6Address !== undefined) returnPublicAddress(transaction, zone.ipv6Address)
  returnAddress(transaction, zone.vSwitchId, zone.privateAddress)
}

/** The EIP of a zone, if it has one. */
export function publicAddressOf(
  reader: Pick<Transaction, 'list'>,
  { privateAddress }: ZoneMapping,
): ElasticIp | undefined {
  return reader
    .list(ELASTIC_IPS)
    .find(({ binding }) => binding?.instanceType === 'Nlb' && binding.privateAddress === privateAddress)
}

/** Where an instance is found by its name: of each zone the public address, or the private one when it has none, and the IPv6 address. */
export function namedAddresses(
  reader: Pick<Transaction, 'list'>,
  { zones }: Pick<NetworkLoadBalancer, 'zones'>,
): readonly string[] {
  return zones.flatMap((zone) => {
    const ipv6 = zone.ipv6Address === undefined ? [] : [zone.ipv6Address]
    return [publicAddressOf(reader, zone)?.address ?? zone.privateAddress, ...ipv6]
  })
}

function allocate({ transaction, loadBalancerId, now }: Holder, zone: ZoneMapping): ElasticIp {
  requireQuota(transaction, 'vpc_quota_eip_num', {
    wanted: transaction.list(ELASTIC_IPS).length + 1,
    code: 'QuotaExceeded.QuotaInsufficient',
  })
  const allocationId = newResourceId('eip')
  return {
    allocationId,
    address: takePublicAddress(transaction, { holder: allocationId, version: 'ipv4' }),
    name: `${loadBalancerId}-${zone.zoneId}`,
    bandwidth: BANDWIDTH,
    internetChargeType: 'PayByTraffic',
    tags: [],
    createdAt: now,
  }
}

function requireFreeEip(transaction: Transaction, allocationId: string): ElasticIp {
  const eip = transaction.get(ELASTIC_IPS, allocationId) ?? notFound('AllocationId', allocationId)
  if (eip.binding === undefined) return eip
  throw new Refusal(
    'ResourceAlreadyAssociated.AllocationId',
    `The EIP ${allocationId} is bound to ${eip.binding.instanceId} already.`,
  )
}
