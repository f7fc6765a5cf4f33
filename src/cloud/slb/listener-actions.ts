import { missing } from '../openapi/parameters.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { findListener, listenersOf, requireLoadBalancer } from './find.ts'
import { listenerSettings } from './listener-settings.ts'
import { LISTENERS, type Listener, type ListenerProtocol, type LoadBalancer, listenerKey } from './model.ts'

const PROTOCOLS = ['tcp', 'udp', 'http', 'https'] as const
const PORT = { min: 1, max: 65_535 } as const

/** Making, changing, starting and ending listeners; reading them is in `listener-views.ts`. */
export const LISTENER_ACTIONS: readonly (readonly [string, Action])[] = [
  ...PROTOCOLS.flatMap((protocol) => [
    [`CreateLoadBalancer${protocol.toUpperCase()}Listener`, (call: Call) => createListener(call, protocol)] as const,
    [`SetLoadBalancer${protocol.toUpperCase()}ListenerAttribute`, (call: Call) => setListener(call, protocol)] as const,
  ]),
  ['StartLoadBalancerListener', startListener],
  ['StopLoadBalancerListener', stopListener],
  ['DeleteLoadBalancerListener', deleteListener],
]

/** A new listener is stopped. */
function createListener({ parameters, transaction, now }: Call, protocol: ListenerProtocol): object {
  const loadBalancer = requireUnlocked({ parameters, transaction })
  const port = parameters.requiredInteger('ListenerPort', PORT)
  requireFreePort(transaction, { loadBalancer, port, protocol })
  const count = listenersOf(transaction, loadBalancer.id).length
  requireQuota(transaction, 'slb_quota_listeners_num', { wanted: count + 1, holder: loadBalancer.id })
  const settings = listenerSettings({ parameters, transaction, loadBalancer, protocol })
  requireForwardTarget(transaction, { loadBalancer, forwardPort: settings.layer7?.forwardPort })
  const place = { loadBalancerId: loadBalancer.id, port, protocol }
  transaction.put(LISTENERS, listenerKey(loadBalancer.id, protocol, port), {
    ...place,
    status: 'stopped',
    ...settings,
    createdAt: now,
  })
  return {}
}

function setListener({ parameters, transaction }: Call, protocol: ListenerProtocol): object {
  const loadBalancer = requireUnlocked({ parameters, transaction })
  const before = requireListener({ parameters, transaction }, protocol)
  const settings = listenerSettings({ parameters, transaction, loadBalancer, protocol, before })
  requireForwardTarget(transaction, { loadBalancer, forwardPort: settings.layer7?.forwardPort })
  const { loadBalancerId, port, status, createdAt } = before
  const changed: Listener = { loadBalancerId, port, protocol, status, createdAt, ...settings }
  transaction.put(LISTENERS, listenerKey(loadBalancer.id, protocol, port), changed)
  return {}
}

function startListener({ parameters, transaction }: Call): object {
  const { status } = requireUnlocked({ parameters, transaction })
  if (status !== 'active') {
    throw new Refusal('LoadBalancerStatusNotSupport', `The instance is ${status}: its listeners cannot be started.`)
  }
  const { protocol, port, ...listener } = requireListener({ parameters, transaction }, protocolOf(parameters))
  if (listener.status !== 'stopped') {
    throw new Refusal(
      'OperationFailed.ListenerStatusNotSupport',
      `The listener ${protocol}:${port} is ${listener.status}: only a stopped one can be started.`,
    )
  }
  return setStatus({ parameters, transaction }, 'running')
}

function stopListener({ parameters, transaction }: Call): object {
  requireUnlocked({ parameters, transaction })
  return setStatus({ parameters, transaction }, 'stopped')
}

function deleteListener({ parameters, transaction }: Call): object {
  const { loadBalancerId, port, protocol } = requireListener({ parameters, transaction }, protocolOf(parameters))
  const redirecting = listenersOf(transaction, loadBalancerId).find((listener) => listener.layer7?.forwardPort === port)
  if (protocol === 'https' && redirecting !== undefined) {
    throw new Refusal(
      'OperationFailed.ListenerIsForwarded',
      `The listener of port ${redirecting.port} redirects to port ${port}: delete it first.`,
    )
  }
  transaction.delete(LISTENERS, listenerKey(loadBalancerId, protocol, port))
  return {}
}

function setStatus(
  { parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>,
  status: Listener['status'],
): object {
  const listener = requireListener({ parameters, transaction }, protocolOf(parameters))
  const key = listenerKey(listener.loadBalancerId, listener.protocol, listener.port)
  if (listener.status !== status) transaction.put(LISTENERS, key, { ...listener, status })
  return {}
}

function protocolOf(parameters: Call['parameters']): ListenerProtocol | undefined {
  return parameters.oneOf('ListenerProtocol', PROTOCOLS)
}

function requireUnlocked({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): LoadBalancer {
  const loadBalancer = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  if (loadBalancer.status !== 'locked') return loadBalancer
  throw new Refusal('LoadBalancerStatusNotSupport', `The instance ${loadBalancer.id} is locked.`)
}

function requireListener(
  { parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>,
  protocol: ListenerProtocol | undefined,
): Listener {
  const loadBalancerId = requireLoadBalancer(transaction, parameters.required('LoadBalancerId')).id
  const port = parameters.integer('ListenerPort', PORT) ?? missing('ListenerPort')
  const listener = findListener(transaction, { loadBalancerId, port, protocol })
  if (listener !== undefined) return listener
  throw new Refusal(
    'InvalidParameter.ListenerNotFound',
    `The specified listener ${protocol ?? ''}:${port} of ${loadBalancerId} does not exist.`,
    404,
  )
}

function requireFreePort(
  transaction: Call['transaction'],
  { loadBalancer, port, protocol }: { loadBalancer: LoadBalancer; port: number; protocol: ListenerProtocol },
): void {
  const there = transaction.get(LISTENERS, listenerKey(loadBalancer.id, protocol, port))
  if (there === undefined) return
  const code = there.protocol === protocol ? 'ListenerAlreadyExists' : 'ListenerPortConflict'
  throw new Refusal(
    code,
    `The instance ${loadBalancer.id} has a listener of ${there.protocol} on port ${port} already: '${there.description}'.`,
  )
}

function requireForwardTarget(
  transaction: Call['transaction'],
  { loadBalancer, forwardPort }: { loadBalancer: LoadBalancer; forwardPort: number | undefined },
): void {
  if (forwardPort === undefined) return
  const target = findListener(transaction, { loadBalancerId: loadBalancer.id, port: forwardPort, protocol: 'https' })
  if (target !== undefined) return
  throw new Refusal(
    'ListenerForwardNotExist',
    `The instance ${loadBalancer.id} has no HTTPS listener on the ForwardPort ${forwardPort}.`,
  )
}
