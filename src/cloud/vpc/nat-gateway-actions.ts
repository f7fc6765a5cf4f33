import { formatTime } from '../../base/time.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { pageByNumber } from '../resource/page.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { returnAddress, takeAddress } from './address-pool.ts'
import { ELASTIC_IPS, NAT_GATEWAYS, type NatGateway, SNAT_ENTRIES, VPCS, VSWITCHES } from './model.ts'

/** NAT gateways; what they translate is in their SNAT tables. */
export const NAT_GATEWAY_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateNatGateway', createNatGateway],
  ['DescribeNatGateways', describeNatGateways],
  ['DeleteNatGateway', deleteNatGateway],
]

function createNatGateway({ parameters, transaction, now }: Call): object {
  const vpcId = parameters.required('VpcId')
  if (transaction.get(VPCS, vpcId) === undefined) {
    throw new Refusal('InvalidVpcId.NotFound', `The VPC ${vpcId} does not exist.`, 404)
  }
  const vSwitchId = parameters.required('VSwitchId')
  const vSwitch = transaction.get(VSWITCHES, vSwitchId)
  if (vSwitch?.vpcId !== vpcId) {
    throw new Refusal('InvalidVSwitchId.NotFound', `The vSwitch ${vSwitchId} does not exist in ${vpcId}.`, 404)
  }
  const [id, snatTableId] = [newResourceId('ngw'), newResourceId('stb')]
  transaction.put(NAT_GATEWAYS, id, {
    id,
    name: parameters.string('Name') ?? '',
    vpcId,
    vSwitchId,
    privateAddress: takeAddress(transaction, vSwitch, { holder: id }),
    snatTableId,
    createdAt: now,
  })
  return { NatGatewayId: id, SnatTableIds: { SnatTableId: [snatTableId] }, ForwardTableIds: { ForwardTableId: [] } }
}

function describeNatGateways({ parameters, transaction }: Call): object {
  const [id, vpcId, name] = ['NatGatewayId', 'VpcId', 'Name'].map((parameter) => parameters.string(parameter))
  const found = transaction
    .list(NAT_GATEWAYS)
    .filter(
      (gateway) =>
        (id === undefined || gateway.id === id) &&
        (vpcId === undefined || gateway.vpcId === vpcId) &&
        (name === undefined || gateway.name === name),
    )
  const { items, ...page } = pageByNumber(found, parameters, { default: 10, max: 50 })
  return { NatGateways: { NatGateway: items.map((gateway) => describe(transaction, gateway)) }, ...page }
}

function describe(transaction: Call['transaction'], gateway: NatGateway): object {
  const IpList = eipsOf(transaction, gateway).map((eip) => ({
    AllocationId: eip.allocationId,
    IpAddress: eip.address,
    UsingStatus: transaction.list(SNAT_ENTRIES).some(({ snatIp }) => snatIp === eip.address)
      ? 'UsedBySnatTable'
      : 'Idle',
  }))
  return {
    NatGatewayId: gateway.id,
    Name: gateway.name,
    VpcId: gateway.vpcId,
    NatType: 'Enhanced',
    NetworkType: 'internet',
    Status: 'Available',
    NatGatewayPrivateInfo: { VswitchId: gateway.vSwitchId, PrivateIpAddress: gateway.privateAddress },
    IpLists: { IpList },
    SnatTableIds: { SnatTableId: [gateway.snatTableId] },
    ForwardTableIds: { ForwardTableId: [] },
    CreationTime: formatTime(gateway.createdAt),
  }
}

function deleteNatGateway({ parameters, transaction }: Call): object {
  const id = parameters.required('NatGatewayId')
  const gateway = transaction.get(NAT_GATEWAYS, id)
  if (gateway === undefined) {
    throw new Refusal('InvalidNatGatewayId.NotFound', `The NAT gateway ${id} does not exist.`, 404)
  }
  const force = parameters.boolean('Force') ?? false
  const entries = transaction.list(SNAT_ENTRIES).filter(({ snatTableId }) => snatTableId === gateway.snatTableId)
  const eips = eipsOf(transaction, gateway)
  if (!force && entries.length + eips.length > 0) {
    throw new Refusal(
      'DependencyViolation',
      `The NAT gateway ${id} has ${entries.length} SNAT entries and ${eips.length} EIPs: delete and unbind them, or give Force.`,
    )
  }
  for (const entry of entries) transaction.delete(SNAT_ENTRIES, entry.id)
  for (const { binding: _, ...free } of eips) transaction.put(ELASTIC_IPS, free.allocationId, free)
  returnAddress(transaction, gateway.vSwitchId, gateway.privateAddress)
  transaction.delete(NAT_GATEWAYS, id)
  return {}
}

function eipsOf(transaction: Call['transaction'], { id }: NatGateway) {
  return transaction.list(ELASTIC_IPS).filter(({ binding }) => binding?.instanceId === id)
}
