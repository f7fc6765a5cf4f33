import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { removeCgroup } from '../linux/cgroup.ts'
import { deleteNetns, listNetns } from '../linux/netns.ts'
import { type ClusterDirectories, nodeCgroup, nodeDirectories } from './node-directories.ts'
import { podNetns } from './pod-netns.ts'
import { entries } from './runtime/container-directory.ts'
import { openRuntime } from './runtime/open-runtime.ts'

export interface RemovePodsOptions {
  readonly clusterName: string
  readonly directories: ClusterDirectories
  /** Only the pods of this node; those of all nodes when left out. */
  readonly nodeName?: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * Ends every pod of a cluster, or of one node, and removes what it has on the machine: containers, control groups,
 * network namespaces, files. Works from what is there, so that it cleans up after any crash. No agent may be running.
 *
 * @returns How many pods there were.
 */
export async function removePodsOf(options: RemovePodsOptions): Promise<number> {
  const { directories, nodeName, clusterName } = options
  const names = nodeName === undefined ? entries(join(directories.run, 'nodes')) : [nodeName]
  const counts = await Promise.all(names.map((name) => removePodsOfNode(options, name)))
  if (nodeName === undefined) await removeRest(clusterName, directories)
  return counts.reduce((sum, count) => sum + count, 0)
}

async function removePodsOfNode(options: RemovePodsOptions, nodeName: string): Promise<number> {
  const { clusterName, directories, clock, log } = options
  const places = nodeDirectories(directories, nodeName)
  const uids = entries(places.pods)
  if (uids.length > 0) {
    using runtime = openRuntime({ directories, nodeName, clock, log })
    await Promise.all(uids.map((uid) => runtime.removePod(uid)))
    for (const uid of uids) deleteNetns(podNetns(clusterName, uid))
  }
  await removeCgroup(nodeCgroup(clusterName, nodeName))
  await rm(join(directories.run, 'nodes', nodeName), { recursive: true, force: true, maxRetries: 3 })
  await rm(join(directories.state, 'nodes', nodeName), { recursive: true, force: true, maxRetries: 3 })
  return uids.length
}

/** What belongs to no node that is known any more. */
async function removeRest(clusterName: string, { run, state }: ClusterDirectories): Promise<void> {
  for (const name of listNetns(`fl-${clusterName}-pod-`)) {
    // A cluster may have a name that continues this one's.
    if (/^[0-9a-f]{8}$/.test(name.slice(`fl-${clusterName}-pod-`.length))) deleteNetns(name)
  }
  for (const directory of ['nodes', 'host-view', 'runc']) {
    await rm(join(run, directory), { recursive: true, force: true, maxRetries: 3 })
  }
  await rm(join(state, 'nodes'), { recursive: true, force: true, maxRetries: 3 })
}
