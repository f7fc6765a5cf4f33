import type { Action, Call } from '../openapi/product.ts'
import { REGION_ID } from '../region.ts'
import { pageByToken } from '../resource/page.ts'
import { hasTags, tagFilter } from '../resource/tags.ts'
import { requireServerGroup, usersOf } from './find.ts'
import { healthCheckView } from './health-check-settings.ts'
import { SERVER_GROUPS, type Server, type ServerGroup, serverKey } from './model.ts'

/** Reading server groups. */
export const SERVER_GROUP_VIEWS: readonly (readonly [string, Action])[] = [
  ['ListServerGroups', listServerGroups],
  ['ListServerGroupServers', listServerGroupServers],
]

function listServerGroups({ parameters, transaction }: Call): object {
  const [ids, names] = [parameters.list('ServerGroupIds'), parameters.list('ServerGroupNames')]
  const equal = (name: string, value: string) => (parameters.string(name) ?? value) === value
  const found = transaction
    .list(SERVER_GROUPS)
    .filter(
      (group) =>
        (ids.length === 0 || ids.includes(group.id)) &&
        (names.length === 0 || names.includes(group.name)) &&
        equal('ServerGroupType', group.type) &&
        equal('VpcId', group.vpcId) &&
        equal('ResourceGroupId', group.resourceGroupId) &&
        hasTags(group.tags, tagFilter(parameters)),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const { items, ...page } = pageByToken(found, parameters, { keyOf: ({ id }) => id })
  return { ServerGroups: items.map((group) => view(transaction, group)), ...page }
}

function view(transaction: Call['transaction'], group: ServerGroup): object {
  const users = usersOf(transaction, group.id).map(({ loadBalancerId }) => loadBalancerId)
  return {
    ServerGroupId: group.id,
    ServerGroupName: group.name,
    ServerGroupStatus: 'Available',
    ServerGroupType: group.type,
    AddressIPVersion: 'ipv4',
    AnyPortEnabled: group.anyPort === true,
    Protocol: group.protocol,
    Scheduler: group.scheduler,
    ConnectionDrainEnabled: group.connectionDrainEnabled,
    ConnectionDrainTimeout: group.connectionDrainTimeout,
    PreserveClientIpEnabled: group.preserveClientIp,
    HealthCheck: healthCheckView(group.healthCheck),
    RelatedLoadBalancerIds: [...new Set(users)],
    ServerCount: group.servers.length,
    RegionId: REGION_ID,
    VpcId: group.vpcId,
    ResourceGroupId: group.resourceGroupId,
    Tags: group.tags.map(({ key, value }) => ({ Key: key, Value: value })),
  }
}

function listServerGroupServers({ parameters, transaction }: Call): object {
  const [ids, addresses] = [parameters.list('ServerIds'), parameters.list('ServerIps')]
  const id = parameters.string('ServerGroupId')
  const groups = id === undefined ? transaction.list(SERVER_GROUPS) : [requireServerGroup(transaction, id)]
  const keyOf = ({ group, server }: { group: ServerGroup; server: Server }) => `${group.id}/${serverKey(server)}`
  const found = groups
    .flatMap((group) => group.servers.map((server) => ({ group, server })))
    .filter(
      ({ server }) =>
        (ids.length === 0 || ids.includes(server.serverId)) &&
        (addresses.length === 0 || addresses.includes(server.serverIp)),
    )
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  const { items, ...page } = pageByToken(found, parameters, { keyOf, sizes: { default: 20, max: 1_000 } })
  const Servers = items.map(({ group, server }) => ({
    ServerGroupId: group.id,
    ServerId: server.serverId,
    ServerIp: server.serverIp,
    ServerType: server.type,
    Port: server.port,
    Weight: server.weight,
    Description: server.description,
    Status: 'Available',
    ZoneId: server.zoneId ?? '',
  }))
  return { Servers, ...page }
}
