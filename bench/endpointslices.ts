import { parseArgs } from 'node:util'
import { desiredEndpoints } from '../src/controllers/endpointslice/desired.ts'
import { planSlices, type SlicePlan } from '../src/controllers/endpointslice/plan.ts'
import type { Node, Pod, Service } from '../src/kube/types/core.ts'
import type { EndpointSlice } from '../src/kube/types/discovery.ts'

const MAX_ENDPOINTS = 100

/**
 * The decisions of the EndpointSlice controller for one Service: how many slices are written when its pods are
 * replaced one after the other (`writes_per_pod`: the new one appears, becomes ready, the old one ends, is gone; a
 * look after each) and when a quarter of them is at a time (`writes_per_pod_in_bursts`: a look after each of the four
 * steps of a burst), and how long one look takes (`look_p50_ms`, `look_p99_ms`).
 *
 * Flags: `--pods N` (5000), `--replaced N` one by one (200).
 */
export function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const options = {
    pods: { type: 'string', default: '5000' },
    replaced: { type: 'string', default: '200' },
  } as const
  const { values } = parseArgs({ args: [...args], options })
  const count = Number(values.pods)
  const one = new Rollout(count)
  const slices = one.slices.length
  one.replace(Number(values.replaced), 1)
  const bursts = new Rollout(count)
  bursts.replace(count, Math.ceil(count / 4))
  const times = one.times.sort((a, b) => a - b)
  return Promise.resolve({
    pods: count,
    slices,
    writes_per_pod: one.writes / Number(values.replaced),
    writes_per_pod_in_bursts: bursts.writes / count,
    slices_after_bursts: bursts.slices.length,
    look_p50_ms: percentile(times, 0.5),
    look_p99_ms: percentile(times, 0.99),
  })
}

/** One Service whose pods are replaced, with the slices as the controller would have written them. */
class Rollout {
  slices: readonly EndpointSlice[] = []
  writes = 0
  readonly times: number[] = []
  readonly #pods = new Map<number, Pod>()
  #next: number
  #oldest = 0
  #names = 0

  constructor(count: number) {
    for (let index = 0; index < count; index++) this.#pods.set(index, pod(index, 'ready'))
    this.#next = count
    this.#look()
    this.writes = 0
    this.times.length = 0
  }

  /** Replaces pods, so many at a time. */
  replace(count: number, atOnce: number): void {
    for (let done = 0; done < count; done += atOnce) {
      const size = Math.min(atOnce, count - done)
      const fresh = Array.from({ length: size }, () => this.#next++)
      const old = Array.from({ length: size }, () => this.#oldest++)
      for (const index of fresh) this.#pods.set(index, pod(index, 'starting'))
      this.#look()
      for (const index of fresh) this.#pods.set(index, pod(index, 'ready'))
      this.#look()
      for (const index of old) this.#pods.set(index, pod(index, 'ending'))
      this.#look()
      for (const index of old) this.#pods.delete(index)
      this.#look()
    }
  }

  #look(): void {
    const started = performance.now()
    const pods = [...this.#pods.values()]
    const { groups } = desiredEndpoints(service, 'IPv4', { pods, node: () => node })
    const plan = planSlices(service, { addressType: 'IPv4', groups, maxEndpoints: MAX_ENDPOINTS }, this.slices)
    this.times.push(performance.now() - started)
    this.writes += plan.create.length + plan.update.length + plan.delete.length
    this.#apply(plan)
  }

  #apply(plan: SlicePlan): void {
    const updated = new Map(plan.update.map((slice) => [slice.metadata.name, slice]))
    const gone = new Set(plan.delete.map(({ metadata }) => metadata.name))
    const kept = this.slices.filter(({ metadata }) => !gone.has(metadata.name))
    const created = plan.create.map((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, name: `s${this.#names++}` },
    }))
    this.slices = [...kept.map((slice) => updated.get(slice.metadata.name) ?? slice), ...created]
  }
}

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default', uid: 'web' },
  spec: {
    clusterIP: '10.96.0.20',
    selector: { app: 'web' },
    ipFamilies: ['IPv4'],
    ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
  },
}

const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: {} } }

function pod(index: number, state: 'starting' | 'ready' | 'ending'): Pod {
  const ip = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `web-${index}`,
      namespace: 'default',
      uid: `uid-${index}`,
      labels: { app: 'web' },
      ...(state === 'ending' ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: state === 'starting' ? 'False' : 'True' }],
    },
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 100) / 100
}
