import type { Vpc } from '../cloud/fabric/vpc-fabric.ts'
import { RouteSocket } from '../linux/netlink/route/socket.ts'
import { createNetns, listNetns, netnsPath } from '../linux/netns.ts'
import type { ClusterSpec, NodeSpec } from './cluster-spec.ts'
import { nodeNetns } from './layout.ts'

/** What of a cluster is in the kernel before any of its processes: the VPC, the nodes' namespaces, the internet. */
export interface Fabric extends Disposable {
  readonly vpc: Vpc
  /** Path of the namespace of a client on the internet. */
  readonly internet: string
  /** Makes a node's namespace and its connection with the VPC; what is there already stays. */
  ensureNode(node: NodeSpec): void
}

/** A vSwitch is a /24 of the VPC. */
const VSWITCH_PREFIX = 24

/** Completes the cluster's network around its VPC: the internet, and a namespace for every node. */
export function createFabric(spec: ClusterSpec, vpc: Vpc): Fabric {
  const { netns: internet } = vpc.attachInternet()
  for (const node of spec.nodes) attachNode(spec, vpc, node)
  const ensureNode = (node: NodeSpec) => {
    const name = nodeNetns(spec.name, node.name)
    if (!listNetns(name).includes(name)) attachNode(spec, vpc, node)
  }
  return { vpc, internet, ensureNode, [Symbol.dispose]: () => vpc[Symbol.dispose]() }
}

function attachNode(spec: ClusterSpec, vpc: Vpc, node: NodeSpec): void {
  const name = nodeNetns(spec.name, node.name)
  const netns = listNetns(name).includes(name) ? netnsPath(name) : createNetns(name)
  using route = RouteSocket.open(netns)
  route.setLink('lo', { up: true })
  vpc.attachNode({ name: node.name, netns, address: `${node.address}/${VSWITCH_PREFIX}`, zone: node.zone })
  vpc.eips.bind({ eip: node.publicAddress, address: node.address })
}
