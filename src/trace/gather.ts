import type { Client } from '../kube/client.ts'
import { endpointSlices, namespaces, nodes, pods, serviceCidrs, services } from '../kube/resource.ts'
import type { ClusterObjects } from './world.ts'

/**
 * Reads what decides about packets from the API, all kinds at once.
 *
 * @throws FairleadError `API_UNREACHABLE`, or ApiError where something may not be listed.
 */
export async function gatherObjects(client: Client): Promise<ClusterObjects> {
  const [service, slice, pod, node, namespace, cidr] = await Promise.all([
    client.list(services),
    client.list(endpointSlices),
    client.list(pods),
    client.list(nodes),
    client.list(namespaces),
    client.list(serviceCidrs),
  ])
  return {
    services: service.items,
    slices: slice.items,
    pods: pod.items,
    nodes: node.items,
    namespaces: namespace.items,
    serviceCidrs: cidr.items,
  }
}
