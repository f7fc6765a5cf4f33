import type { BackendHealth } from '../load-balancer/plan.ts'
import type { Action, Call } from '../openapi/product.ts'
import { backendKey } from './backend-servers.ts'
import { listenersOf, requireLoadBalancer } from './find.ts'
import { type Listener, listenerKey, VSERVER_GROUPS } from './model.ts'

/** What the checks of a backend found; `undefined` before the first result, and where nothing is checked. */
export type ReadHealth = (listenerKey: string, backendKey: string) => BackendHealth | undefined

/** `DescribeHealthStatus`: how the backends of an instance's listeners are. */
export function describeHealthStatus(read: ReadHealth): Action {
  return ({ parameters, transaction }) => {
    const loadBalancerId = requireLoadBalancer(transaction, parameters.required('LoadBalancerId')).id
    const port = parameters.integer('ListenerPort', { min: 1, max: 65_535 })
    const protocol = parameters.oneOf('ListenerProtocol', ['tcp', 'udp', 'http', 'https'])
    const listeners = listenersOf(transaction, loadBalancerId).filter(
      (listener) =>
        (port === undefined || listener.port === port) && (protocol === undefined || listener.protocol === protocol),
    )
    return {
      BackendServers: { BackendServer: listeners.flatMap((listener) => backendsOf(transaction, listener, read)) },
    }
  }
}

function backendsOf(transaction: Call['transaction'], listener: Listener, read: ReadHealth): object[] {
  const group =
    listener.vServerGroupId === undefined ? undefined : transaction.get(VSERVER_GROUPS, listener.vServerGroupId)
  const key = listenerKey(listener.loadBalancerId, listener.protocol, listener.port)
  return (group?.backends ?? []).map((backend) => ({
    ServerId: backend.serverId,
    ServerIp: backend.serverIp ?? '',
    Type: backend.type,
    Port: backend.port,
    ListenerPort: listener.port,
    Protocol: listener.protocol,
    ServerHealthStatus:
      listener.status === 'running' ? (read(key, backendKey(backend)) ?? 'unavailable') : 'unavailable',
  }))
}
