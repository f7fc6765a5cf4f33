import { formatAddress, nthAddress, parseCidr, requireCidr } from '../../base/ip.ts'
import { NAT_GATEWAY_ADDRESS } from '../../cloud/fabric/fabric-names.ts'
import type { Node, Pod } from '../../kube/types/core.ts'
import { leaseAnnotations } from '../../network/flannel/lease.ts'
import { deriveSlices, isDerived } from '../derive-slices.ts'
import { nodeAddresses, type Surroundings, type World } from '../world.ts'

/** Where pods are that have addresses of the VPC, counted from its start; nodes are below. */
const FIRST_POD_OF_VPC = 64 * 256 + 1
const POD_CIDR_LENGTH = 24
const PODS_OF_RANGE = 1 << (32 - POD_CIDR_LENGTH)
/** The first addresses of a node's range are the network's and the bridge's. */
const FIRST_POD_OF_RANGE = 2
const CLUSTER_CIDR = '10.244.0.0/16'

/**
 * The same objects in a cluster with another pod network: pods have addresses of its kind, which are examples only, and
 * slices are those that the controller would make.
 */
export function withNetwork(world: World, network: Surroundings['network']): World {
  const { objects, around } = world
  if (network === around.network) return world
  const terway = network === 'terway-eniip'
  const nodes = objects.nodes.map((node, index) => (terway ? withoutRange(node) : withRange(node, index)))
  const pods = terway ? podsOfVpc(objects.pods, around.vpcCidr) : podsOfRanges(objects.pods, nodes)
  const slices = [
    ...objects.slices.filter((slice) => !isDerived(slice)),
    ...objects.services.flatMap((service) => deriveSlices(service, { pods, nodes })),
  ]
  const { natGateway: _, ...rest } = around
  const others = terway ? { clusterCidrs: [], natGateway: NAT_GATEWAY_ADDRESS } : { clusterCidrs: [CLUSTER_CIDR] }
  return { objects: { ...objects, nodes, pods, slices }, around: { ...rest, ...others, network } }
}

function withoutRange(node: Node): Node {
  const { podCIDR: _, podCIDRs: __, ...spec } = node.spec ?? {}
  return { ...node, spec }
}

function withRange(node: Node, index: number): Node {
  const start = formatAddress(nthAddress(requireCidr(CLUSTER_CIDR), index * PODS_OF_RANGE))
  const podCIDR = `${start}/${POD_CIDR_LENGTH}`
  const [publicIp = ''] = nodeAddresses(node)
  const digits = index.toString(16).padStart(2, '0')
  const lease = leaseAnnotations({ 4: { publicIp, vtepMac: `02:00:00:00:00:${digits}` } })
  const metadata = { ...node.metadata, annotations: { ...node.metadata.annotations, ...lease } }
  return { ...node, metadata, spec: { ...node.spec, podCIDR, podCIDRs: [podCIDR] } }
}

function podsOfVpc(pods: readonly Pod[], vpcCidr: string): Pod[] {
  const vpc = requireCidr(vpcCidr)
  return pods.map((pod, index) => withAddress(pod, formatAddress(nthAddress(vpc, FIRST_POD_OF_VPC + index))))
}

function podsOfRanges(pods: readonly Pod[], nodes: readonly Node[]): Pod[] {
  const next = new Map<string, number>()
  return pods.map((pod) => {
    const node = pod.spec.nodeName ?? ''
    const range = parseCidr(nodes.find(({ metadata }) => metadata.name === node)?.spec?.podCIDR ?? '')
    const number = next.get(node) ?? FIRST_POD_OF_RANGE
    next.set(node, number + 1)
    return range === undefined ? pod : withAddress(pod, formatAddress(nthAddress(range, number)))
  })
}

/** Who has none, or that of the node, keeps it so. */
function withAddress(pod: Pod, podIP: string): Pod {
  if (pod.spec.hostNetwork === true || pod.status?.podIP === undefined) return pod
  return { ...pod, status: { ...pod.status, podIP, podIPs: [{ ip: podIP }] } }
}
