import { join } from 'node:path'

/** Directories of one cluster, as `cluster/` has them. */
export interface ClusterDirectories {
  /** What is true while the machine runs, e.g. `/run/fairlead/demo`. */
  readonly run: string
  /** What is kept, e.g. `/var/lib/fairlead/clusters/demo`. */
  readonly state: string
}

export interface NodeDirectories {
  /** One directory per pod. */
  readonly pods: string
  /** One directory of logs per pod. */
  readonly logs: string
  readonly hostView: string
  /** runc's own, one per cluster. */
  readonly runc: string
}

export function nodeDirectories({ run, state }: ClusterDirectories, nodeName: string): NodeDirectories {
  return {
    pods: join(run, 'nodes', nodeName, 'pods'),
    logs: join(state, 'nodes', nodeName, 'pods'),
    hostView: join(run, 'host-view'),
    runc: join(run, 'runc'),
  }
}

/** Path of a node's control group in every hierarchy. */
export function nodeCgroup(clusterName: string, nodeName: string): string {
  return `/fairlead/${clusterName}/${nodeName}`
}
