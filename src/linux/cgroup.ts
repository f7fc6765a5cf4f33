/**
 * Control groups: the same path exists in every hierarchy of the machine, which is one (version 2), or one per controller
 * with a version-2 hierarchy beside them (hybrid).
 * Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/cgroups.rst
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../base/clock.ts'
import { FairleadError, systemErrorCode } from '../base/error.ts'
import { unless } from '../base/unless.ts'
import { listMounts, type Mount } from './mounts.ts'

/** ENODEV: the group went away between opening and reading. */
const MISSING = ['ENOENT', 'ENODEV']
const RETRY_MS = 5
const REMOVE_TIMEOUT_MS = 5000

export interface CgroupHierarchy {
  readonly version: 1 | 2
  /** Where it is mounted. */
  readonly directory: string
  /** `memory`, `pids`, `name=systemd`, ...; of version 2 none, it says them itself. */
  readonly controllers: readonly string[]
}

/** The machine's hierarchies. */
export function cgroupHierarchies(mounts: readonly Mount[] = listMounts()): CgroupHierarchy[] {
  return mounts.flatMap((mount): CgroupHierarchy[] => {
    if (mount.root !== '/') return []
    if (mount.type === 'cgroup2') return [{ version: 2, directory: mount.target, controllers: [] }]
    if (mount.type !== 'cgroup') return []
    const controllers = mount.options.filter((option) => option !== 'rw' && option !== 'ro' && option !== 'xattr')
    return [{ version: 1, directory: mount.target, controllers }]
  })
}

/** What groups can be limited by on this machine: `cpu`, `memory`, ... */
export function cgroupControllers(hierarchies: readonly CgroupHierarchy[] = cgroupHierarchies()): ReadonlySet<string> {
  return new Set(
    hierarchies.flatMap(({ version, directory, controllers }) => {
      if (version === 1) return controllers
      return (unless(MISSING, () => readFileSync(join(directory, 'cgroup.controllers'), 'utf8')) ?? '')
        .trim()
        .split(/\s+/)
    }),
  )
}

/** Creates a group in the version-2 hierarchy, or in every other where there is none, and puts a process into it. */
export function joinCgroup(path: string, pid: number): void {
  const hierarchies = cgroupHierarchies()
  const unified = hierarchies.filter((hierarchy) => hierarchy.version === 2)
  // A cpuset of version 1 takes no process before it has been given CPUs and memory.
  const others = hierarchies.filter((hierarchy) => !hierarchy.controllers.includes('cpuset'))
  for (const { directory } of unified.length > 0 ? unified : others) {
    mkdirSync(join(directory, path), { recursive: true })
    writeFileSync(join(directory, path, 'cgroup.procs'), String(pid))
  }
}

/** The processes in a group and in all below it, in any hierarchy. */
export function cgroupProcesses(path: string): number[] {
  const pids = new Set<number>()
  for (const directory of cgroupTree(path)) {
    for (const line of readProcs(directory)) pids.add(Number(line))
  }
  return [...pids]
}

/** Kills every process in a group and in all below it; those that it starts meanwhile too. */
export function killCgroup(path: string): void {
  for (const { version, directory } of cgroupHierarchies()) {
    // One write kills all, atomically, on Linux 5.14 and newer.
    if (version === 2) unless(MISSING, () => writeFileSync(join(directory, path, 'cgroup.kill'), '1', { flag: 'r+' }))
  }
  for (const pid of cgroupProcesses(path)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if (systemErrorCode(error) !== 'ESRCH') throw error
    }
  }
}

/**
 * Kills what is in a group and removes it with all below it. Missing is fine.
 *
 * @throws FairleadError `TIMEOUT` when a process does not end within five seconds.
 */
export async function removeCgroup(path: string, clock: Clock = systemClock): Promise<void> {
  const deadline = clock.now() + REMOVE_TIMEOUT_MS
  for (;;) {
    const left = cgroupTree(path).filter((directory) => !removeDirectory(directory))
    if (left.length === 0) return
    if (clock.now() >= deadline) {
      const pids = cgroupProcesses(path).join(', ')
      throw new FairleadError('TIMEOUT', `Cannot remove the control group ${path}: processes ${pids} do not end`)
    }
    killCgroup(path)
    await clock.sleep(RETRY_MS)
  }
}

/** The directories of a group and of all below it, in all hierarchies, the deepest first. */
function cgroupTree(path: string): string[] {
  return cgroupHierarchies().flatMap(({ directory }) => subtree(join(directory, path)))
}

function subtree(directory: string): string[] {
  const entries = unless(MISSING, () => readdirSync(directory, { withFileTypes: true }))
  if (entries === undefined) return []
  const below = entries.filter((entry) => entry.isDirectory()).flatMap((entry) => subtree(join(directory, entry.name)))
  return [...below, directory]
}

function readProcs(directory: string): string[] {
  const text = unless(MISSING, () => readFileSync(join(directory, 'cgroup.procs'), 'utf8')) ?? ''
  return text.split('\n').filter((line) => line !== '')
}

/** False when processes are in it. */
function removeDirectory(directory: string): boolean {
  try {
    unless(MISSING, () => rmdirSync(directory))
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'EBUSY') return false
    throw error
  }
}
