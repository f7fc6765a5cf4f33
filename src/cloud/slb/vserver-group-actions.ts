import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { newResourceId } from '../resource/resource-id.ts'
import type { Transaction } from '../state/transaction.ts'
import { type BackendRequest, backendKey, backendRequests, resolveBackend } from './backend-servers.ts'
import { groupsOf, listenersOf, requireLoadBalancer, requireVServerGroup } from './find.ts'
import { type Backend, VSERVER_GROUPS, type VServerGroup } from './model.ts'

/** VServer groups and the servers in them. */
export const VSERVER_GROUP_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateVServerGroup', createVServerGroup],
  ['DeleteVServerGroup', deleteVServerGroup],
  ['SetVServerGroupAttribute', setVServerGroupAttribute],
  ['AddVServerGroupBackendServers', addBackendServers],
  ['RemoveVServerGroupBackendServers', removeBackendServers],
  ['ModifyVServerGroupBackendServers', modifyBackendServers],
  ['DescribeVServerGroups', describeVServerGroups],
  ['DescribeVServerGroupAttribute', describeVServerGroupAttribute],
]

const NAME = {
  pattern: /^[\p{L}\d/._-]{1,80}$/u,
  wanted: '1 to 80 letters, digits, slashes, dots, underscores and dashes',
}

function createVServerGroup({ parameters, transaction, now }: Call): object {
  const loadBalancer = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  const id = newResourceId('rsp')
  const name = parameters.string('VServerGroupName', NAME) ?? id
  const empty: VServerGroup = { id, name, loadBalancerId: loadBalancer.id, backends: [], createdAt: now }
  const group = parameters.has('BackendServers') ? withAdded(transaction, empty, backendRequests(parameters)) : empty
  transaction.put(VSERVER_GROUPS, id, group)
  return { VServerGroupId: id, ...view(group) }
}

function deleteVServerGroup({ parameters, transaction }: Call): object {
  const group = groupOf({ parameters, transaction })
  const user = listenersOf(transaction, group.loadBalancerId).find((listener) => listener.vServerGroupId === group.id)
  if (user !== undefined) {
    throw new Refusal(
      'RspoolVipExist',
      `The group ${group.id} is in use by the listener ${user.protocol}:${user.port}.`,
    )
  }
  transaction.delete(VSERVER_GROUPS, group.id)
  return {}
}

/** Sets the name, and weights and descriptions of servers that are in the group. */
function setVServerGroupAttribute({ parameters, transaction }: Call): object {
  const group = groupOf({ parameters, transaction })
  const name = parameters.string('VServerGroupName', NAME) ?? group.name
  const changes = parameters.has('BackendServers') ? backendRequests(parameters) : []
  const changed = { ...group, name, backends: withChanges(transaction, group, changes) }
  return store(transaction, changed)
}

function addBackendServers({ parameters, transaction }: Call): object {
  return store(transaction, withAdded(transaction, groupOf({ parameters, transaction }), backendRequests(parameters)))
}

/** Servers that are not in the group are passed over. */
function removeBackendServers({ parameters, transaction }: Call): object {
  const group = groupOf({ parameters, transaction })
  const removed = keysOf(transaction, backendRequests(parameters))
  return store(transaction, {
    ...group,
    backends: group.backends.filter((backend) => !removed.has(backendKey(backend))),
  })
}

/** Puts new servers in the place of old ones, both at once. */
function modifyBackendServers({ parameters, transaction }: Call): object {
  const group = groupOf({ parameters, transaction })
  const read = (name: string) => (parameters.has(name) ? backendRequests(parameters, name) : [])
  const removed = keysOf(transaction, read('OldBackendServers'))
  const kept = { ...group, backends: group.backends.filter((backend) => !removed.has(backendKey(backend))) }
  return store(transaction, withAdded(transaction, kept, read('NewBackendServers')))
}

function describeVServerGroups({ parameters, transaction }: Call): object {
  const loadBalancer = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  const listeners = listenersOf(transaction, loadBalancer.id)
  const VServerGroup = groupsOf(transaction, loadBalancer.id).map((group) => ({
    VServerGroupId: group.id,
    VServerGroupName: group.name,
    ServerCount: group.backends.length,
    AssociatedObjects: {
      Listeners: {
        Listener: listeners
          .filter((listener) => listener.vServerGroupId === group.id)
          .map(({ port, protocol }) => ({ Port: port, Protocol: protocol })),
      },
    },
  }))
  return { VServerGroups: { VServerGroup } }
}

function describeVServerGroupAttribute({ parameters, transaction }: Call): object {
  const group = groupOf({ parameters, transaction })
  return { VServerGroupId: group.id, LoadBalancerId: group.loadBalancerId, ...view(group) }
}

function view(group: VServerGroup): object {
  const BackendServer = group.backends.map((backend) => ({
    ServerId: backend.serverId,
    ServerIp: backend.serverIp ?? '',
    Port: backend.port,
    Weight: backend.weight,
    Type: backend.type,
    Description: backend.description,
  }))
  return { VServerGroupName: group.name, BackendServers: { BackendServer } }
}

function groupOf({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): VServerGroup {
  return requireVServerGroup(transaction, parameters.required('VServerGroupId'))
}

function store(transaction: Transaction, group: VServerGroup): object {
  transaction.put(VSERVER_GROUPS, group.id, group)
  return { VServerGroupId: group.id, ...view(group) }
}

/** Servers that are in the group already keep their place and take the new weight. */
function withAdded(transaction: Transaction, group: VServerGroup, requests: readonly BackendRequest[]): VServerGroup {
  const added = requests.map((request) => resolveBackend(transaction, request))
  const backends = new Map(group.backends.map((backend) => [backendKey(backend), backend]))
  for (const backend of added) {
    if (added.filter((other) => backendKey(other) === backendKey(backend)).length > 1) {
      throw new Refusal('InvalidParameter', `BackendServers names ${backendKey(backend)} twice.`)
    }
    backends.set(backendKey(backend), backend)
  }
  const changed = { ...group, backends: [...backends.values()] }
  requireServerQuotas(transaction, changed, added)
  return changed
}

function withChanges(transaction: Transaction, group: VServerGroup, requests: readonly BackendRequest[]): Backend[] {
  const changes = new Map(requests.map((request) => [backendKey(identified(transaction, request)), request]))
  return group.backends.map((backend) => {
    const change = changes.get(backendKey(backend))
    if (change === undefined) return backend
    const { weight = backend.weight, description = backend.description } = change
    return { ...backend, weight, description }
  })
}

function keysOf(transaction: Transaction, requests: readonly BackendRequest[]): Set<string> {
  return new Set(requests.map((request) => backendKey(identified(transaction, request))))
}

/** With the interface's first address where none is named; the server itself may be gone. */
function identified(transaction: Transaction, request: BackendRequest): BackendRequest {
  if (request.type === 'ecs' || request.serverIp !== undefined) return request
  return resolveBackend(transaction, request)
}

/** Each group that a server is in counts, as often as it is in it with another port. */
function requireServerQuotas(transaction: Transaction, changed: VServerGroup, added: readonly Backend[]): void {
  const others = groupsOf(transaction, changed.loadBalancerId).filter((group) => group.id !== changed.id)
  const servers = others.reduce((sum, group) => sum + group.backends.length, changed.backends.length)
  requireQuota(transaction, 'slb_quota_backendservers_num', {
    wanted: servers,
    holder: changed.loadBalancerId,
    code: 'InstanceBackendServerNumberOverLimit',
  })
  for (const [holder, wanted] of attachmentsOf(transaction, changed, added)) {
    requireQuota(transaction, 'slb_quota_backendserver_attached_num', {
      wanted,
      holder,
      code: 'BackendServerNumberOverLimit',
    })
  }
}

/** How often each of some servers will be in groups, by the server; all groups are looked at once. */
function attachmentsOf(
  transaction: Transaction,
  changed: VServerGroup,
  servers: readonly Backend[],
): ReadonlyMap<string, number> {
  const counts = new Map(servers.map((server) => [attachedServer(server), 0]))
  const count = ({ backends }: VServerGroup) => {
    for (const backend of backends) {
      const server = attachedServer(backend)
      const before = counts.get(server)
      if (before !== undefined) counts.set(server, before + 1)
    }
  }
  for (const group of transaction.list(VSERVER_GROUPS)) if (group.id !== changed.id) count(group)
  count(changed)
  return counts
}

/** A pod's address on an interface is a server of its own. */
function attachedServer({ serverId, serverIp, type }: Backend): string {
  return type === 'eni' ? `${serverId}/${serverIp}` : serverId
}
