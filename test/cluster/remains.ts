import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { allPids } from '../../src/linux/process.ts'

const CGROUPS = '/sys/fs/cgroup'

/**
 * Everything on the machine that belongs to clusters of these names, one line each; looked for by other means than the
 * product's own.
 *
 * @param others Clusters that may be there, whose names begin alike.
 */
export function remainsOf(names: readonly string[], others: readonly string[] = []): string[] {
  return names.flatMap((name) => [
    ...namespacesOf(name, others).map((netns) => `namespace ${netns}`),
    ...mountsWith(`/fl-${name}-`, others).map((mount) => `mount ${mount}`),
    ...cgroupsOf(name).map((directory) => `control group ${directory}`),
    ...processesWhere('cgroup', new RegExp(`/fairlead/${name}(/|$)`, 'm')),
  ])
}

/** What is left of any cluster that had its directories below `home`. */
export function remainsBelow(home: string, names: readonly string[]): string[] {
  return [
    ...remainsOf(names),
    ...mountsWith(home, []).map((mount) => `mount ${mount}`),
    ...processesWhere('environ', new RegExp(`=${home}/`)),
    ...processesWhere('cmdline', new RegExp(`${home}/`)),
    ...socketsOf(home).map((socket) => `socket ${socket}`),
    ...filesBelow(home).map((file) => `file ${file}`),
    ...strayFiles(names).map((file) => `file ${file}`),
  ]
}

function namespacesOf(name: string, others: readonly string[]): string[] {
  return read(() => readdirSync('/run/netns'), []).filter(
    (netns) => netns.startsWith(`fl-${name}-`) && !others.some((other) => netns.startsWith(`fl-${other}-`)),
  )
}

function mountsWith(text: string, others: readonly string[]): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((target) => target.includes(text) && !others.some((other) => target.includes(`/fl-${other}-`)))
}

function cgroupsOf(name: string): string[] {
  const hierarchies = [CGROUPS, ...read(() => readdirSync(CGROUPS), []).map((entry) => join(CGROUPS, entry))]
  return hierarchies.map((hierarchy) => join(hierarchy, 'fairlead', name)).filter((path) => existsSync(path))
}

function processesWhere(file: 'cgroup' | 'environ' | 'cmdline', pattern: RegExp): string[] {
  return allPids().flatMap((pid) => {
    const text = pid === process.pid ? '' : read(() => readFileSync(`/proc/${pid}/${file}`, 'utf8'), '')
    if (!pattern.test(text)) return []
    const command = read(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '').replaceAll('\0', ' ')
    // A process that has ended and waits for its parent has no command line.
    return command === '' ? [] : [`process ${pid} ${command}`]
  })
}

function socketsOf(home: string): string[] {
  return readFileSync('/proc/net/unix', 'utf8')
    .split('\n')
    .filter((line) => line.includes(home))
}

function filesBelow(home: string): string[] {
  const files = read(() => readdirSync(home, { recursive: true, encoding: 'utf8' }), [])
  // A test may have made the two roots itself, for example by mounting something there.
  return files.filter((file) => file !== 'state' && file !== 'run').map((file) => join(home, file))
}

/** Files in common directories that bear a cluster's name. */
function strayFiles(names: readonly string[]): string[] {
  return ['/run', '/run/fairlead', '/var/lib/fairlead', '/tmp', '/dev/shm', '/var/log', '/run/runc'].flatMap(
    (directory) =>
      read(() => readdirSync(directory), [])
        .filter((entry) => names.some((name) => new RegExp(`(^|[^a-z0-9])${name}([^a-z0-9]|$)`).test(entry)))
        .map((entry) => join(directory, entry)),
  )
}

function read<T>(look: () => T, otherwise: T): T {
  try {
    return look()
  } catch {
    // Not there, or gone between two looks: both say that nothing of it is left.
    return otherwise
  }
}
