import { listOf, textOf } from '../api/answer.ts'
import type { Answer, CloudApi } from '../api/cloud-api.ts'
import { allPages } from '../api/pages.ts'
import type {
  Backend,
  ObservedAcl,
  ObservedGroup,
  ObservedInstance,
  ObservedListener,
  ObservedModel,
} from '../model.ts'
import { isOwnedBy, type Owner } from '../names.ts'
import { readListener } from './listener-view.ts'

const LISTENERS_PER_PAGE = 50

export interface ReadOptions {
  readonly owner: Owner
  /** Groups of others that annotations name. */
  readonly groupIds: readonly string[]
  readonly listeners: boolean
  /** Whether further certificates of HTTPS listeners are read. */
  readonly domainExtensions: boolean
  /** Name of the access control list to look for. */
  readonly aclName?: string
}

/** Reads what belongs to a Service on an instance. */
export async function readModel(
  api: CloudApi,
  instance: ObservedInstance,
  options: ReadOptions,
): Promise<ObservedModel> {
  const [{ groups, otherServers }, listeners, acl] = await Promise.all([
    readGroups(api, instance.id, options),
    options.listeners ? readListeners(api, instance.id, options) : [],
    options.aclName === undefined ? undefined : findAcl(api, options.aclName),
  ])
  return { instance, groups, otherServers, listeners, ...(acl === undefined ? {} : { acl }) }
}

async function readGroups(
  api: CloudApi,
  instanceId: string,
  { owner, groupIds }: ReadOptions,
): Promise<Pick<ObservedModel, 'groups' | 'otherServers'>> {
  const answer = await api.call('slb', 'DescribeVServerGroups', { LoadBalancerId: instanceId })
  const all = listOf(answer, 'VServerGroups', 'VServerGroup')
  const isOurs = (item: Answer) =>
    isOwnedBy(textOf(item, 'VServerGroupName'), owner) || groupIds.includes(textOf(item, 'VServerGroupId'))
  const others = all.filter((item) => !isOurs(item))
  const groups = await Promise.all(all.filter(isOurs).map((item) => readGroup(api, textOf(item, 'VServerGroupId'))))
  return { groups, otherServers: others.reduce((sum, item) => sum + Number(textOf(item, 'ServerCount') || 0), 0) }
}

/** A group with its servers. */
export async function readGroup(api: CloudApi, id: string): Promise<ObservedGroup> {
  const answer = await api.call('slb', 'DescribeVServerGroupAttribute', { VServerGroupId: id })
  const backends = listOf(answer, 'BackendServers', 'BackendServer').map(readBackend)
  return { id, name: textOf(answer, 'VServerGroupName'), backends }
}

function readBackend(item: Answer): Backend {
  const type = textOf(item, 'Type') === 'eni' ? 'eni' : 'ecs'
  return {
    type,
    serverId: textOf(item, 'ServerId'),
    ...(type === 'eni' ? { serverIp: textOf(item, 'ServerIp') } : {}),
    port: Number(textOf(item, 'Port')),
    weight: Number(textOf(item, 'Weight')),
    description: textOf(item, 'Description'),
  }
}

/** Every listener of an instance, page by page. */
export async function readListeners(
  api: CloudApi,
  instanceId: string,
  { domainExtensions }: Pick<ReadOptions, 'domainExtensions'>,
): Promise<readonly ObservedListener[]> {
  const place = { LoadBalancerId: [instanceId], MaxResults: LISTENERS_PER_PAGE }
  const pages = await allPages((token) => api.call('slb', 'DescribeLoadBalancerListeners', { ...place, ...token }))
  const items = pages.flatMap((answer) => listOf(answer, 'Listeners'))
  const listeners = items.flatMap((item) => readListener(item) ?? [])
  if (!domainExtensions) return listeners
  return Promise.all(listeners.map((listener) => withExtensions(api, instanceId, listener)))
}

async function withExtensions(
  api: CloudApi,
  instanceId: string,
  listener: ObservedListener,
): Promise<ObservedListener> {
  if (listener.protocol !== 'https') return listener
  const answer = await api.call('slb', 'DescribeDomainExtensions', {
    LoadBalancerId: instanceId,
    ListenerPort: listener.port,
  })
  const domainExtensions = listOf(answer, 'DomainExtensions', 'DomainExtension').map((item) => ({
    id: textOf(item, 'DomainExtensionId'),
    domain: textOf(item, 'Domain'),
    certificateId: textOf(item, 'ServerCertificateId'),
  }))
  return { ...listener, domainExtensions }
}

/** The access control list of a name, with its entries. */
export async function findAcl(api: CloudApi, name: string): Promise<ObservedAcl | undefined> {
  const answer = await api.call('slb', 'DescribeAccessControlLists', { AclName: name })
  const found = listOf(answer, 'Acls', 'Acl').find((item) => textOf(item, 'AclName') === name)
  if (found === undefined) return undefined
  const id = textOf(found, 'AclId')
  const attribute = await api.call('slb', 'DescribeAccessControlListAttribute', { AclId: id })
  const entries = listOf(attribute, 'AclEntrys', 'AclEntry').map((item) => textOf(item, 'AclEntryIP'))
  return { id, entries }
}
