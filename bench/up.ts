/**
 * How long a user waits: from the command `fairlead up` to the first answer through a ClusterIP, and how much memory
 * everything that runs then takes. The programs must be built; a first run that is not counted warms the disk.
 *
 * Flags: `--runs N` (5), `--nodes N` (3).
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { distDirectory } from '../src/cluster/cluster.ts'

const FIRST_ANSWER = /first answer through a ClusterIP/
const STANDS = /Ctrl-C takes everything down/

interface Run {
  readonly firstAnswerMs: number
  /** Resident memory in MiB by process: `supervisor`, `control-plane`, `node-1`, ..., `containers`. */
  readonly rss: Readonly<Record<string, number>>
}

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: { type: 'string', default: '5' }, nodes: { type: 'string', default: '3' } },
  })
  await measure(values.nodes)
  const runs: Run[] = []
  for (let i = 0; i < Number(values.runs); i++) runs.push(await measure(values.nodes))
  const times = runs.map(({ firstAnswerMs }) => firstAnswerMs).sort((a, b) => a - b)
  const rss = runs.at(-1)?.rss ?? {}
  const { containers = 0, ...own } = rss
  return {
    nodes: Number(values.nodes),
    runs: times.length,
    first_answer_ms: times[Math.floor(times.length / 2)],
    first_answer_min_ms: times[0],
    first_answer_max_ms: times.at(-1),
    rss_mb: Object.values(own).reduce((sum, mb) => sum + mb, 0),
    rss_mb_by_process: own,
    containers_rss_mb: containers,
  }
}

async function measure(nodes: string): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'fl-bench-'))
  const name = `b${process.pid}`
  const environment = { FAIRLEAD_STATE_DIR: join(directory, 'state'), FAIRLEAD_RUN_DIR: join(directory, 'run') }
  const started = performance.now()
  const child = spawn(
    process.execPath,
    [join(distDirectory(), 'fairlead.js'), 'up', '--name', name, '--nodes', nodes, '--api-port', '0'],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...environment } },
  )
  try {
    let firstAnswerMs: number | undefined
    for await (const line of createInterface({ input: child.stderr })) {
      if (FIRST_ANSWER.test(line)) firstAnswerMs = Math.round(performance.now() - started)
      if (STANDS.test(line)) break
    }
    if (firstAnswerMs === undefined) throw new Error('The cluster gave no answer')
    return { firstAnswerMs, rss: memoryOf(child, join(environment.FAIRLEAD_RUN_DIR, name)) }
  } finally {
    await end(child)
    rmSync(directory, { recursive: true, force: true })
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.stderr?.resume()
  child.kill('SIGINT')
  await ended
}

/** By name, from the register of processes; containers are whatever descends from runc in the cluster's directory. */
function memoryOf(supervisor: ChildProcess, runDirectory: string): Record<string, number> {
  const processes = join(runDirectory, 'processes')
  const rss: Record<string, number> = { supervisor: residentMib(supervisor.pid ?? 0) }
  for (const name of readdirSync(processes)) {
    if (name === 'supervisor') continue
    rss[name] = residentMib((JSON.parse(readFileSync(join(processes, name), 'utf8')) as { pid: number }).pid)
  }
  const containers = containerPids(runDirectory).map(residentMib)
  return { ...rss, containers: containers.reduce((sum, mib) => sum + mib, 0) }
}

/** Shims and runc by their command line, and the processes in containers by their parents. */
function containerPids(runDirectory: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const parents = new Map<number, number>()
  const found = new Set<number>()
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      parents.set(Number(pid), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      if (command.includes('fairlead-shim') && command.includes(runDirectory)) found.add(Number(pid))
    } catch {
      // It ended while being looked at.
    }
  }
  for (let grown = true; grown; ) {
    grown = false
    for (const [pid, parent] of parents) {
      if (found.has(pid) || !found.has(parent)) continue
      found.add(pid)
      grown = true
    }
  }
  return [...found]
}

/** Resident memory in MiB (proc(5), statm, field 2, pages of 4 KiB). */
function residentMib(pid: number): number {
  try {
    return Math.round((Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4) / 1024)
  } catch {
    return 0 // It ended while being looked at.
  }
}
