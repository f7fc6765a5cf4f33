import { formatTime } from '../../base/time.ts'
import type { Action, Call } from '../openapi/product.ts'
import { REGION_ID } from '../region.ts'
import { pageByNumber } from '../resource/page.ts'
import { hasTags, tagFilter } from '../resource/tags.ts'
import { groupsOf, listenersOf, requireLoadBalancer } from './find.ts'
import { LOAD_BALANCERS, type LoadBalancer } from './model.ts'

/** Reading instances. */
export const LOAD_BALANCER_VIEWS: readonly (readonly [string, Action])[] = [
  ['DescribeLoadBalancers', describeLoadBalancers],
  ['DescribeLoadBalancerAttribute', describeLoadBalancerAttribute],
]

const FILTERS = {
  AddressType: 'addressType',
  AddressIPVersion: 'addressIpVersion',
  Address: 'address',
  NetworkType: 'networkType',
  VpcId: 'vpcId',
  VSwitchId: 'vSwitchId',
  LoadBalancerStatus: 'status',
  MasterZoneId: 'masterZoneId',
  SlaveZoneId: 'slaveZoneId',
  ResourceGroupId: 'resourceGroupId',
} as const satisfies Record<string, keyof LoadBalancer>

function describeLoadBalancers({ parameters, transaction }: Call): object {
  const [ids, names] = ['LoadBalancerId', 'LoadBalancerName'].map((name) => parameters.string(name)?.split(','))
  const wanted = Object.entries(FILTERS).flatMap(([parameter, field]) => {
    const value = parameters.string(parameter)
    return value === undefined ? [] : [[field, value] as const]
  })
  const tags = [...tagFilter(parameters), ...tagsText(parameters)]
  const found = transaction
    .list(LOAD_BALANCERS)
    .filter(
      (loadBalancer) =>
        (ids === undefined || ids.includes(loadBalancer.id)) &&
        (names === undefined || names.includes(loadBalancer.name)) &&
        wanted.every(([field, value]) => loadBalancer[field] === value) &&
        hasTags(loadBalancer.tags, tags),
    )
    .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1))
  const { items, ...page } = pageByNumber(found, parameters, { default: 50, max: 100 })
  const LoadBalancer = items.map((loadBalancer) => ({
    ...describe(loadBalancer),
    // This call gives the older words under the old name; the words of the request stand under the alias.
    InternetChargeType: loadBalancer.internetChargeType === 'paybytraffic' ? '4' : '3',
    InternetChargeTypeAlias: loadBalancer.internetChargeType,
  }))
  return { LoadBalancers: { LoadBalancer }, ...page }
}

/** `Tags=[{"TagKey":"a","TagValue":"b"}]`, the older way to filter. */
function tagsText(parameters: Call['parameters']): { key: string; value: string | undefined }[] {
  const tags = parameters.json('Tags')
  if (!Array.isArray(tags)) return []
  return tags.flatMap((tag: unknown) => {
    if (typeof tag !== 'object' || tag === null || !('TagKey' in tag)) return []
    const value = 'TagValue' in tag ? String(tag.TagValue) : undefined
    return { key: String(tag.TagKey), value }
  })
}

function describeLoadBalancerAttribute({ parameters, transaction }: Call): object {
  const loadBalancer = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  const listeners = listenersOf(transaction, loadBalancer.id)
  const servers = groupsOf(transaction, loadBalancer.id).flatMap((group) => group.backends)
  return {
    ...describe(loadBalancer),
    InternetChargeType: loadBalancer.internetChargeType,
    ListenerPorts: { ListenerPort: listeners.map(({ port }) => port) },
    ListenerPortsAndProtocol: {
      ListenerPortAndProtocol: listeners.map(({ port, protocol, description }) => ({
        ListenerPort: port,
        ListenerProtocol: protocol,
        Description: description,
      })),
    },
    BackendServers: { BackendServer: [] },
    VServerGroupBackendCount: servers.length,
  }
}

function describe(loadBalancer: LoadBalancer): object {
  return {
    LoadBalancerId: loadBalancer.id,
    LoadBalancerName: loadBalancer.name,
    LoadBalancerStatus: loadBalancer.status,
    Address: loadBalancer.address,
    AddressType: loadBalancer.addressType,
    AddressIPVersion: loadBalancer.addressIpVersion,
    NetworkType: loadBalancer.networkType,
    RegionId: REGION_ID,
    RegionIdAlias: REGION_ID,
    VpcId: loadBalancer.networkType === 'vpc' ? loadBalancer.vpcId : '',
    VSwitchId: loadBalancer.vSwitchId ?? '',
    MasterZoneId: loadBalancer.masterZoneId,
    SlaveZoneId: loadBalancer.slaveZoneId,
    Bandwidth: loadBalancer.bandwidth === -1 ? 5_120 : loadBalancer.bandwidth,
    PayType: 'PayOnDemand',
    InstanceChargeType: loadBalancer.instanceChargeType,
    LoadBalancerSpec: loadBalancer.spec ?? '',
    DeleteProtection: loadBalancer.deleteProtection ? 'on' : 'off',
    ModificationProtectionStatus: loadBalancer.modificationProtection.status,
    ModificationProtectionReason: loadBalancer.modificationProtection.reason ?? '',
    ResourceGroupId: loadBalancer.resourceGroupId,
    CreateTime: formatTime(loadBalancer.createdAt),
    CreateTimeStamp: loadBalancer.createdAt,
    Tags: { Tag: loadBalancer.tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) },
  }
}
