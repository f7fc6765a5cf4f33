import { SECURITY_GROUPS } from '../ecs/model.ts'
import { missing } from '../openapi/parameters.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { tagsOf } from '../resource/tags.ts'
import { VPCS } from '../vpc/model.ts'
import { listenersOf, notFound, requireLoadBalancer } from './find.ts'
import { startJob } from './jobs.ts'
import { DEFAULT_RESOURCE_GROUP, NETWORK_LOAD_BALANCERS, type NetworkLoadBalancer, NLB_LISTENERS } from './model.ts'
import { changedProtection, createdProtection } from './protection.ts'
import {
  closeToInternet,
  enterZone,
  leaveZone,
  openToInternet,
  publicAddressOf,
  zoneRequests,
} from './zone-mappings.ts'

/** Making, changing and ending instances; reading them is in `load-balancer-views.ts`. */
export const LOAD_BALANCER_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateLoadBalancer', createLoadBalancer],
  ['DeleteLoadBalancer', deleteLoadBalancer],
  ['UpdateLoadBalancerAttribute', updateAttribute],
  ['UpdateLoadBalancerAddressTypeConfig', updateAddressType],
  ['UpdateLoadBalancerZones', updateZones],
  ['UpdateLoadBalancerProtection', updateProtection],
  ['LoadBalancerJoinSecurityGroup', joinSecurityGroup],
  ['LoadBalancerLeaveSecurityGroup', leaveSecurityGroup],
  ['AttachCommonBandwidthPackageToLoadBalancer', attachBandwidthPackage],
  ['DetachCommonBandwidthPackageFromLoadBalancer', detachBandwidthPackage],
  ['EnableLoadBalancerIpv6Internet', (call) => setIpv6Internet(call, 'Internet')],
  ['DisableLoadBalancerIpv6Internet', (call) => setIpv6Internet(call, 'Intranet')],
]

const ADDRESS_TYPES = ['Internet', 'Intranet'] as const
const NAME = {
  pattern: /^\p{L}[\p{L}\d._-]{1,127}$/u,
  wanted: '2 to 128 letters, digits, dots, underscores and dashes, a letter first',
  code: 'IllegalParam.loadBalancerName',
}

/** The instance is there at once: nothing carries traffic before it has listeners. */
function createLoadBalancer(call: Call): object {
  const { parameters, transaction, now } = call
  const count = transaction.list(NETWORK_LOAD_BALANCERS).length
  requireQuota(transaction, 'nlb_quota_loadbalancers_num', {
    wanted: count + 1,
    code: 'QuotaExceeded.QuotaInsufficient',
  })
  const id = newResourceId('nlb')
  const vpcId = parameters.required('VpcId')
  if (transaction.get(VPCS, vpcId) === undefined) notFound('Vpc', vpcId)
  const addressType = parameters.oneOf('AddressType', ADDRESS_TYPES) ?? missing('AddressType')
  const dualStack = parameters.oneOf('AddressIpVersion', ['ipv4', 'DualStack']) === 'DualStack'
  const types = { addressType, ...(dualStack ? { ipv6AddressType: 'Intranet' as const } : {}) }
  const bandwidthPackageId = parameters.string('BandwidthPackageId')
  if (bandwidthPackageId !== undefined) requireInternet({ id, addressType })
  const holder = { transaction, loadBalancerId: id, now }
  transaction.put(NETWORK_LOAD_BALANCERS, id, {
    id,
    name: parameters.string('LoadBalancerName', NAME) ?? id,
    ...types,
    vpcId,
    zones: zoneRequests(call, vpcId).map((zone) => enterZone(holder, zone, types)),
    securityGroupIds: requireSecurityGroups(call, vpcId),
    ...(bandwidthPackageId === undefined ? {} : { bandwidthPackageId }),
    crossZoneEnabled: true,
    ...createdProtection(call),
    resourceGroupId: parameters.string('ResourceGroupId') ?? DEFAULT_RESOURCE_GROUP,
    tags: tagsOf(parameters),
    createdAt: now,
  })
  // The API's page has it with a small b; callers read either.
  return { LoadbalancerId: id, LoadBalancerId: id }
}

/** New instances are closed to the internet by IPv6. */
function setIpv6Internet(call: Call, ipv6AddressType: 'Internet' | 'Intranet'): object {
  const { id, ipv6AddressType: before } = loadBalancerOf(call)
  if (before !== undefined) return change(call, { ipv6AddressType })
  throw new Refusal(
    'OperationDenied.AddressIpVersionNotSupport',
    `The instance ${id} has the AddressIpVersion ipv4: it has no IPv6 address to open or close to the internet.`,
  )
}

/** Listeners and addresses go with the instance; server groups stay. */
function deleteLoadBalancer(call: Call): object {
  const { transaction } = call
  const loadBalancer = loadBalancerOf(call)
  if (loadBalancer.deletionProtection.enabled) {
    throw new Refusal(
      'OperationDenied.DeletionProtectionEnabled',
      `The instance ${loadBalancer.id} is protected: disable its deletion protection first.`,
    )
  }
  for (const listener of listenersOf(transaction, loadBalancer.id)) transaction.delete(NLB_LISTENERS, listener.id)
  for (const zone of loadBalancer.zones) leaveZone(transaction, zone)
  transaction.delete(NETWORK_LOAD_BALANCERS, loadBalancer.id)
  return startJob(call)
}

function updateAttribute(call: Call): object {
  const { parameters } = call
  const { name, crossZoneEnabled } = loadBalancerOf(call)
  return change(call, {
    name: parameters.string('LoadBalancerName', NAME) ?? name,
    crossZoneEnabled: parameters.boolean('CrossZoneEnabled') ?? crossZoneEnabled,
  })
}

/** Private addresses stay; public ones come or go. */
function updateAddressType(call: Call): object {
  const { parameters, transaction, now } = call
  const loadBalancer = loadBalancerOf(call)
  const addressType = parameters.oneOf('AddressType', ADDRESS_TYPES) ?? missing('AddressType')
  if (addressType === loadBalancer.addressType) return startJob(call)
  if (addressType === 'Intranet') {
    if (loadBalancer.bandwidthPackageId !== undefined) {
      throw new Refusal(
        'OperationDenied.BandwidthPackageAttached',
        `The instance ${loadBalancer.id} has the bandwidth package ${loadBalancer.bandwidthPackageId}: detach it first.`,
      )
    }
    return change(call, { addressType, zones: loadBalancer.zones.map((zone) => closeToInternet(transaction, zone)) })
  }
  const eips = new Map(
    parameters.objects('ZoneMappings').map((zone) => [zone.required('ZoneId'), zone.string('AllocationId')]),
  )
  const holder = { transaction, loadBalancerId: loadBalancer.id, now }
  const zones = loadBalancer.zones.map((zone) => openToInternet(holder, zone, eips.get(zone.zoneId)))
  return change(call, { addressType, zones })
}

/** Zones that stay keep their addresses; those not named are left. */
function updateZones(call: Call): object {
  const { transaction, now } = call
  const loadBalancer = loadBalancerOf(call)
  const { id, vpcId, addressType, zones: before } = loadBalancer
  const requests = zoneRequests(call, vpcId)
  for (const zone of before) {
    if (!requests.some(({ vSwitch }) => vSwitch.zoneId === zone.zoneId)) leaveZone(transaction, zone)
  }
  const zones = requests.map((request) => {
    const zone = before.find(({ zoneId }) => zoneId === request.vSwitch.zoneId)
    if (zone === undefined) return enterZone({ transaction, loadBalancerId: id, now }, request, loadBalancer)
    if (zone.vSwitchId !== request.vSwitch.id) {
      throw new Refusal(
        'OperationDenied.ZoneVSwitchChanged',
        `The zone ${zone.zoneId} has the vSwitch ${zone.vSwitchId}, which cannot change: leave the zone first.`,
      )
    }
    if (request.privateAddress !== undefined && request.privateAddress !== zone.privateAddress) {
      throw new Refusal(
        'OperationDenied.ProtectedPrivateIPv4AddressChanged',
        `The address ${zone.privateAddress} of the zone ${zone.zoneId} cannot change: leave the zone first.`,
      )
    }
    const { allocationId } = request
    if (allocationId === undefined || allocationId === publicAddressOf(transaction, zone)?.allocationId) return zone
    requireInternet({ id, addressType })
    return openToInternet({ transaction, loadBalancerId: id, now }, closeToInternet(transaction, zone), allocationId)
  })
  return change(call, { zones })
}

function updateProtection(call: Call): object {
  return change(call, changedProtection(call, loadBalancerOf(call)))
}

function joinSecurityGroup(call: Call): object {
  const { vpcId, securityGroupIds } = loadBalancerOf(call)
  const joined = requireSecurityGroups(call, vpcId)
  if (joined.length === 0) missing('SecurityGroupIds')
  return change(call, { securityGroupIds: [...new Set([...securityGroupIds, ...joined])] })
}

function leaveSecurityGroup(call: Call): object {
  const left = call.parameters.list('SecurityGroupIds')
  if (left.length === 0) missing('SecurityGroupIds')
  const { securityGroupIds } = loadBalancerOf(call)
  return change(call, { securityGroupIds: securityGroupIds.filter((id) => !left.includes(id)) })
}

function requireSecurityGroups({ parameters, transaction }: Call, vpcId: string): string[] {
  const ids = parameters.list('SecurityGroupIds')
  for (const id of ids) {
    const group = transaction.get(SECURITY_GROUPS, id) ?? notFound('SecurityGroup', id)
    if (group.vpcId === vpcId) continue
    throw new Refusal('Mismatch.VpcId', `The security group ${id} belongs to ${group.vpcId}, not to ${vpcId}.`)
  }
  return ids
}

function attachBandwidthPackage(call: Call): object {
  const loadBalancer = loadBalancerOf(call)
  requireInternet(loadBalancer)
  const bandwidthPackageId = call.parameters.required('BandwidthPackageId')
  const other = loadBalancer.bandwidthPackageId
  if (other !== undefined && other !== bandwidthPackageId) {
    throw new Refusal(
      'ResourceAlreadyAssociated.BandwidthPackageId',
      `The instance ${loadBalancer.id} has the bandwidth package ${other}: detach it first.`,
    )
  }
  return change(call, { bandwidthPackageId })
}

function detachBandwidthPackage(call: Call): object {
  const { bandwidthPackageId, ...rest } = loadBalancerOf(call)
  const asked = call.parameters.required('BandwidthPackageId')
  if (bandwidthPackageId !== asked) notFound('BandwidthPackageId', asked)
  call.transaction.put(NETWORK_LOAD_BALANCERS, rest.id, rest)
  return startJob(call)
}

function requireInternet({ id, addressType }: Pick<NetworkLoadBalancer, 'id' | 'addressType'>): void {
  if (addressType === 'Internet') return
  throw new Refusal(
    'OperationDenied.AddressTypeNotSupport',
    `The instance ${id} is of AddressType Intranet: it has no internet traffic.`,
  )
}

function loadBalancerOf({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): NetworkLoadBalancer {
  return requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
}

function change(call: Call, changed: Partial<NetworkLoadBalancer>): { JobId: string } {
  const loadBalancer = { ...loadBalancerOf(call), ...changed }
  call.transaction.put(NETWORK_LOAD_BALANCERS, loadBalancer.id, loadBalancer)
  return startJob(call)
}
