import type { Action, Call } from '../openapi/product.ts'
import type { ReadHealth } from '../slb/health-actions.ts'
import { planKeys } from './compile-plan.ts'
import { requireListener, requireLoadBalancer, requireServerGroup } from './find.ts'
import { type Listener, type Server, type ServerGroup, serverKey } from './model.ts'

/** `GetListenerHealthStatus`: the servers of a listener that are not healthy. */
export function getListenerHealthStatus(read: ReadHealth): Action {
  return ({ parameters, transaction }) => {
    const listener = requireListener(transaction, parameters.required('ListenerId'))
    const group = requireServerGroup(transaction, listener.serverGroupId)
    const HeathCheckEnabled = group.healthCheck.type !== 'off'
    const NonNormalServers = group.servers.flatMap((server) => {
      const status = statusOf({ transaction, read }, listener, { group, server })
      if (status === undefined) return []
      return { ServerId: server.serverId, ServerIp: server.serverIp, Port: server.port, Status: status }
    })
    const ListenerHealthStatus = [
      {
        ListenerId: listener.id,
        ListenerPort: listener.port,
        ListenerProtocol: listener.protocol,
        // The API spells it so.
        ServerGroupInfos: [{ ServerGroupId: group.id, HeathCheckEnabled, NonNormalServers }],
      },
    ]
    return { ListenerHealthStatus, TotalCount: 1, MaxResults: 1 }
  }
}

/** `undefined` for a healthy one. Every zone probes: one that finds a server unhealthy is believed. */
function statusOf(
  { transaction, read }: Pick<Call, 'transaction'> & { read: ReadHealth },
  listener: Listener,
  { group, server }: { group: ServerGroup; server: Server },
): 'Initial' | 'Unhealthy' | 'Unavailable' | undefined {
  if (group.healthCheck.type === 'off') return 'Unavailable'
  const keys = planKeys(transaction, requireLoadBalancer(transaction, listener.loadBalancerId), listener)
  const found = keys.flatMap((key) => read(key, serverKey(server)) ?? [])
  if (found.includes('abnormal')) return 'Unhealthy'
  return found.includes('normal') ? undefined : 'Initial'
}
