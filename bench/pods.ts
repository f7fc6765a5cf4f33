/**
 * How long pods take to start: from the API server's acknowledgement of the pod to its readiness, many at once, and how
 * much of them is left after they are gone. The programs must be built; kubelets run as they do under `fairlead up`.
 *
 * Flags: `--pods N` (110), `--nodes N` (1), `--cycles N` (0): create and delete so many more, one batch after the other.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { silentLog } from '../src/base/log.ts'
import { type Cluster, startCluster } from '../src/cluster/cluster.ts'
import { createClusterSpec } from '../src/cluster/cluster-spec.ts'
import { Informer } from '../src/kube/informer.ts'
import { pods } from '../src/kube/resource.ts'
import type { Pod } from '../src/kube/types/core.ts'
import { listMounts } from '../src/linux/mounts.ts'
import { listNetns } from '../src/linux/netns.ts'

const BATCH = 50

/** What pods have on the machine. */
interface Remains {
  readonly namespaces: number
  readonly mounts: number
  readonly processes: number
}

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pods: { type: 'string', default: '110' },
      nodes: { type: 'string', default: '1' },
      cycles: { type: 'string', default: '0' },
    },
  })
  const [count, nodes, cycles] = [Number(values.pods), Number(values.nodes), Number(values.cycles)]
  const directory = mkdtempSync(join(tmpdir(), 'fl-bench-'))
  const roots = { state: join(directory, 'state'), run: join(directory, 'run') }
  const spec = createClusterSpec({ name: `b${process.pid}`, nodes, apiPort: 0 })
  const cluster = await startCluster({ spec, roots })
  try {
    await using watch = new PodWatch(cluster)
    await watch.synced
    const before = remains(spec.name)
    const started = await watch.start('pod', count)
    const seconds = (Math.max(...started.readyAt) - started.began) / 1000
    await watch.remove('pod', count)
    for (let done = 0; done < cycles; done += BATCH) {
      await watch.start(`cycle-${done}`, Math.min(BATCH, cycles - done))
      await watch.remove(`cycle-${done}`, Math.min(BATCH, cycles - done))
    }
    const after = remains(spec.name)
    const times = started.times.sort((a, b) => a - b)
    return {
      nodes,
      pods: count,
      start_p50_ms: times[Math.floor(count / 2)],
      start_p99_ms: times[Math.min(count - 1, Math.floor(count * 0.99))],
      pods_per_s: Math.round((count / seconds) * 10) / 10,
      cycles,
      leaked: {
        namespaces: after.namespaces - before.namespaces,
        mounts: after.mounts - before.mounts,
        processes: after.processes - before.processes,
      },
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
        await this.#cluster.client.create(pods, podOf(name))
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

function podOf(name: string): Pod {
  const tolerations = [{ operator: 'Exists' as const }]
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      tolerations,
      containers: [{ name: 'main', image: 'fairlead/client' }],
    },
  }
}

function isReady({ status }: Pod): boolean {
  return status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false
}

function remains(cluster: string): Remains {
  const directory = `/${cluster}/`
  return {
    namespaces: listNetns(`fl-${cluster}-pod-`).length,
    mounts: listMounts().filter(({ target }) => target.includes(`fl-${cluster}-pod-`) || target.includes(directory))
      .length,
    processes: readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isShim(pid, directory)).length,
  }
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
