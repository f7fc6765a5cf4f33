import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { tagsOf } from '../resource/tags.ts'
import type { Transaction } from '../state/transaction.ts'
import { VPCS } from '../vpc/model.ts'
import { listenersOf, notFound, requireServerGroup, usersOf } from './find.ts'
import { startJob } from './jobs.ts'
import { DEFAULT_RESOURCE_GROUP, SERVER_GROUPS, type Server, type ServerGroup, serverKey } from './model.ts'
import { groupSettings } from './server-group-settings.ts'
import { resolveServer, type ServerRequest, serverRequests } from './servers.ts'

/** Server groups and the servers in them; reading them is in `server-group-views.ts`. */
export const SERVER_GROUP_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateServerGroup', createServerGroup],
  ['UpdateServerGroupAttribute', updateServerGroupAttribute],
  ['DeleteServerGroup', deleteServerGroup],
  ['AddServersToServerGroup', addServers],
  ['RemoveServersFromServerGroup', removeServers],
  ['UpdateServerGroupServersAttribute', updateServers],
]

function createServerGroup(call: Call): object {
  const { parameters, transaction, now } = call
  const count = transaction.list(SERVER_GROUPS).length
  requireQuota(transaction, 'nlb_quota_servergroups_num', {
    wanted: count + 1,
    code: 'QuotaExceeded.QuotaInsufficient',
  })
  const vpcId = parameters.required('VpcId')
  if (transaction.get(VPCS, vpcId) === undefined) notFound('Vpc', vpcId)
  requireIpv4(parameters)
  const id = newResourceId('sgp')
  const protocol = parameters.oneOf('Protocol', ['TCP', 'UDP', 'TCP_UDP']) ?? 'TCP'
  const anyPort = parameters.boolean('AnyPortEnabled') === true
  transaction.put(SERVER_GROUPS, id, {
    id,
    type: parameters.oneOf('ServerGroupType', ['Instance', 'Ip']) ?? 'Instance',
    vpcId,
    protocol,
    ...groupSettings(call, { protocol, anyPort }),
    ...(anyPort ? { anyPort } : {}),
    resourceGroupId: parameters.string('ResourceGroupId') ?? DEFAULT_RESOURCE_GROUP,
    tags: tagsOf(parameters),
    servers: [],
    createdAt: now,
  })
  return { ServerGroupId: id, ...startJob(call) }
}

function requireIpv4(parameters: Call['parameters']): void {
  if (parameters.oneOf('AddressIPVersion', ['ipv4', 'DualStack']) !== 'DualStack') return
  throw new Refusal(
    'OperationDenied.VpcNotSupportIpv6',
    'The AddressIPVersion DualStack is not offered: the VPC has no IPv6 addresses. Give ipv4.',
  )
}

function updateServerGroupAttribute(call: Call): object {
  const group = groupOf(call)
  const changed = { ...group, ...groupSettings(call, group, group) }
  const overTls = usersOf(call.transaction, group.id).find(({ protocol }) => protocol === 'TCPSSL')
  if (overTls !== undefined && changed.preserveClientIp) {
    throw new Refusal(
      'IllegalParam.PreserveClientIpSwitch',
      `The group ${group.id} is in use by the TCPSSL listener ${overTls.id}, which hides the client's address.`,
    )
  }
  return store(call, changed)
}

function deleteServerGroup(call: Call): object {
  const group = groupOf(call)
  const [user] = usersOf(call.transaction, group.id)
  if (user !== undefined) {
    throw new Refusal(
      'ResourceInUse.ServerGroup',
      `The group ${group.id} is in use by the listener ${user.id} of ${user.loadBalancerId}.`,
    )
  }
  call.transaction.delete(SERVER_GROUPS, group.id)
  return startJob(call)
}

/** Servers that are in the group already keep their place and take the new weight. */
function addServers(call: Call): object {
  const group = groupOf(call)
  const added = serverRequests(call.parameters, group).map((request) => resolveServer(call.transaction, group, request))
  const servers = new Map(group.servers.map((server) => [serverKey(server), server]))
  const seen = new Set<string>()
  for (const server of added) {
    const key = serverKey(server)
    if (seen.has(key)) throw new Refusal('DuplicatedParam.Server', `Servers names ${key} twice.`)
    seen.add(key)
    servers.set(key, server)
  }
  const changed = { ...group, servers: [...servers.values()] }
  requireServerQuota(call.transaction, changed)
  return store(call, changed)
}

/** Servers that are not in the group are passed over. */
function removeServers(call: Call): object {
  const group = groupOf(call)
  const removed = new Set(serverRequests(call.parameters, group).map((request) => keyIn(group, request)))
  const servers = group.servers.filter((server) => !removed.has(serverKey(server)))
  return store(call, { ...group, servers })
}

/** Sets weights and descriptions of servers that are in the group. */
function updateServers(call: Call): object {
  const group = groupOf(call)
  const changes = new Map(serverRequests(call.parameters, group).map((request) => [keyIn(group, request), request]))
  const unknown = [...changes.keys()].find((key) => !group.servers.some((server) => serverKey(server) === key))
  if (unknown !== undefined) notFound('BackendServer', unknown)
  const servers = group.servers.map((server): Server => {
    const { weight = server.weight, description = server.description } = changes.get(serverKey(server)) ?? {}
    return { ...server, weight, description }
  })
  return store(call, { ...group, servers })
}

/** An interface without an address stands for its server in the group; the interface itself may be gone. */
function keyIn(group: ServerGroup, request: ServerRequest): string {
  const { serverId, port, serverIp } = request
  const same = group.servers.find((server) => server.serverId === serverId && server.port === port)
  return serverKey({ ...request, serverIp: serverIp ?? same?.serverIp ?? '' })
}

/** The servers of all groups that an instance's listeners lead to count, those of a group once. */
export function requireServerQuota(transaction: Transaction, changed: ServerGroup): void {
  const holders = new Set(usersOf(transaction, changed.id).map(({ loadBalancerId }) => loadBalancerId))
  for (const holder of holders) requireServersOf(transaction, holder, changed)
}

/** @throws Refusal when an instance has too many servers with this group */
export function requireServersOf(transaction: Transaction, loadBalancerId: string, group: ServerGroup): void {
  const ids = new Set(listenersOf(transaction, loadBalancerId).map(({ serverGroupId }) => serverGroupId))
  ids.delete(group.id)
  const others = [...ids].reduce((sum, id) => sum + (transaction.get(SERVER_GROUPS, id)?.servers.length ?? 0), 0)
  requireQuota(transaction, 'nlb_quota_loadbalancer_noeci_servers_num', {
    wanted: others + group.servers.length,
    holder: loadBalancerId,
    code: 'QuotaExceeded.QuotaInsufficient',
  })
}

function groupOf({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): ServerGroup {
  return requireServerGroup(transaction, parameters.required('ServerGroupId'))
}

function store(call: Call, group: ServerGroup): { ServerGroupId: string; JobId: string } {
  call.transaction.put(SERVER_GROUPS, group.id, group)
  return { ServerGroupId: group.id, ...startJob(call) }
}
