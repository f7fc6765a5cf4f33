import { formatTime } from '../../base/time.ts'
import type { Action, Call } from '../openapi/product.ts'
import { REGION_ID } from '../region.ts'
import { pageByToken } from '../resource/page.ts'
import { hasTags, tagFilter } from '../resource/tags.ts'
import { requireLoadBalancer } from './find.ts'
import { NETWORK_LOAD_BALANCERS, type NetworkLoadBalancer, type Protection, type ZoneMapping } from './model.ts'
import { NLB_ZONE } from './nlb-zone.ts'
import { publicAddressOf } from './zone-mappings.ts'

/** Reading instances. */
export const LOAD_BALANCER_VIEWS: readonly (readonly [string, Action])[] = [
  ['ListLoadBalancers', listLoadBalancers],
  ['GetLoadBalancerAttribute', getLoadBalancerAttribute],
]

/** The name that clients have for an instance: it stands for the addresses of all its zones. */
export function dnsName(loadBalancerId: string): string {
  return `${loadBalancerId}.${REGION_ID}.${NLB_ZONE}`
}

function listLoadBalancers({ parameters, transaction }: Call): object {
  const found = transaction
    .list(NETWORK_LOAD_BALANCERS)
    .filter((one) => matches(parameters, one))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const { items, ...page } = pageByToken(found, parameters, { keyOf: ({ id }) => id })
  return { LoadBalancers: items.map((one) => view(transaction, one)), ...page }
}

function matches(parameters: Call['parameters'], one: NetworkLoadBalancer): boolean {
  const among = (name: string, value: string) => {
    const wanted = parameters.list(name)
    return wanted.length === 0 || wanted.includes(value)
  }
  const equal = (name: string, value: string) => (parameters.string(name) ?? value) === value
  const zone = parameters.string('ZoneId')
  return (
    among('LoadBalancerIds', one.id) &&
    among('LoadBalancerNames', one.name) &&
    among('VpcIds', one.vpcId) &&
    equal('AddressType', one.addressType) &&
    equal('AddressIpVersion', ipVersionOf(one)) &&
    equal('LoadBalancerStatus', 'Active') &&
    equal('LoadBalancerBusinessStatus', 'Normal') &&
    equal('DNSName', dnsName(one.id)) &&
    equal('ResourceGroupId', one.resourceGroupId) &&
    (zone === undefined || one.zones.some(({ zoneId }) => zoneId === zone)) &&
    hasTags(one.tags, tagFilter(parameters))
  )
}

function getLoadBalancerAttribute({ parameters, transaction }: Call): object {
  return view(transaction, requireLoadBalancer(transaction, parameters.required('LoadBalancerId')))
}

function view(transaction: Call['transaction'], one: NetworkLoadBalancer): object {
  const { enabled, reason, since } = one.deletionProtection
  return {
    LoadBalancerId: one.id,
    LoadBalancerName: one.name,
    LoadBalancerType: 'Network',
    LoadBalancerStatus: 'Active',
    LoadBalancerBusinessStatus: 'Normal',
    AddressType: one.addressType,
    AddressIpVersion: ipVersionOf(one),
    Ipv6AddressType: one.ipv6AddressType ?? '',
    DNSName: dnsName(one.id),
    RegionId: REGION_ID,
    VpcId: one.vpcId,
    ZoneMappings: one.zones.map((zone) => zoneView(transaction, zone)),
    SecurityGroupIds: one.securityGroupIds,
    BandwidthPackageId: one.bandwidthPackageId ?? '',
    CrossZoneEnabled: one.crossZoneEnabled,
    DeletionProtectionConfig: {
      Enabled: enabled,
      Reason: reason ?? '',
      EnabledTime: since === undefined ? '' : formatTime(since),
    },
    ModificationProtectionConfig: modificationView(one.modificationProtection),
    LoadBalancerBillingConfig: { PayType: 'PostPay' },
    ResourceGroupId: one.resourceGroupId,
    CreateTime: formatTime(one.createdAt),
    OperationLocks: [],
    Tags: one.tags.map(({ key, value }) => ({ Key: key, Value: value })),
  }
}

function ipVersionOf({ ipv6AddressType }: NetworkLoadBalancer): 'ipv4' | 'DualStack' {
  return ipv6AddressType === undefined ? 'ipv4' : 'DualStack'
}

function modificationView({ enabled, reason, since }: Protection): object {
  return {
    Status: enabled ? 'ConsoleProtection' : 'NonProtection',
    Reason: reason ?? '',
    EnabledTime: since === undefined ? '' : formatTime(since),
  }
}

function zoneView(transaction: Call['transaction'], zone: ZoneMapping): object {
  const eip = publicAddressOf(transaction, zone)
  const ipv6 = zone.ipv6Address === undefined ? {} : { Ipv6Address: zone.ipv6Address }
  const open = eip === undefined ? {} : { PublicIPv4Address: eip.address, AllocationId: eip.allocationId }
  return {
    ZoneId: zone.zoneId,
    VSwitchId: zone.vSwitchId,
    Status: 'Active',
    LoadBalancerAddresses: [{ PrivateIPv4Address: zone.privateAddress, ...open, ...ipv6 }],
  }
}
