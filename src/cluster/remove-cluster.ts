import { existsSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { unless } from '../base/unless.ts'
import { cgroupHierarchies, removeCgroup } from '../linux/cgroup.ts'
import { unmountTree } from '../linux/mounts.ts'
import { deleteNetns, netnsPath } from '../linux/netns.ts'
import { killProcess, processesInNetns } from '../linux/process.ts'
import { removePodsOf } from '../node/remove-pods.ts'
import { listClusterNetns } from './cluster-netns.ts'
import { clusterLayout, type Layout, type LayoutRoots, layoutRoots } from './layout.ts'
import { ProcessRegister } from './process-register.ts'
import { endProcess } from './supervisor.ts'

export interface RemoveClusterOptions {
  readonly name: string
  readonly roots: LayoutRoots
  readonly log: Log
  readonly clock: Clock
  /** Leaves the log of a cluster in the background: it is this process's own. */
  readonly keepDetachedLog?: boolean
}

/**
 * Removes everything of a cluster from the machine, by what is there and not by what somebody remembers: after any
 * crash, and as often as wanted. No other process may be at the cluster.
 *
 * @returns Whether there was anything.
 */
export async function removeCluster(options: RemoveClusterOptions): Promise<boolean> {
  const { name, roots, log, clock } = options
  const layout = clusterLayout(name, roots)
  const found = hasRemains(layout)
  await endMembers(layout, clock)
  const directories = { run: layout.runDirectory, state: layout.stateDirectory }
  await removePodsOf({ clusterName: name, directories, clock, log })
  for (const netns of listClusterNetns(name)) {
    for (const identity of processesInNetns(netnsPath(netns))) killProcess(identity, 'SIGKILL')
    deleteNetns(netns)
  }
  await removeCgroup(layout.cgroup)
  removeCgroupParent(dirname(layout.cgroup))
  for (const directory of [layout.runDirectory, layout.stateDirectory]) {
    if (!existsSync(directory)) continue
    unmountTree(directory)
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  }
  if (options.keepDetachedLog !== true) rmSync(layout.detachedLog, { force: true })
  removeEmptyRoots(roots)
  return found
}

/** Whether something of the cluster is on the machine. */
export function hasRemains(layout: Layout): boolean {
  const places = [layout.runDirectory, layout.stateDirectory]
  return places.some((place) => existsSync(place)) || listClusterNetns(layout.cluster).length > 0
}

/** Agents first: the API server takes their last words. */
async function endMembers(layout: Layout, clock: Clock): Promise<void> {
  const processes = new ProcessRegister(layout.processDirectory).list()
  const isOther = ([member]: readonly [string, unknown]) => member !== 'control-plane' && member !== 'supervisor'
  const agents = [...processes].filter(isOther)
  await Promise.all(agents.map(([, identity]) => endProcess(identity, clock)))
  const controlPlane = processes.get('control-plane')
  if (controlPlane !== undefined) await endProcess(controlPlane, clock)
}

/** `/fairlead` of each hierarchy, when no other cluster is in it. */
function removeCgroupParent(path: string): void {
  for (const { directory } of cgroupHierarchies()) removeIfEmpty(join(directory, path))
}

function removeEmptyRoots(roots: LayoutRoots): void {
  const { state, run } = layoutRoots(roots)
  for (const directory of [join(state, 'clusters'), join(state, 'log'), state, run]) removeIfEmpty(directory)
}

function removeIfEmpty(directory: string): void {
  // What is there belongs to somebody else: another cluster, or the user's images.
  unless(['ENOENT', 'ENOTEMPTY', 'EBUSY'], () => rmdirSync(directory))
}
