/**
 * How long pods take to start: from the API server's acknowledgement of the pod to its readiness, many at once, and how
 * much of them is left after they are gone. The programs must be built; kubelets run as they do under `fairlead up`.
 *
 * Flags: `--pods N` (110), `--nodes N` (1), `--cycles N` (0): create and delete so many more, one batch (`--batch N`, 50) after the other;
 * `leaked` is then what these have left. Each pod has a host port.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { silentLog } from '../src/base/log.ts'
import { type Cluster, startCluster } from '../src/cluster/cluster.ts'
import { createClusterSpec, DEFAULT_MAX_PODS } from '../src/cluster/cluster-spec.ts'
import { Informer } from '../src/kube/informer.ts'
import { pods } from '../src/kube/resource.ts'
import type { Pod } from '../src/kube/types/core.ts'
import { cgroupHierarchies } from '../src/linux/cgroup.ts'
import { listMounts } from '../src/linux/mounts.ts'
import { listNetns } from '../src/linux/netns.ts'

/** What pods have on the machine. */
interface Remains {
  readonly namespaces: number
  readonly mounts: number
  readonly processes: number
  /** Directories of control groups, in all hierarchies. */
  readonly cgroups: number
  /** Descriptors that the agents have open. */
  readonly files: number
  /** Addresses of pods that are given away. */
  readonly addresses: number
  /** Lines of the nodes' tables of host ports; 0 where there is no `nft` to ask. */
  readonly hostPorts: number
}

/** Each connection pool of an agent grows to its bound, whenever there is a burst. */
const SLACK: Remains = {
  namespaces: 0,
  mounts: 0,
  processes: 0,
  cgroups: 0,
  files: 32,
  addresses: 0,
  hostPorts: 0,
}

/** Connections that nobody uses are closed after some seconds. */
const SETTLE_MS = 15_000

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pods: { type: 'string', default: '110' },
      nodes: { type: 'string', default: '1' },
      cycles: { type: 'string', default: '0' },
      batch: { type: 'string', default: '50' },
    },
  })
  const [count, nodes, cycles] = [Number(values.pods), Number(values.nodes), Number(values.cycles)]
  const batch = Number(values.batch)
  // The cluster's DNS is not started: all that a node takes is ours.
  const maxPods = Math.max(DEFAULT_MAX_PODS, Math.ceil(count / nodes))
  const directory = mkdtempSync(join(tmpdir(), 'fl-bench-'))
  const roots = { state: join(directory, 'state'), run: join(directory, 'run') }
  const spec = createClusterSpec({ name: `b${process.pid}`, nodes, apiPort: 0, maxPods })
  const cluster = await startCluster({ spec, roots })
  try {
    await using watch = new PodWatch(cluster)
    await watch.synced
    await cluster.nodesReady
    const started = await watch.start('pod', count)
    const seconds = (Math.max(...started.readyAt) - started.began) / 1000
    const memory = memoryOf(cluster)
    await watch.remove('pod', count)
    const before = remains(cluster)
    for (let done = 0; done < cycles; done += batch) {
      await watch.start(`cycle-${done}`, Math.min(batch, cycles - done))
      await watch.remove(`cycle-${done}`, Math.min(batch, cycles - done))
    }
    const leaked = cycles > 0 ? { leaked: await leftOver(cluster, before) } : {}
    const times = started.times.sort((a, b) => a - b)
    return {
      nodes,
      pods: count,
      start_p50_ms: times[Math.floor(count / 2)],
      start_p99_ms: times[Math.min(count - 1, Math.floor(count * 0.99))],
      pods_per_s: Math.round((count / seconds) * 10) / 10,
      cycles,
      ...memory,
      ...leaked,
    }
  } finally {
    await cluster[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Started {
  readonly began: number
  readonly readyAt: readonly number[]
  /** Milliseconds of each pod. */
  readonly times: number[]
}

/** Creates pods, and sees when they are ready and gone. */
class PodWatch implements AsyncDisposable {
  readonly synced: Promise<void>
  readonly #cluster: Cluster
  readonly #informer: Informer<Pod>
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#informer = new Informer({ client: cluster.client, resource: pods, log: silentLog })
    this.#running = this.#informer.run(this.#stop.signal)
    this.synced = this.#informer.synced
  }

  async start(prefix: string, count: number): Promise<Started> {
    const created = new Map<string, number>()
    const ready = this.#seen(prefix, count, isReady)
    const began = performance.now()
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const name = `${prefix}-${i}`
        await this.#cluster.client.create(pods, podOf(name, FIRST_PORT + i))
        created.set(name, performance.now())
      }),
    )
    const readyAt = await ready
    return {
      began,
      readyAt: [...readyAt.values()],
      times: [...readyAt].map(([name, time]) => Math.round(time - (created.get(name) ?? time))),
    }
  }

  async remove(prefix: string, count: number): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      let left = count
      const stop = this.#informer.on({
        deleted: ({ metadata }) => {
          if (!metadata.name.startsWith(`${prefix}-`) || --left > 0) return
          stop()
          resolve()
        },
      })
    })
    const options = { gracePeriodSeconds: 1 }
    await Promise.all(
      Array.from({ length: count }, (_, i) =>
        this.#cluster.client.delete(pods, { namespace: 'default', name: `${prefix}-${i}` }, options),
      ),
    )
    await gone
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  #seen(prefix: string, count: number, condition: (pod: Pod) => boolean): Promise<Map<string, number>> {
    const times = new Map<string, number>()
    return new Promise((resolve) => {
      let stop = () => {}
      const look = (pod: Pod) => {
        const { name } = pod.metadata
        if (!name.startsWith(`${prefix}-`) || times.has(name) || !condition(pod)) return
        times.set(name, performance.now())
        if (times.size < count) return
        stop()
        resolve(times)
      }
      stop = this.#informer.on({ added: look, updated: look })
    })
  }
}

/** Outside of the ranges of node ports and of ports for clients. */
const FIRST_PORT = 20_000

function podOf(name: string, hostPort: number): Pod {
  const tolerations = [{ operator: 'Exists' as const }]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      tolerations,
      containers: [{ name: 'main', image: 'fairlead/client', ports: [{ containerPort: 80, hostPort }] }],
    },
  }
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false
}

/** What is more than before, once what only lingers is gone. */
async function leftOver(cluster: Cluster, before: Remains): Promise<Remains> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const after = remains(cluster)
    const names = Object.keys(before) as (keyof Remains)[]
    const more = Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as unknown as Remains
    if (names.every((name) => more[name] <= SLACK[name]) || performance.now() > deadline) return more
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

/** What they have taken at most, in MB. */
function memoryOf(cluster: Cluster): Record<string, number> {
  const nodes = new Set(cluster.spec.nodes.map(({ name }) => name))
  const all = [...cluster.processes()].map(([name, pid]) => ({ agent: nodes.has(name), peak: peakMb(pid) }))
  const most = (agent: boolean) => Math.max(...all.filter((one) => one.agent === agent).map(({ peak }) => peak))
  return { agent_peak_mb: most(true), control_plane_peak_mb: most(false) }
}

function peakMb(pid: number): number {
  const [, kb = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Math.round(Number(kb) / 1024)
}

function remains(cluster: Cluster): Remains {
  const { spec, layout } = cluster
  const directory = `/${spec.name}/`
  const agents = spec.nodes.flatMap(({ name }) => cluster.processes().get(name) ?? [])
  return {
    namespaces: listNetns(`fl-${spec.name}-pod-`).length,
    mounts: listMounts().filter(({ target }) => target.includes(`fl-${spec.name}-pod-`) || target.includes(directory))
      .length,
    processes: readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isShim(pid, directory)).length,
    cgroups: cgroupHierarchies().reduce((sum, at) => sum + directories(join(at.directory, 'fairlead', spec.name)), 0),
    files: agents.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
    addresses: spec.nodes.reduce(
      (sum, { name }) => sum + given(join(layout.runDirectory, 'nodes', name, 'flannel')),
      0,
    ),
    hostPorts: spec.nodes.reduce((sum, { name }) => sum + hostPortLines(cluster.nodeNetns(name)), 0),
  }
}

function directories(path: string): number {
  if (!existsSync(path)) return 0
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return below.reduce((sum, { name }) => sum + directories(join(path, name)), 1)
}

/** What a pod was given stands in a file of its own. */
function given(directory: string): number {
  if (!existsSync(directory)) return 0
  return readdirSync(directory).filter((file) => file.endsWith('.json')).length
}

function hostPortLines(netns: string): number {
  const { status, stdout } = spawnSync('nsenter', [`--net=${netns}`, 'nft', 'list', 'ruleset'], { encoding: 'utf8' })
  if (status !== 0) return 0
  const tables = stdout.split(/^(?=table )/m).filter((table) => /^table ip6? fairlead-hostports/.test(table))
  return tables.reduce((sum, table) => sum + table.split(/[\n,]/).length, 0)
}

/** Each container has one, for as long as it is not cleared away. */
function isShim(pid: string, directory: string): boolean {
  try {
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    return line.includes('fairlead-shim') && line.includes(directory)
  } catch {
    return false // It ended while being looked at.
  }
}
