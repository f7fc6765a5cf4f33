import { canonical, type SettingRow, type Values } from '../annotations/setting-row.ts'
import { listOf, memberOf, textOf, textsOf } from '../api/answer.ts'
import type { Answer, CloudApi } from '../api/cloud-api.ts'
import { isInstanceGone } from '../api/cloud-error.ts'
import { allPages } from '../api/pages.ts'
import { tagParameters } from '../diff/instance-tags.ts'
import type { Backend, GroupType, ObservedGroup, Tag } from '../model.ts'
import { OWNER_TAG } from '../names.ts'
import { findBy, type InstanceQuery } from '../observed/find-instance.ts'
import type { NlbInstance, ObservedNlb, ObservedNlbListener } from './nlb-model.ts'
import { GROUP_ROWS, NLB_LISTENER_ROWS, type NlbProtocol } from './table.ts'
import type { ZoneMap } from './zone-maps.ts'

const PER_PAGE = 100

/** Finds a Service's instance: by the id of an annotation, else by tag, else by name. */
export function findNlb(api: CloudApi, query: InstanceQuery): Promise<NlbInstance | undefined> {
  const list = async (filter: object) => {
    const answer = await api.call('nlb', 'ListLoadBalancers', { ...filter, MaxResults: PER_PAGE })
    return listOf(answer, 'LoadBalancers').map(readInstance)
  }
  return findBy(query, {
    byId: (id) => findNlbById(api, id),
    byTag: (tag) => list({ Tag: tagParameters([tag]) }),
    byName: (name) => list({ LoadBalancerNames: [name] }),
  })
}

/** The instance of an id. @throws CloudError when there is none */
export async function getNlb(api: CloudApi, id: string): Promise<NlbInstance> {
  return readInstance(await api.call('nlb', 'GetLoadBalancerAttribute', { LoadBalancerId: id }))
}

/** The instance of an id; `undefined` when there is none. */
export async function findNlbById(api: CloudApi, id: string): Promise<NlbInstance | undefined> {
  try {
    return await getNlb(api, id)
  } catch (error) {
    if (isInstanceGone(error)) return undefined
    throw error
  }
}

function readInstance(item: Answer): NlbInstance {
  return {
    id: textOf(item, 'LoadBalancerId'),
    dnsName: textOf(item, 'DNSName'),
    vpcId: textOf(item, 'VpcId'),
    isReady: textOf(item, 'LoadBalancerStatus') !== 'Provisioning',
    settings: {
      addressType: textOf(item, 'AddressType'),
      name: textOf(item, 'LoadBalancerName'),
      ipVersion: textOf(item, 'AddressIpVersion'),
      ipv6AddressType: textOf(item, 'Ipv6AddressType'),
      resourceGroupId: textOf(item, 'ResourceGroupId'),
      crossZone: textOf(item, 'CrossZoneEnabled'),
      deletionProtection: textOf(memberOf(item, 'DeletionProtectionConfig'), 'Enabled'),
      modificationProtection: textOf(memberOf(item, 'ModificationProtectionConfig'), 'Status'),
    },
    zones: listOf(item, 'ZoneMappings').map(readZone),
    securityGroupIds: textsOf(item, 'SecurityGroupIds'),
    bandwidthPackageId: textOf(item, 'BandwidthPackageId'),
    tags: readTags(item),
  }
}

function readZone(item: Answer): ZoneMap {
  const [place = {}] = listOf(item, 'LoadBalancerAddresses')
  const [address, allocationId] = [textOf(place, 'PrivateIPv4Address'), textOf(place, 'AllocationId')]
  return {
    zoneId: textOf(item, 'ZoneId'),
    vSwitchId: textOf(item, 'VSwitchId'),
    ...(address === '' ? {} : { address }),
    ...(allocationId === '' ? {} : { allocationId }),
  }
}

function readTags(item: Answer): readonly Tag[] {
  return listOf(item, 'Tags').map((tag) => ({ key: textOf(tag, 'Key'), value: textOf(tag, 'Value') }))
}

export interface NlbReadOptions {
  /** Value of the tag of the Service's groups. */
  readonly defaultName: string
  /** Groups of others that annotations name. */
  readonly groupIds: readonly string[]
  readonly listeners: boolean
  /** Whether further certificates of TCPSSL listeners are read. */
  readonly certificates: boolean
}

/** Reads what belongs to a Service: its groups, which are found by tag, and the listeners of its instance. */
export async function readNlb(api: CloudApi, instance: NlbInstance, options: NlbReadOptions): Promise<ObservedNlb> {
  const [groups, listeners] = await Promise.all([
    readNlbGroups(api, options),
    options.listeners ? readNlbListeners(api, instance.id, options) : [],
  ])
  const known = new Set(groups.map(({ id }) => id))
  const others = [...new Set(listeners.map(({ groupId }) => groupId))].filter((id) => !known.has(id))
  const otherServers = others.length === 0 ? 0 : await countServers(api, others)
  return { instance, groups, listeners, otherServers }
}

/** The groups of a Service with their servers, and those of others that annotations name. */
export async function readNlbGroups(
  api: CloudApi,
  { defaultName, groupIds }: Pick<NlbReadOptions, 'defaultName' | 'groupIds'>,
): Promise<readonly ObservedGroup[]> {
  const own = await listGroups(api, { Tag: tagParameters([{ key: OWNER_TAG, value: defaultName }]) })
  const named = groupIds.length === 0 ? [] : await listGroups(api, { ServerGroupIds: groupIds })
  const all = new Map([...own, ...named].map((item) => [textOf(item, 'ServerGroupId'), item]))
  return Promise.all([...all.values()].map((item) => readGroup(api, item)))
}

async function listGroups(api: CloudApi, filter: object): Promise<readonly Answer[]> {
  const pages = await allPages((token) =>
    api.call('nlb', 'ListServerGroups', { ...filter, MaxResults: PER_PAGE, ...token }),
  )
  return pages.flatMap((answer) => listOf(answer, 'ServerGroups'))
}

async function countServers(api: CloudApi, groupIds: readonly string[]): Promise<number> {
  const groups = await listGroups(api, { ServerGroupIds: groupIds })
  return groups.reduce((sum, item) => sum + Number(textOf(item, 'ServerCount') || 0), 0)
}

async function readGroup(api: CloudApi, item: Answer): Promise<ObservedGroup> {
  const id = textOf(item, 'ServerGroupId')
  const place = { ServerGroupId: id, MaxResults: PER_PAGE }
  const pages = await allPages((token) => api.call('nlb', 'ListServerGroupServers', { ...place, ...token }))
  const type: GroupType = textOf(item, 'ServerGroupType') === 'Ip' ? 'Ip' : 'Instance'
  return {
    id,
    name: textOf(item, 'ServerGroupName'),
    tags: readTags(item),
    type,
    settings: {
      ...readSettings(item, GROUP_ROWS),
      AnyPortEnabled: textOf(item, 'AnyPortEnabled'),
      AddressIPVersion: textOf(item, 'AddressIPVersion'),
    },
    backends: pages.flatMap((answer) => listOf(answer, 'Servers')).map(readServer),
  }
}

const SERVER_TYPES: Readonly<Record<string, Backend['type']>> = { Ecs: 'ecs', Eni: 'eni', Ip: 'ip' }

/** The address of a machine is the cloud's: nobody asked for it. */
function readServer(item: Answer): Backend {
  const type = SERVER_TYPES[textOf(item, 'ServerType')] ?? 'eni'
  return {
    type,
    serverId: textOf(item, 'ServerId'),
    ...(type === 'ecs' ? {} : { serverIp: textOf(item, 'ServerIp') }),
    port: Number(textOf(item, 'Port')),
    weight: Number(textOf(item, 'Weight')),
    description: textOf(item, 'Description'),
  }
}

async function readNlbListeners(
  api: CloudApi,
  instanceId: string,
  { certificates }: Pick<NlbReadOptions, 'certificates'>,
): Promise<readonly ObservedNlbListener[]> {
  const place = { LoadBalancerIds: [instanceId], MaxResults: PER_PAGE }
  const pages = await allPages((token) => api.call('nlb', 'ListListeners', { ...place, ...token }))
  const listeners = pages.flatMap((answer) => listOf(answer, 'Listeners')).map(readListener)
  if (!certificates) return listeners
  return Promise.all(listeners.map((listener) => withCertificates(api, listener)))
}

function readListener(item: Answer): ObservedNlbListener {
  const protocol = textOf(item, 'ListenerProtocol') as NlbProtocol
  const [first, last] = [Number(textOf(item, 'StartPort')), Number(textOf(item, 'EndPort'))]
  return {
    id: textOf(item, 'ListenerId'),
    port: Number(textOf(item, 'ListenerPort')),
    ...(first > 0 ? { range: { first, last } } : {}),
    protocol,
    description: textOf(item, 'ListenerDescription'),
    isRunning: textOf(item, 'ListenerStatus') !== 'Stopped',
    groupId: textOf(item, 'ServerGroupId'),
    settings: readSettings(
      item,
      NLB_LISTENER_ROWS.filter(({ protocols }) => protocols.includes(protocol)),
    ),
  }
}

async function withCertificates(api: CloudApi, listener: ObservedNlbListener): Promise<ObservedNlbListener> {
  if (listener.protocol !== 'TCPSSL') return listener
  const place = { ListenerId: listener.id, MaxResults: PER_PAGE }
  const pages = await allPages((token) => api.call('nlb', 'ListListenerCertificates', { ...place, ...token }))
  const further = pages
    .flatMap((answer) => listOf(answer, 'Certificates'))
    .filter((item) => textOf(item, 'IsDefault') !== 'true')
  return { ...listener, certificates: further.map((item) => textOf(item, 'CertificateId')) }
}

/** Parameters as they are. What a call names `HealthCheckConfig` is `HealthCheck` in answers. */
function readSettings(item: Answer, rows: readonly SettingRow[]): Values {
  const settings: Record<string, string> = {}
  for (const { parameter } of rows) {
    const [name = '', member] = parameter.split('.')
    const holder = name === 'HealthCheckConfig' ? 'HealthCheck' : name
    const value = member === undefined ? textOf(item, name) : textOf(memberOf(item, holder), member)
    settings[parameter] = canonical(parameter, value)
  }
  return settings
}
