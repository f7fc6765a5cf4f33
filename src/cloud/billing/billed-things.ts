import { planKeys } from '../nlb/compile-plan.ts'
import { NETWORK_LOAD_BALANCERS, type NetworkLoadBalancer, NLB_LISTENERS } from '../nlb/model.ts'
import { LISTENERS, LOAD_BALANCERS, type LoadBalancer, listenerKey } from '../slb/model.ts'
import type { Transaction } from '../state/transaction.ts'
import { ELASTIC_IPS, type ElasticIp } from '../vpc/model.ts'
import { type BilledResource, serviceOfDescription } from './usage.ts'

/** Collections whose changes concern bills. */
export const BILLED: ReadonlySet<string> = new Set([
  LOAD_BALANCERS.name,
  LISTENERS.name,
  NETWORK_LOAD_BALANCERS.name,
  NLB_LISTENERS.name,
  ELASTIC_IPS.name,
])
/** Something that is paid for. */
export interface BilledThing {
  readonly id: string
  readonly resource: BilledResource
  /** Whether it carries what is counted under a key. */
  readonly owns: (key: string) => boolean
}

/** All that is paid for now. */
export function billedThings(transaction: Transaction): BilledThing[] {
  const ofInstance = (id: string) => (key: string) => key.startsWith(`${id}/`)
  return [
    ...transaction
      .list(LOAD_BALANCERS)
      .map((one) => ({ id: one.id, resource: billedLoadBalancer(transaction, one), owns: ofInstance(one.id) })),
    ...transaction
      .list(NETWORK_LOAD_BALANCERS)
      .map((one) => ({ id: one.id, resource: billedNetworkLoadBalancer(transaction, one), owns: ofInstance(one.id) })),
    ...transaction.list(ELASTIC_IPS).map((eip) => billedEip(transaction, eip)),
  ]
}

function billedLoadBalancer(transaction: Transaction, loadBalancer: LoadBalancer): BilledResource {
  const services = transaction.list(LISTENERS).flatMap((listener) => {
    const service = serviceOfDescription(listener.description)
    if (listener.loadBalancerId !== loadBalancer.id || service === undefined) return []
    return [[listenerKey(loadBalancer.id, listener.protocol, listener.port), service] as const]
  })
  const { name, addressType, instanceChargeType, spec, internetChargeType, bandwidth } = loadBalancer
  const charges = { instanceChargeType, internetChargeType, bandwidth, ...(spec === undefined ? {} : { spec }) }
  return { kind: 'load-balancer', name, addressType, ...charges, services: Object.fromEntries(services) }
}

function billedNetworkLoadBalancer(transaction: Transaction, loadBalancer: NetworkLoadBalancer): BilledResource {
  const { name, addressType } = loadBalancer
  const listeners = networkListeners(transaction, loadBalancer)
  return {
    kind: 'network-load-balancer',
    name,
    addressType: addressType === 'Internet' ? 'internet' : 'intranet',
    protocols: Object.fromEntries(listeners.map(({ key, protocol }) => [key, protocol])),
    services: servicesOf(listeners),
  }
}

/** The listeners of an NLB instance, once for each of its addresses. */
function networkListeners(transaction: Transaction, loadBalancer: NetworkLoadBalancer) {
  return transaction
    .list(NLB_LISTENERS)
    .filter(({ loadBalancerId }) => loadBalancerId === loadBalancer.id)
    .flatMap((listener) => {
      const { protocol, description } = listener
      return planKeys(transaction, loadBalancer, listener).map((key) => ({ key, protocol, description }))
    })
}

function servicesOf(listeners: readonly { readonly key: string; readonly description: string }[]) {
  const named = listeners.flatMap(({ key, description }) => {
    const service = serviceOfDescription(description)
    return service === undefined ? [] : [[key, service] as const]
  })
  return Object.fromEntries(named)
}

/** What an EIP of an NLB instance sends is counted by listener, all else by its address. */
function billedEip(
  transaction: Transaction,
  { allocationId, address, binding, internetChargeType }: ElasticIp,
): BilledThing {
  const common = { kind: 'eip', address, bound: binding !== undefined, internetChargeType } as const
  const loadBalancer =
    binding?.instanceType === 'Nlb' ? transaction.get(NETWORK_LOAD_BALANCERS, binding.instanceId) : undefined
  if (loadBalancer === undefined) {
    return { id: allocationId, resource: common, owns: (key) => key === eipKey(address) }
  }
  const there = networkListeners(transaction, loadBalancer).filter(({ key }) => key.endsWith(`@${address}`))
  const services = servicesOf(there)
  return { id: allocationId, resource: { ...common, services }, owns: (key) => key.endsWith(`@${address}`) }
}

/** What the bytes of an EIP that is no load balancer's are counted under. */
export function eipKey(address: string): string {
  return `eip/${address}`
}
