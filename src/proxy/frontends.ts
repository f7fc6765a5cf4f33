/** The addresses and ports a Service answers on, and what each class of clients gets there. */

import type { Service, ServicePort } from '../kube/types/core.ts'
import { canonical } from './canonical.ts'
import type { NodeView } from './node-view.ts'
import type {
  ClientClass,
  Family,
  Frontend,
  FrontendSource,
  Problem,
  TrafficPolicy,
  Treatment,
} from './service-plan.ts'

type Clients = Readonly<Record<ClientClass, Treatment>>

const EXTERNAL: Treatment = { scope: 'cluster', masquerade: true, why: 'external traffic policy Cluster' }

/** External addresses with the Cluster policy: the reply must pass this node again, so everyone is masqueraded. */
const EXTERNAL_CLUSTER: Clients = { pod: EXTERNAL, node: EXTERNAL, outside: EXTERNAL }

/**
 * External addresses with the Local policy: the outside reaches endpoints of this node and is seen with its own
 * address; what comes from inside takes the short way to all endpoints, as if it had gone out and come back.
 */
const EXTERNAL_LOCAL: Clients = {
  pod: { scope: 'cluster', masquerade: false, why: 'client is a pod of this node' },
  node: { scope: 'cluster', masquerade: true, why: 'the reply must come back through this node' },
  outside: { scope: 'local', masquerade: false, why: 'external traffic policy Local keeps the client address' },
}

function clusterIpClients(policy: TrafficPolicy, detectsPods: boolean): Clients {
  const scope = policy === 'Local' ? 'local' : 'cluster'
  const others: Treatment = detectsPods
    ? { scope, masquerade: true, why: 'client is not a pod of this node' }
    : { scope, masquerade: false, why: 'pods of this node are not known by their addresses' }
  const pod: Treatment = detectsPods ? { scope, masquerade: false, why: 'client is a pod of this node' } : others
  return { pod, node: others, outside: others }
}

const CLUSTER_IP = {
  Cluster: { detected: clusterIpClients('Cluster', true), undetected: clusterIpClients('Cluster', false) },
  Local: { detected: clusterIpClients('Local', true), undetected: clusterIpClients('Local', false) },
} as const

export interface FrontendContext {
  readonly family: Family
  readonly node: NodeView
  readonly problems: Problem[]
}

/** All frontends of one port in one family. Addresses of the other family belong to its plan and are passed over. */
export function frontendsOf(service: Service, port: ServicePort, context: FrontendContext): Frontend[] {
  const { spec } = service
  const external = spec.externalTrafficPolicy ?? 'Cluster'
  const frontends: Frontend[] = []
  const add = (source: FrontendSource, addresses: readonly string[], number: number) => {
    for (const text of addresses) {
      const address = canonical(text)
      if (address === undefined) context.problems.push(invalidAddress(service, source, text))
      else if (address.includes(':') === (context.family === 'ip6')) {
        const policy = source === 'ClusterIP' ? (spec.internalTrafficPolicy ?? 'Cluster') : external
        frontends.push({ source, address, port: number, policy, clients: clientsOf(source, policy, context) })
      }
    }
  }
  add('ClusterIP', spec.clusterIPs ?? [spec.clusterIP ?? ''], port.port)
  add('ExternalIP', spec.externalIPs ?? [], port.port)
  if (spec.type === 'LoadBalancer') add('LoadBalancer', virtualAddresses(service), port.port)
  if (spec.type !== 'ClusterIP' && port.nodePort) add('NodePort', context.node.addresses, port.nodePort)
  return frontends
}

function clientsOf(source: FrontendSource, policy: TrafficPolicy, { family, node }: FrontendContext): Clients {
  if (source !== 'ClusterIP') return policy === 'Local' ? EXTERNAL_LOCAL : EXTERNAL_CLUSTER
  return CLUSTER_IP[policy][detectsPods(node, family) ? 'detected' : 'undetected']
}

/** Whether a pod of this node can be told by its address. */
export function detectsPods(node: NodeView, family: Family): boolean {
  return node.podCidrs.some((cidr) => cidr.includes(':') === (family === 'ip6'))
}

/** Load-balancer addresses that the node answers itself; with ipMode Proxy they must leave the node (KEP-1860). */
function virtualAddresses(service: Service): string[] {
  const ingress = service.status?.loadBalancer?.ingress ?? []
  return ingress.flatMap(({ ip, ipMode }) => (ip === undefined || ip === '' || ipMode === 'Proxy' ? [] : [ip]))
}

function invalidAddress(service: Service, source: FrontendSource, address: string): Problem {
  return {
    object: 'Service',
    name: `${service.metadata.namespace ?? ''}/${service.metadata.name}`,
    message: `${source} "${address}" is not an IP address`,
  }
}
