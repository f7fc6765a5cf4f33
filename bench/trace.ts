/**
 * How long `fairlead trace` takes on a running cluster, from the command to its end, its packet included. The programs
 * must be built; a first run of each question warms the disk and is not counted.
 *
 * Flags: `--runs N` (20), `--nodes N` (3), `--network flannel|terway-eniip`.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { distDirectory } from '../src/cluster/cluster.ts'

const STANDS = /Ctrl-C takes everything down/
/** By ClusterIP, by name, from outside through a load balancer, and one that fails. */
const QUESTIONS = [
  ['client', 'svc/web:80'],
  ['client', 'http://web.default/'],
  ['internet', 'svc/web-lb'],
  ['client', 'svc/web:81'],
] as const
const PROGRAM = join(distDirectory(), 'fairlead.js')

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '20' },
      nodes: { type: 'string', default: '3' },
      network: { type: 'string', default: 'flannel' },
    },
  })
  const directory = mkdtempSync(join(tmpdir(), 'fl-bench-'))
  const name = `b${process.pid}`
  const env = {
    ...process.env,
    FAIRLEAD_STATE_DIR: join(directory, 'state'),
    FAIRLEAD_RUN_DIR: join(directory, 'run'),
  }
  const up = ['up', '--name', name, '--nodes', values.nodes, '--network', values.network, '--api-port', '0']
  const cluster = spawn(process.execPath, [PROGRAM, ...up], { stdio: ['ignore', 'ignore', 'pipe'], env })
  try {
    for await (const line of createInterface({ input: cluster.stderr })) if (STANDS.test(line)) break
    cluster.stderr.resume()
    const times = QUESTIONS.flatMap(([from, to]) => {
      const ask = () => measure(['trace', '--name', name, from, to], env)
      ask()
      return Array.from({ length: Math.ceil(Number(values.runs) / QUESTIONS.length) }, ask)
    }).sort((a, b) => a - b)
    const at = (share: number) => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0)
    const settings = { nodes: Number(values.nodes), network: values.network, runs: times.length }
    return { ...settings, trace_p50_ms: at(0.5), trace_max_ms: at(1), help_ms: Math.round(measure(['--help'], env)) }
  } finally {
    await end(cluster)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Milliseconds from start to end of a command. @throws Error when it ends otherwise than with an answer */
function measure(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const began = performance.now()
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], { env, encoding: 'utf8' })
  const took = performance.now() - began
  if (status !== 0 && status !== 1) throw new Error(`fairlead ${args.join(' ')} ended with ${status}: ${stderr}`)
  return took
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGINT')
  await ended
}
