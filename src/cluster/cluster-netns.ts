import { listNetns } from '../linux/netns.ts'

/** What follows `fl-<cluster>-` in the name of a namespace of ours: the fabric, a node or a pod. */
const MEMBER = /^(vpc|internet|node-\d+|pod-[0-9a-f]{8,})$/

/** Whether a namespace belongs to this cluster (and not to one whose name begins alike). */
export function isClusterNetns(cluster: string, name: string): boolean {
  const prefix = `fl-${cluster}-`
  return name.startsWith(prefix) && MEMBER.test(name.slice(prefix.length))
}

/** Names of all network namespaces of the cluster that the machine has now. */
export function listClusterNetns(cluster: string): string[] {
  return listNetns(`fl-${cluster}-`).filter((name) => isClusterNetns(cluster, name))
}
