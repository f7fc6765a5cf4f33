import { missing } from '../openapi/parameters.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { tagsOf } from '../resource/tags.ts'
import { listenersOf, requireListener, requireLoadBalancer } from './find.ts'
import { startJob } from './jobs.ts'
import { listenerSettings } from './listener-settings.ts'
import {
  certificatesOf,
  type Listener,
  type NetworkLoadBalancer,
  NLB_LISTENERS,
  type Protocol,
  portsOf,
} from './model.ts'

/** Making, changing, starting and ending listeners; reading them is in `listener-views.ts`. */
export const LISTENER_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateListener', createListener],
  ['UpdateListenerAttribute', updateListener],
  ['DeleteListener', deleteListener],
  ['StartListener', (call) => setStatus(call, 'Running')],
  ['StopListener', (call) => setStatus(call, 'Stopped')],
]

/** A new listener runs. */
function createListener(call: Call): object {
  const { parameters, transaction, now } = call
  const loadBalancer = requireLoadBalancer(transaction, parameters.required('LoadBalancerId'))
  const protocol = parameters.oneOf('ListenerProtocol', ['TCP', 'UDP', 'TCPSSL']) ?? missing('ListenerProtocol')
  const place = placeOf(parameters, protocol)
  requireFreePorts(call, { loadBalancer, place, protocol })
  const count = listenersOf(transaction, loadBalancer.id).length
  requireQuota(transaction, 'nlb_quota_loadbalancer_listeners_num', {
    wanted: count + 1,
    holder: loadBalancer.id,
    code: 'QuotaExceeded.QuotaInsufficient',
  })
  const id = `${newResourceId('lsn')}@${place.port}`
  const listener: Listener = {
    id,
    loadBalancerId: loadBalancer.id,
    protocol,
    ...place,
    status: 'Running',
    ...listenerSettings({ parameters, transaction, loadBalancer, protocol, place }),
    tags: tagsOf(parameters),
    createdAt: now,
  }
  requireCertificateQuota(call, listener)
  transaction.put(NLB_LISTENERS, id, listener)
  return { ListenerId: id, ...startJob(call) }
}

/** `ListenerPort`, or 0 with `StartPort` and `EndPort`. */
function placeOf(parameters: Call['parameters'], protocol: Protocol): Pick<Listener, 'port' | 'range'> {
  const port = parameters.requiredInteger('ListenerPort', { min: 0, max: 65_535 })
  if (port > 0) return { port }
  if (protocol === 'TCPSSL') {
    throw new Refusal('IllegalParam.ListenerPort', 'A TCPSSL listener has one port: give a ListenerPort of 1 to 65535.')
  }
  const first = parameters.requiredInteger('StartPort', { min: 1, max: 65_535 })
  const last = parameters.requiredInteger('EndPort', { min: 1, max: 65_535 })
  if (first < last) return { port, range: { first, last } }
  throw new Refusal('IllegalParam.EndPort', `The EndPort ${last} is not above the StartPort ${first}.`)
}

/** TCP and TCPSSL listen on the same ports; UDP has its own. */
function requireFreePorts(
  { transaction }: Pick<Call, 'transaction'>,
  {
    loadBalancer,
    place,
    protocol,
  }: { loadBalancer: NetworkLoadBalancer; place: Pick<Listener, 'port' | 'range'>; protocol: Protocol },
): void {
  const { first, last } = portsOf(place)
  const there = listenersOf(transaction, loadBalancer.id).find((listener) => {
    const ports = portsOf(listener)
    return ports.first <= last && ports.last >= first && (listener.protocol === 'UDP') === (protocol === 'UDP')
  })
  if (there === undefined) return
  const text = first === last ? String(first) : `${first}-${last}`
  throw new Refusal(
    'Conflict.Port',
    `The Port [${text}] is conflict: ${loadBalancer.id} has the ${there.protocol} listener ${there.id} there.`,
  )
}

/** Certificates of all listeners of an instance count, the standard ones and those by name. */
export function requireCertificateQuota({ transaction }: Pick<Call, 'transaction'>, changed: Listener): void {
  const { loadBalancerId } = changed
  const others = listenersOf(transaction, loadBalancerId).filter(({ id }) => id !== changed.id)
  const wanted = [...others, changed].reduce((sum, listener) => sum + certificatesOf(listener).length, 0)
  requireQuota(transaction, 'nlb_quota_loadbalancer_certificates_num', {
    wanted,
    holder: loadBalancerId,
    code: 'QuotaExceeded.QuotaInsufficient',
  })
}

function updateListener(call: Call): object {
  const { parameters, transaction } = call
  const before = listenerOf(call)
  const { protocol } = before
  const loadBalancer = requireLoadBalancer(transaction, before.loadBalancerId)
  const settings = listenerSettings({ parameters, transaction, loadBalancer, protocol, place: before, before })
  transaction.put(NLB_LISTENERS, before.id, { ...before, ...settings })
  return startJob(call)
}

function deleteListener(call: Call): object {
  call.transaction.delete(NLB_LISTENERS, listenerOf(call).id)
  return startJob(call)
}

function setStatus(call: Call, status: Listener['status']): object {
  const listener = listenerOf(call)
  if (listener.status === status) {
    throw new Refusal('IncorrectStatus.listener', `The status of listener [${listener.id}] is ${status} already.`)
  }
  call.transaction.put(NLB_LISTENERS, listener.id, { ...listener, status })
  return startJob(call)
}

function listenerOf({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>): Listener {
  return requireListener(transaction, parameters.required('ListenerId'))
}
