import type { ConnectInCluster } from '../apiserver/node-access/cluster-network.ts'
import { netnsPath } from '../linux/netns.ts'
import { connectTcp } from '../linux/socket.ts'
import { nodeNetns } from './layout.ts'

const TIMEOUT_MS = 10_000

/**
 * How the control plane, which lives in the host's network namespace, gets into the cluster: to nodes as a machine of the
 * VPC, to pods from the node that they are on.
 */
export function connectInCluster(cluster: string, vpcNetns: string): ConnectInCluster {
  return ({ kind, node, host, port }, signal) => {
    const netns = kind === 'node' ? vpcNetns : netnsPath(nodeNetns(cluster, node))
    return connectTcp({ netns, host, port, timeoutMs: TIMEOUT_MS, signal })
  }
}
