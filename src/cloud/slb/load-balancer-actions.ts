import { addressFamily } from '../../base/ip.ts'
import { missing } from '../openapi/parameters.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { REGION_ID } from '../region.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { tagsOf } from '../resource/tags.ts'
import { returnAddress, takeAddress } from '../vpc/address-pool.ts'
import { VPCS, VSWITCHES, type VSwitch } from '../vpc/model.ts'
import { returnPublicAddress, takePublicAddress } from '../vpc/public-address-pool.ts'
import { groupsOf, listenersOf, requireLoadBalancer } from './find.ts'
import { LISTENERS, LOAD_BALANCERS, type LoadBalancer, listenerKey, VSERVER_GROUPS } from './model.ts'

/** Making, changing and ending instances; reading them is in `load-balancer-views.ts`. */
export const LOAD_BALANCER_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateLoadBalancer', createLoadBalancer],
  ['DeleteLoadBalancer', deleteLoadBalancer],
  ['SetLoadBalancerName', setLoadBalancerName],
  ['SetLoadBalancerStatus', setLoadBalancerStatus],
  ['SetLoadBalancerDeleteProtection', setLoadBalancerDeleteProtection],
  ['SetLoadBalancerModificationProtection', setLoadBalancerModificationProtection],
  ['ModifyLoadBalancerInstanceSpec', modifyInstanceSpec],
  ['ModifyLoadBalancerInternetSpec', modifyInternetSpec],
  ['ModifyLoadBalancerInstanceChargeType', modifyInstanceChargeType],
]

const SPECS = [
  'slb.s1.small',
  'slb.s2.small',
  'slb.s2.medium',
  'slb.s3.small',
  'slb.s3.medium',
  'slb.s3.large',
] as const
const NAME = {
  pattern: /^[\p{L}][\p{L}\d._-]{0,79}$/u,
  wanted: '1 to 80 letters, digits, dots, underscores and dashes, a letter first',
}
const REASON = {
  pattern: /^[\p{L}][\p{L}\d._-]{0,79}$/u,
  wanted: NAME.wanted,
  code: 'InvalidParam.ModificationProtectionReason',
}
const MAXIMUM_BANDWIDTH = 5_120
const DEFAULT_RESOURCE_GROUP = 'rg-acfmxazb4ph6aiy'

function createLoadBalancer({ parameters, transaction, now }: Call): object {
  const count = transaction.list(LOAD_BALANCERS).length
  requireQuota(transaction, 'slb_quota_instances_num', { wanted: count + 1 })
  const id = newResourceId('lb')
  const vSwitch = vSwitchOf({ parameters, transaction })
  const loadBalancer: LoadBalancer = {
    id,
    name: parameters.string('LoadBalancerName', NAME) ?? `auto_named_slb_${id.slice(-6)}`,
    ...placeOf({ parameters, transaction }, { id, vSwitch }),
    ...zonesOf({ parameters, transaction }, vSwitch),
    status: 'active',
    ...chargesOf(parameters),
    deleteProtection: parameters.onOff('DeleteProtection') ?? false,
    modificationProtection: protectionOf(parameters, 'ModificationProtectionStatus'),
    resourceGroupId: parameters.string('ResourceGroupId') ?? DEFAULT_RESOURCE_GROUP,
    tags: tagsOf(parameters),
    createdAt: now,
  }
  transaction.put(LOAD_BALANCERS, id, loadBalancer)
  const { address, name, networkType, vpcId, addressIpVersion, resourceGroupId } = loadBalancer
  return {
    LoadBalancerId: id,
    Address: address,
    LoadBalancerName: name,
    NetworkType: networkType,
    VpcId: vpcId,
    VSwitchId: loadBalancer.vSwitchId ?? '',
    AddressIPVersion: addressIpVersion,
    ResourceGroupId: resourceGroupId,
  }
}

function vSwitchOf({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): VSwitch | undefined {
  const id = parameters.string('VSwitchId')
  if (id === undefined) return undefined
  const vSwitch = transaction.get(VSWITCHES, id)
  if (vSwitch === undefined)
    throw new Refusal('InvalidVSwitchId.NotFound', 'The specified virtual switch does not exist.', 404)
  const vpcId = parameters.string('VpcId')
  if (vpcId === undefined || vpcId === vSwitch.vpcId) return vSwitch
  throw new Refusal('InvalidParameter', `The vSwitch ${id} belongs to ${vSwitch.vpcId}, not to ${vpcId}.`)
}

type Place = Pick<LoadBalancer, 'address' | 'addressType' | 'addressIpVersion' | 'networkType' | 'vpcId' | 'vSwitchId'>

/** Where clients find it. A vSwitch makes it one of the intranet unless something else is said. */
function placeOf(
  { parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>,
  { id, vSwitch }: { id: string; vSwitch: VSwitch | undefined },
): Place {
  const addressType =
    parameters.oneOf('AddressType', ['internet', 'intranet']) ?? (vSwitch === undefined ? 'internet' : 'intranet')
  const addressIpVersion = parameters.oneOf('AddressIPVersion', ['ipv4', 'ipv6']) ?? 'ipv4'
  const wanted = parameters.string('Address')
  const vpcId = vSwitch?.vpcId ?? vpcOf({ parameters, transaction })
  if (addressType === 'internet') {
    if (wanted !== undefined)
      throw new Refusal('InvalidParameter', 'Address can be chosen for an intranet instance only.')
    const address = takePublicAddress(transaction, { holder: id, version: addressIpVersion })
    // The cloud itself reaches backends of the VPC from anywhere; the API shows public instances as classic ones.
    return { address, addressType, addressIpVersion, networkType: 'classic', vpcId }
  }
  if (addressIpVersion === 'ipv6') {
    throw new Refusal(
      'InvalidParameter.Mismatch',
      'An instance with AddressIPVersion ipv6 cannot be of AddressType intranet.',
    )
  }
  if (vSwitch === undefined)
    throw new Refusal('MissingParam.VSwitchId', 'VSwitchId is mandatory for an instance of AddressType intranet.')
  if (wanted !== undefined && addressFamily(wanted) !== 4) {
    throw new Refusal('InvalidParameter', `The Address '${wanted}' is not an IPv4 address.`)
  }
  const address = takeAddress(transaction, vSwitch, { holder: id, wanted })
  return { address, addressType, addressIpVersion, networkType: 'vpc', vpcId, vSwitchId: vSwitch.id }
}

function vpcOf({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): string {
  const asked = parameters.string('VpcId')
  const vpc = asked === undefined ? transaction.list(VPCS)[0] : transaction.get(VPCS, asked)
  if (vpc !== undefined) return vpc.id
  throw new Refusal('InvalidVpcId.NotExist', `The specified VpcId ${asked ?? ''} does not exist.`, 404)
}

function zonesOf(
  { parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>,
  vSwitch: VSwitch | undefined,
): Pick<LoadBalancer, 'masterZoneId' | 'slaveZoneId'> {
  const zones = [...new Set(transaction.list(VSWITCHES).map(({ zoneId }) => zoneId))].sort()
  const read = (name: string, otherwise: string) => {
    const zone = parameters.string(name) ?? otherwise
    if (zones.includes(zone)) return zone
    throw new Refusal(
      `InvalidParameter.${name}`,
      `The ${name} '${zone}' is not a zone of ${REGION_ID}: give one of ${zones.join(', ')}.`,
    )
  }
  const masterZoneId = read('MasterZoneId', vSwitch?.zoneId ?? zones[0] ?? '')
  const slaveZoneId = read('SlaveZoneId', zones.find((zone) => zone !== masterZoneId) ?? masterZoneId)
  return { masterZoneId, slaveZoneId }
}

type Charges = Pick<LoadBalancer, 'instanceChargeType' | 'internetChargeType' | 'bandwidth' | 'spec'>

function chargesOf(parameters: Call['parameters']): Charges {
  const instanceChargeType = chargeTypeOf(parameters) ?? 'PayBySpec'
  const spec = specOf(parameters)
  const internetChargeType =
    parameters.oneOf('InternetChargeType', ['paybytraffic', 'paybybandwidth']) ?? 'paybytraffic'
  if (instanceChargeType === 'PayByCLCU') {
    if (internetChargeType === 'paybybandwidth') {
      throw new Refusal(
        'InvalidParameter',
        'An instance with InstanceChargeType PayByCLCU pays by traffic: paybybandwidth is not offered.',
      )
    }
    return { instanceChargeType, internetChargeType, bandwidth: -1 }
  }
  if (spec === undefined) {
    throw new Refusal('ShareSlbHaltSales', 'The share instance has been discontinued: give a LoadBalancerSpec.')
  }
  return { instanceChargeType, internetChargeType, bandwidth: bandwidthOf(parameters, internetChargeType), spec }
}

function chargeTypeOf(parameters: Call['parameters']): LoadBalancer['instanceChargeType'] | undefined {
  return parameters.oneOf('InstanceChargeType', ['PayBySpec', 'PayByCLCU'], 'IllegalParam.InstanceChargeType')
}

function specOf(parameters: Call['parameters']): LoadBalancer['spec'] {
  return parameters.oneOf('LoadBalancerSpec', SPECS, 'InvalidParameter.LoadBalancerSpec')
}

/** By traffic there is no limit; what is asked for is not kept. */
function bandwidthOf(parameters: Call['parameters'], internetChargeType: LoadBalancer['internetChargeType']): number {
  const bandwidth = parameters.integer('Bandwidth', {
    min: -1,
    max: MAXIMUM_BANDWIDTH,
    code: 'InvalidParameter.Bandwidth',
  })
  if (internetChargeType === 'paybytraffic') return -1
  if (bandwidth !== undefined && bandwidth >= 1) return bandwidth
  throw new Refusal(
    'InvalidParameter.Bandwidth',
    `An instance that pays by bandwidth needs a Bandwidth of 1 to ${MAXIMUM_BANDWIDTH}.`,
  )
}

function protectionOf(parameters: Call['parameters'], name: string): LoadBalancer['modificationProtection'] {
  const words = ['ConsoleProtection', 'NonProtection'] as const
  const status = parameters.oneOf(name, words, 'InvalidParam.ModificationProtectionStatus') ?? 'NonProtection'
  const reason = parameters.string('ModificationProtectionReason', REASON)
  return status === 'NonProtection' || reason === undefined ? { status } : { status, reason }
}

/** Listeners, groups and the address go with the instance. */
function deleteLoadBalancer({ parameters, transaction }: Call): object {
  const { id, deleteProtection, ...rest } = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  if (deleteProtection) {
    throw new Refusal(
      'OperationDenied.DeleteProtectionIsOn',
      `The instance ${id} is protected: set its DeleteProtection off first.`,
    )
  }
  for (const { port, protocol } of listenersOf(transaction, id))
    transaction.delete(LISTENERS, listenerKey(id, protocol, port))
  for (const group of groupsOf(transaction, id)) transaction.delete(VSERVER_GROUPS, group.id)
  if (rest.vSwitchId === undefined) returnPublicAddress(transaction, rest.address)
  else returnAddress(transaction, rest.vSwitchId, rest.address)
  transaction.delete(LOAD_BALANCERS, id)
  return {}
}

function setLoadBalancerName({ parameters, transaction }: Call): object {
  return change({ parameters, transaction }, { name: parameters.required('LoadBalancerName', NAME) })
}

function setLoadBalancerStatus({ parameters, transaction }: Call): object {
  const status = parameters.oneOf('LoadBalancerStatus', ['active', 'inactive']) ?? missing('LoadBalancerStatus')
  return change({ parameters, transaction }, { status })
}

function setLoadBalancerDeleteProtection({ parameters, transaction }: Call): object {
  const deleteProtection = parameters.onOff('DeleteProtection') ?? missing('DeleteProtection')
  return change({ parameters, transaction }, { deleteProtection })
}

function setLoadBalancerModificationProtection({ parameters, transaction }: Call): object {
  parameters.required('ModificationProtectionStatus')
  return change(
    { parameters, transaction },
    { modificationProtection: protectionOf(parameters, 'ModificationProtectionStatus') },
  )
}

function modifyInstanceSpec({ parameters, transaction }: Call): object {
  const spec = specOf(parameters) ?? missing('LoadBalancerSpec')
  const { instanceChargeType } = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  if (instanceChargeType === 'PayByCLCU') {
    throw new Refusal(
      'OperationDenied.InstanceChargeType',
      'An instance with InstanceChargeType PayByCLCU has no specification.',
    )
  }
  return change({ parameters, transaction }, { spec })
}

function modifyInternetSpec({ parameters, transaction }: Call): object {
  const { addressType, instanceChargeType, internetChargeType } = requireLoadBalancer(
    transaction,
    parameters.required('LoadBalancerId'),
  )
  if (addressType === 'intranet') {
    throw new Refusal(
      'OperationUnsupported.ModifyInternetSpec',
      'An intranet instance has no internet traffic to pay for.',
    )
  }
  const wanted = parameters.oneOf('InternetChargeType', ['paybytraffic', 'paybybandwidth']) ?? internetChargeType
  if (instanceChargeType === 'PayByCLCU' && wanted === 'paybybandwidth') {
    throw new Refusal(
      'InvalidParameter',
      'An instance with InstanceChargeType PayByCLCU pays by traffic: paybybandwidth is not offered.',
    )
  }
  return change({ parameters, transaction }, { internetChargeType: wanted, bandwidth: bandwidthOf(parameters, wanted) })
}

function modifyInstanceChargeType({ parameters, transaction }: Call): object {
  const loadBalancer = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  const wanted = chargeTypeOf(parameters) ?? missing('InstanceChargeType')
  if (wanted === 'PayBySpec' && loadBalancer.instanceChargeType === 'PayByCLCU') {
    throw new Refusal(
      'IllegalParam.InstanceChargeType',
      'PayBySpec is no longer sold: an instance cannot change from PayByCLCU to it.',
    )
  }
  if (wanted !== 'PayByCLCU') return change({ parameters, transaction }, {})
  const { spec: _, ...rest } = loadBalancer
  transaction.put(LOAD_BALANCERS, rest.id, {
    ...rest,
    instanceChargeType: wanted,
    internetChargeType: 'paybytraffic',
    bandwidth: -1,
  })
  return {}
}

function change(
  { parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>,
  changed: Partial<LoadBalancer>,
): object {
  const loadBalancer = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  transaction.put(LOAD_BALANCERS, loadBalancer.id, { ...loadBalancer, ...changed })
  return {}
}
