import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { type ChangedSince, isBusy } from '../state/unfollowed.ts'
import { findListener, listenersOf } from './find.ts'
import {
  LISTENERS,
  type Listener,
  type ListenerProtocol,
  LOAD_BALANCERS,
  listenerKey,
  VSERVER_GROUPS,
} from './model.ts'

/**
 * Makes an action refuse while what it would change is being configured, as the API does: `ListenerProcessing`,
 * `BackendServer.configuring`, `ServiceIsConfiguring`.
 */
export function unlessBusy(name: string, action: Action, since: ChangedSince): Action {
  const refuse = refusalOf(name)
  if (refuse === undefined) return action
  return (call) => {
    refuse(call, since)
    return action(call)
  }
}

type Refuse = (call: Call, since: ChangedSince) => void

const PROTOCOLS = { TCP: 'tcp', UDP: 'udp', HTTP: 'http', HTTPS: 'https' } as const

function refusalOf(name: string): Refuse | undefined {
  const listener = /^(?:SetLoadBalancer(TCP|UDP|HTTPS?)ListenerAttribute|(?:Start|Stop|Delete)LoadBalancerListener)$/
  const match = listener.exec(name)
  if (match !== null) {
    const [, word] = match
    const protocol = word === undefined ? undefined : PROTOCOLS[word as keyof typeof PROTOCOLS]
    return (call, since) => refuseListener(call, since, protocol)
  }
  if (/^CreateLoadBalancer(TCP|UDP|HTTPS?)Listener$|^ModifyLoadBalancer|^DeleteLoadBalancer$/.test(name)) {
    return refuseInstance
  }
  return /^(Add|Remove|Modify|Set|Delete)VServerGroup/.test(name) ? refuseGroup : undefined
}

function refuseListener(
  { parameters, transaction, now }: Call,
  since: ChangedSince,
  protocol: ListenerProtocol | undefined,
): void {
  const loadBalancerId = parameters.string('LoadBalancerId')
  const port = parameters.integer('ListenerPort', { min: 1, max: 65_535 })
  if (loadBalancerId === undefined || port === undefined) return
  const asked = protocol ?? parameters.oneOf('ListenerProtocol', ['tcp', 'udp', 'http', 'https'])
  const listener = findListener(transaction, { loadBalancerId, port, protocol: asked })
  if (listener === undefined || !isConfiguring(listener, since, now)) return
  throw new Refusal(
    'ListenerProcessing',
    `The listener ${listener.protocol}:${listener.port} of ${loadBalancerId} is being configured: try again later.`,
  )
}

function refuseInstance({ parameters, transaction, now }: Call, since: ChangedSince): void {
  const id = parameters.string('LoadBalancerId')
  if (id === undefined || transaction.get(LOAD_BALANCERS, id) === undefined) return
  const busy = listenersOf(transaction, id).find((listener) => isConfiguring(listener, since, now))
  if (busy === undefined) return
  throw new Refusal(
    'ServiceIsConfiguring',
    `The instance ${id} is being configured (listener ${busy.protocol}:${busy.port}): try again later.`,
  )
}

/** A group that nobody listens for is no packet's way. */
function refuseGroup({ parameters, transaction, now }: Call, since: ChangedSince): void {
  const id = parameters.string('VServerGroupId')
  const group = id === undefined ? undefined : transaction.get(VSERVER_GROUPS, id)
  if (group === undefined || !isBusy(since(VSERVER_GROUPS, group.id), now)) return
  const user = listenersOf(transaction, group.loadBalancerId).find(
    (listener) => listener.vServerGroupId === group.id && listener.status === 'running',
  )
  if (user === undefined) return
  throw new Refusal(
    'BackendServer.configuring',
    `Servers of the group ${group.id} are being configured (listener ${user.protocol}:${user.port}): try again later.`,
  )
}

function isConfiguring({ loadBalancerId, protocol, port }: Listener, since: ChangedSince, now: number): boolean {
  return isBusy(since(LISTENERS, listenerKey(loadBalancerId, protocol, port)), now)
}
