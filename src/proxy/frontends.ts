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
import { sourceRanges } from './source-ranges.ts'

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

/** With addresses bound to the node, nobody inside goes past it: the policy holds for all (kube-proxy's IPVS mode). */
const EXTERNAL_LOCAL_BOUND: Clients = {
  pod: { scope: 'local', masquerade: false, why: 'load-balancer addresses are bound to the node (proxy mode ipvs)' },
  node: { scope: 'local', masquerade: true, why: 'the reply must come back through this node' },
  outside: EXTERNAL_LOCAL.outside,
}

function clusterIpClients(policy: TrafficPolicy, detectsPods: boolean): Clients {
  const scope = policy === 'Local' ? 'local' : 'cluster'
  const others: Treatment = detectsPods
    ? { scope, masquerade: true, why: 'client is not a pod of this node' }
    : { scope, masquerade: false, why: 'pods of this node are not known by their addresses' }
  const pod: Treatment = detectsPods ? { scope, masquerade: false, why: 'client is a pod of this node' } : others
  return { pod, node: others, outside: others }
}

function masqueradedClients(policy: TrafficPolicy): Clients {
  const scope = policy === 'Local' ? 'local' : 'cluster'
  const all: Treatment = { scope, masquerade: true, why: 'all clients of ClusterIPs are masqueraded (masqueradeAll)' }
  return { pod: all, node: all, outside: all }
}

const CLUSTER_IP = {
  Cluster: {
    detected: clusterIpClients('Cluster', true),
    undetected: clusterIpClients('Cluster', false),
    masqueraded: masqueradedClients('Cluster'),
  },
  Local: {
    detected: clusterIpClients('Local', true),
    undetected: clusterIpClients('Local', false),
    masqueraded: masqueradedClients('Local'),
  },
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
  const add = (source: FrontendSource, addresses: readonly string[], number: number, sources?: readonly string[]) => {
    for (const text of addresses) {
      const address = canonical(text)
      if (address === undefined) context.problems.push(invalidAddress(service, source, text))
      else if (address.includes(':') === (context.family === 'ip6')) {
        const policy = source === 'ClusterIP' ? (spec.internalTrafficPolicy ?? 'Cluster') : external
        frontends.push({
          source,
          address,
          port: number,
          policy,
          clients: clientsOf(source, policy, context),
          ...(isBound(source, context.node) ? { bound: true as const } : {}),
          ...(sources === undefined ? {} : { sources }),
        })
      }
    }
  }
  add('ClusterIP', spec.clusterIPs ?? [spec.clusterIP ?? ''], port.port)
  add('ExternalIP', spec.externalIPs ?? [], port.port)
  if (spec.type === 'LoadBalancer') {
    const addresses = virtualAddresses(service)
    add('LoadBalancer', addresses, port.port, sourceRanges(service, addresses, context))
  }
  const { addresses, nodePortAddresses = addresses } = context.node
  if (spec.type !== 'ClusterIP' && port.nodePort) add('NodePort', nodePortAddresses, port.nodePort)
  return frontends
}

function clientsOf(source: FrontendSource, policy: TrafficPolicy, { family, node }: FrontendContext): Clients {
  if (source !== 'ClusterIP') {
    if (policy === 'Cluster') return EXTERNAL_CLUSTER
    return node.mode === 'ipvs' ? EXTERNAL_LOCAL_BOUND : EXTERNAL_LOCAL
  }
  if (node.masqueradeAll) return CLUSTER_IP[policy].masqueraded
  return CLUSTER_IP[policy][detectsPods(node, family) ? 'detected' : 'undetected']
}

/** kube-proxy's IPVS mode gives all addresses of Services to a device of the node. */
function isBound(source: FrontendSource, { mode }: NodeView): boolean {
  return mode === 'ipvs' && (source === 'LoadBalancer' || source === 'ExternalIP')
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
    reason: 'InvalidAddress',
    message: `${source} "${address}" is not an IP address`,
  }
}
