import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { unless } from '../base/unless.ts'
import { type CgroupHierarchy, cgroupHierarchies } from './cgroup.ts'

/** What a control group and all below it have used; left out where this machine does not count it. */
export interface CgroupUsage {
  readonly cpuNanoseconds?: number
  /** Bytes. */
  readonly memory?: {
    readonly usage: number
    /** What cannot be given back at once: usage less pages of files that nobody has used lately. */
    readonly workingSet: number
    readonly rss: number
  }
}

/**
 * Reads what a group has used, from hierarchies of version 1 (cpuacct, memory) or 2.
 *
 * @param path As in `joinCgroup`. Nothing is known of a group that is not there.
 */
export function cgroupUsage(path: string, hierarchies: readonly CgroupHierarchy[] = cgroupHierarchies()): CgroupUsage {
  const cpuNanoseconds = first(hierarchies, (hierarchy) => cpuTime(hierarchy, path))
  const memory = first(hierarchies, (hierarchy) => memoryOf(hierarchy, path))
  return { ...(cpuNanoseconds === undefined ? {} : { cpuNanoseconds }), ...(memory === undefined ? {} : { memory }) }
}

function first<T>(hierarchies: readonly CgroupHierarchy[], read: (hierarchy: CgroupHierarchy) => T | undefined) {
  for (const hierarchy of hierarchies) {
    const found = read(hierarchy)
    if (found !== undefined) return found
  }
  return undefined
}

function cpuTime({ version, directory, controllers }: CgroupHierarchy, path: string): number | undefined {
  if (version === 2) {
    const microseconds = field(readIfThere(join(directory, path, 'cpu.stat')), 'usage_usec')
    return microseconds === undefined ? undefined : microseconds * 1000
  }
  return controllers.includes('cpuacct') ? number(readIfThere(join(directory, path, 'cpuacct.usage'))) : undefined
}

function memoryOf({ version, directory, controllers }: CgroupHierarchy, path: string): CgroupUsage['memory'] {
  if (version === 1 && !controllers.includes('memory')) return undefined
  const names = version === 2 ? VERSION_2 : VERSION_1
  const usage = number(readIfThere(join(directory, path, names.usage)))
  const stat = readIfThere(join(directory, path, 'memory.stat'))
  if (usage === undefined || stat === undefined) return undefined
  const inactive = field(stat, names.inactiveFile) ?? 0
  return { usage, workingSet: Math.max(0, usage - inactive), rss: field(stat, names.rss) ?? 0 }
}

const VERSION_1 = { usage: 'memory.usage_in_bytes', inactiveFile: 'total_inactive_file', rss: 'total_rss' }
const VERSION_2 = { usage: 'memory.current', inactiveFile: 'inactive_file', rss: 'anon' }

function field(text: string | undefined, name: string): number | undefined {
  return number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1])
}

function number(text: string | undefined): number | undefined {
  return text === undefined || text.trim() === '' ? undefined : Number(text)
}

/** ENODEV: the group went away between opening and reading. */
function readIfThere(path: string): string | undefined {
  return unless(['ENOENT', 'ENODEV', 'ENOTDIR'], () => readFileSync(path, 'utf8'))
}
