import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createNetns, deleteNetns } from '../src/linux/netns.ts'

const PORT = 5353
const PEER_PORT = 5354
const STEADY_RATE = 20_000

/**
 * The DNS server in a process and namespace of its own, asked by dnsperf: answers per second, the longest that 99 in 100
 * took, and the server's CPU time per answer (which a busy machine changes least, and of which `qps_per_cpu_second` is the
 * inverse); names that are there, and names that are not; `floor` is what the system calls alone cost, without any DNS. Also the memory and the time of an update with as many endpoints as are wished behind one headless Service.
 * CoreDNS answers from its plugin `hosts` beside it, on one core, when it is on PATH.
 *
 * Flags: `--services N` (10000), `--headless N` (5000), `--seconds N` (5), `--workers N` (1: threads that answer; with more
 * than one, dnsperf wants cores of its own), `--plain` (packets one by one). Needs root.
 */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      services: { type: 'string', default: '10000' },
      headless: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '5' },
      workers: { type: 'string', default: '1' },
      plain: { type: 'boolean', default: false },
    },
  })
  if (spawnSync('which', ['dnsperf']).status !== 0) return { skipped: 'dnsperf is not installed' }
  const directory = mkdtempSync(join(tmpdir(), 'fl-bench-dns-'))
  const name = `fl-bench${process.pid}-dns`
  createNetns(name)
  spawnSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'])
  try {
    const questions = writeQuestions(directory, Number(values.services))
    const seconds = Number(values.seconds)
    const floor = await measureFloor({ name, file: questions.hits, seconds })
    const words = [values.services, values.headless, String(PORT), values.workers, values.plain ? 'plain' : '']
    const server = start('dns-server.ts', words, name)
    const [loaded] = (await once(server, 'message')) as [Record<string, number>]
    // Each answer is made when it is first asked for.
    await asked({ name, file: questions.hits, seconds: 1 }, PORT, [])
    const hits = await measure(server, { name, file: questions.hits, seconds })
    const denials = await measure(server, { name, file: questions.denials, seconds })
    server.kill()
    const peer = await measurePeer(directory, { name, seconds, ...questions }, Number(values.services))
    return { ...hits, nxdomain: denials, floor, ...loaded, ...(peer === undefined ? {} : { peer }) }
  } finally {
    deleteNetns(name)
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Load {
  readonly name: string
  readonly file: string
  readonly seconds: number
}

async function measure(server: ChildProcess, load: Load): Promise<Record<string, number>> {
  const before = await usage(server)
  const { qps } = await asked(load, PORT, [])
  const after = await usage(server)
  const p99_ms = await latency(load, PORT)
  const perAnswer = (after.cpuUs - before.cpuUs) / Math.max(1, after.answers - before.answers)
  const cpu_us_per_answer = Math.round(perAnswer * 100) / 100
  return { qps: Math.round(qps), qps_per_cpu_second: Math.round(1e6 / perAnswer), p99_ms, cpu_us_per_answer }
}

/** What receiving and sending alone costs, by the same system calls. */
async function measureFloor(load: Load): Promise<Record<string, number>> {
  const echo = start('udp-echo.ts', [String(PORT)], load.name)
  await once(echo, 'message')
  const figures = await measure(echo, load)
  const ended = once(echo, 'exit')
  echo.kill()
  await ended
  return figures
}

function start(program: string, words: readonly string[], netns: string): ChildProcess {
  const path = join(dirname(fileURLToPath(import.meta.url)), 'programs', program)
  return fork(path, words, { execPath: '/usr/sbin/ip', execArgv: inside(netns) })
}

async function usage(server: ChildProcess): Promise<{ cpuUs: number; answers: number }> {
  const answer = once(server, 'message')
  server.send({})
  return (await answer)[0] as { cpuUs: number; answers: number }
}

/** At 20,000 a second, each answer printed: printing all that could be answered would slow the asker. */
async function latency(load: Load, port: number): Promise<number> {
  const { latencies } = await asked({ ...load, seconds: 2 }, port, ['-v', '-Q', String(STEADY_RATE)])
  const sorted = Float64Array.from(latencies).sort()
  return Math.round((sorted[Math.floor(sorted.length * 0.99)] ?? 0) * 1e6) / 1e3
}

async function asked({ name, file, seconds }: Load, port: number, more: readonly string[]) {
  const words = [
    '-s',
    '127.0.0.1',
    '-p',
    String(port),
    '-d',
    file,
    '-l',
    String(seconds),
    '-c',
    '8',
    '-q',
    '200',
    ...more,
  ]
  const child = spawn('ip', ['netns', 'exec', name, 'dnsperf', ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  const latencies: number[] = []
  let rest = ''
  let qps = 0
  let completed = 0
  for await (const chunk of child.stdout) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      // `> NOERROR service-1.bench.svc.cluster.local A 0.000123`
      if (line.startsWith('> ')) latencies.push(Number(line.slice(line.lastIndexOf(' ') + 1)))
      else {
        completed = Number(/Queries completed:\s+(\d+)/.exec(line)?.[1] ?? completed)
        qps = Number(/Queries per second:\s+([\d.]+)/.exec(line)?.[1] ?? qps)
      }
    }
  }
  return { qps, completed, latencies }
}

interface PeerLoad extends Omit<Load, 'file'> {
  readonly hits: string
  readonly denials: string
}

/** CoreDNS on one core, the same names in its plugin `hosts`. */
async function measurePeer(
  directory: string,
  { name, seconds, hits, denials }: PeerLoad,
  services: number,
): Promise<Record<string, unknown> | undefined> {
  if (spawnSync('which', ['coredns']).status !== 0) return undefined
  const hosts = Array.from({ length: services }, (_, i) => `10.96.${(i >> 8) & 255}.${i & 255} ${serviceName(i)}`)
  writeFileSync(join(directory, 'hosts'), hosts.join('\n'))
  // The plugin `hosts` denies no name by itself; `template` has its say before it.
  const denying = 'template ANY ANY {\n match ^no-\n rcode NXDOMAIN\n fallthrough\n }'
  const block = `${denying}\n hosts ${join(directory, 'hosts')}`
  writeFileSync(join(directory, 'Corefile'), `.:${PEER_PORT} {\n ${block}\n}\n`)
  const words = ['netns', 'exec', name, 'coredns', '-conf', join(directory, 'Corefile')]
  const server = spawn('ip', words, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, GOMAXPROCS: '1' } })
  await once(server.stdout, 'data')
  server.stdout.resume()
  try {
    const figures = await peerFigures(server, { name, file: hits, seconds })
    return { ...figures, nxdomain: await peerFigures(server, { name, file: denials, seconds }) }
  } finally {
    server.kill()
  }
}

async function peerFigures(server: ChildProcess, load: Load): Promise<Record<string, number>> {
  const before = cpuUsOf(server)
  const { qps, completed } = await asked(load, PEER_PORT, [])
  const cpu_us_per_answer = Math.round(((cpuUsOf(server) - before) / Math.max(1, completed)) * 100) / 100
  return { qps: Math.round(qps), p99_ms: await latency(load, PEER_PORT), cpu_us_per_answer }
}

/** Microseconds of a process, whose clock ticks a hundred times a second (`/proc/PID/stat`). */
function cpuUsOf({ pid }: ChildProcess): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) /)
  const fields = rest.split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function writeQuestions(directory: string, services: number): { readonly hits: string; readonly denials: string } {
  const write = (file: string, nameOf: (i: number) => string) => {
    const path = join(directory, file)
    writeFileSync(path, Array.from({ length: 20_000 }, (_, i) => `${nameOf((i * 7919) % services)} A\n`).join(''))
    return path
  }
  return { hits: write('hits', serviceName), denials: write('denials', (i) => `no-${i}.bench.svc.cluster.local`) }
}

function serviceName(i: number): string {
  return `service-${i}.bench.svc.cluster.local`
}

/** Arguments of `ip` that run Node.js with a program in the namespace. */
function inside(name: string): string[] {
  return ['netns', 'exec', name, process.execPath, '--expose-gc', '--import', 'tsx']
}
