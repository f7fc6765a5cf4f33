import { INSTANCES, NETWORK_INTERFACES } from '../ecs/model.ts'
import type { BackendPlan, ListenerCertificates, ListenerPlan } from '../load-balancer/plan.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { ELASTIC_IPS } from '../vpc/model.ts'
import { backendKey } from './backend-servers.ts'
import { keyedCertificate } from './keyed-certificate.ts'
import {
  ACCESS_CONTROL_LISTS,
  type Backend,
  type Layer7Settings,
  LISTENERS,
  type Listener,
  LOAD_BALANCERS,
  listenerKey,
  VSERVER_GROUPS,
} from './model.ts'

type Reader = Pick<CloudState, 'get' | 'list'>

/** What listeners look up of others, found once for all of them. */
interface Surroundings extends Reader {
  /** Addresses of EIPs, by what they are bound to. */
  readonly elasticIps: ReadonlyMap<string, readonly string[]>
  /** The address of a machine's own interface, by the machine. */
  readonly machines: ReadonlyMap<string, string>
}

/**
 * What the data plane shall carry for all Classic Load Balancers: the running listeners of instances that are not
 * switched off, at their own address and at EIPs bound to them.
 */
export function compileSlbPlan(reader: Reader): ListenerPlan[] {
  const state = surroundings(reader)
  return state.list(LISTENERS).flatMap((listener) => {
    const loadBalancer = state.get(LOAD_BALANCERS, listener.loadBalancerId)
    if (loadBalancer === undefined || loadBalancer.status === 'inactive' || listener.status !== 'running') return []
    const plan = compileListener(state, listener, loadBalancer.address)
    const eips = state.elasticIps.get(loadBalancer.id) ?? []
    return [plan, ...eips.map((address) => ({ ...plan, key: `${plan.key}@${address}`, address }))]
  })
}

function surroundings(state: Reader): Surroundings {
  const elasticIps = new Map<string, string[]>()
  for (const { binding, address } of state.list(ELASTIC_IPS)) {
    if (binding === undefined) continue
    const bound = elasticIps.get(binding.instanceId)
    if (bound === undefined) elasticIps.set(binding.instanceId, [address])
    else bound.push(address)
  }
  const machines = new Map<string, string>()
  for (const { instanceId, type, privateAddresses } of state.list(NETWORK_INTERFACES)) {
    const [address] = privateAddresses
    if (type !== 'Primary' || instanceId === undefined || address === undefined) continue
    if (state.get(INSTANCES, instanceId) !== undefined) machines.set(instanceId, address)
  }
  return { get: state.get.bind(state), list: state.list.bind(state), elasticIps, machines }
}

function compileListener(state: Surroundings, listener: Listener, address: string): ListenerPlan {
  const { loadBalancerId, port, protocol, scheduler, healthCheck, layer4, layer7 } = listener
  const cidrs = listener.acl?.ids.flatMap(
    (id) => state.get(ACCESS_CONTROL_LISTS, id)?.entries.map(({ cidr }) => cidr) ?? [],
  )
  return {
    key: listenerKey(loadBalancerId, protocol, port),
    address,
    port,
    protocol,
    scheduler,
    backends: backendsOf(state, listener),
    healthCheck,
    // A list without entries lets everybody pass, be it white or black.
    ...(listener.acl === undefined || cidrs === undefined || cidrs.length === 0
      ? {}
      : { acl: { type: listener.acl.type, cidrs } }),
    ...(layer4 === undefined ? {} : { layer4 }),
    ...(layer7 === undefined ? {} : { layer7: withCertificates(state, layer7) }),
  }
}

function backendsOf(state: Surroundings, listener: Listener): BackendPlan[] {
  const group = listener.vServerGroupId === undefined ? undefined : state.get(VSERVER_GROUPS, listener.vServerGroupId)
  return (group?.backends ?? []).flatMap((backend) => {
    const address = addressOf(state, backend)
    return address === undefined
      ? []
      : { key: backendKey(backend), address, port: backend.port, weight: backend.weight }
  })
}

/** Where a backend is reached; `undefined` when its server is gone. */
function addressOf(state: Surroundings, backend: Backend): string | undefined {
  if (backend.type === 'ecs') return state.machines.get(backend.serverId)
  const card = state.get(NETWORK_INTERFACES, backend.serverId)
  const held = [...(card?.privateAddresses ?? []), ...(card?.ipv6Addresses ?? [])]
  return held.find((address) => address === backend.serverIp)
}

function withCertificates(
  state: Reader,
  layer7: Layer7Settings,
): Layer7Settings & { certificates?: ListenerCertificates } {
  const { tls } = layer7
  const standard = tls === undefined ? undefined : keyedCertificate(state, tls.certificateId)
  if (tls === undefined || standard === undefined) return layer7
  const byDomain = tls.domainExtensions.flatMap(({ domain, certificateId }) => {
    const keyed = keyedCertificate(state, certificateId)
    return keyed === undefined ? [] : [[domain, keyed] as const]
  })
  return { ...layer7, certificates: { default: standard, byDomain: new Map(byDomain) } }
}
