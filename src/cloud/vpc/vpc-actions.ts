import { formatTime } from '../../base/time.ts'
import type { Action, Call } from '../openapi/product.ts'
import { pageByNumber } from '../resource/page.ts'
import { availableAddresses } from './address-pool.ts'
import { ROUTE_TABLES, VPCS, VSWITCHES } from './model.ts'

/** VPCs and their vSwitches, which exist from the start. */
export const VPC_ACTIONS: readonly (readonly [string, Action])[] = [
  ['DescribeVpcs', describeVpcs],
  ['DescribeVSwitches', describeVSwitches],
]

function describeVpcs({ parameters, transaction }: Call): object {
  const ids = parameters.string('VpcId')?.split(',')
  const found = transaction.list(VPCS).filter((vpc) => ids === undefined || ids.includes(vpc.id))
  const { items, ...page } = pageByNumber(found, parameters, { default: 10, max: 50 })
  const Vpc = items.map((vpc) => ({
    VpcId: vpc.id,
    VpcName: vpc.name,
    CidrBlock: vpc.cidrBlock,
    SecondaryCidrBlocks: { SecondaryCidrBlock: vpc.secondaryCidrBlocks },
    Ipv6CidrBlock: vpc.ipv6CidrBlock ?? '',
    Status: 'Available',
    VSwitchIds: { VSwitchId: vSwitchIds(transaction, vpc.id) },
    RouterTableIds: {
      RouterTableIds: transaction
        .list(ROUTE_TABLES)
        .filter((table) => table.vpcId === vpc.id)
        .map((table) => table.id),
    },
    CreationTime: formatTime(vpc.createdAt),
  }))
  return { Vpcs: { Vpc }, ...page }
}

function vSwitchIds(transaction: Call['transaction'], vpcId: string): string[] {
  return transaction
    .list(VSWITCHES)
    .filter((vSwitch) => vSwitch.vpcId === vpcId)
    .map((vSwitch) => vSwitch.id)
}

function describeVSwitches({ parameters, transaction }: Call): object {
  const [id, vpcId, zoneId] = ['VSwitchId', 'VpcId', 'ZoneId'].map((name) => parameters.string(name))
  const found = transaction
    .list(VSWITCHES)
    .filter(
      (vSwitch) =>
        (id === undefined || id.split(',').includes(vSwitch.id)) &&
        (vpcId === undefined || vSwitch.vpcId === vpcId) &&
        (zoneId === undefined || vSwitch.zoneId === zoneId),
    )
  const { items, ...page } = pageByNumber(found, parameters, { default: 10, max: 50 })
  const VSwitch = items.map((vSwitch) => ({
    VSwitchId: vSwitch.id,
    VSwitchName: vSwitch.name,
    VpcId: vSwitch.vpcId,
    ZoneId: vSwitch.zoneId,
    CidrBlock: vSwitch.cidrBlock,
    Ipv6CidrBlock: vSwitch.ipv6CidrBlock ?? '',
    AvailableIpAddressCount: availableAddresses(transaction, vSwitch),
    Status: 'Available',
    CreationTime: formatTime(vSwitch.createdAt),
  }))
  return { VSwitches: { VSwitch }, ...page }
}
