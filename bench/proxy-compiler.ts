import { parseArgs } from 'node:util'
import type { Service } from '../src/kube/types/core.ts'
import type { EndpointSlice } from '../src/kube/types/discovery.ts'
import { createNetns, deleteNetns } from '../src/linux/netns.ts'
import type { NftKernel } from '../src/linux/nftables/kernel.ts'
import { NftSocket } from '../src/linux/nftables/socket.ts'
import { Program, type ServiceObjects } from '../src/proxy/program.ts'

const NODE = { name: 'bench', addresses: ['192.168.0.1'], podCidrs: ['10.244.0.0/24'] }
const CHANGES = 2000

/**
 * The compiler of the node proxy alone, in a namespace of its own: from all Services in memory to all of them in the kernel (`first_sync_ms`,
 * of a process that has just started), from a changed EndpointSlice to the kernel (`change_p50_ms`, `change_p99_ms`:
 * endpoints come, go and are replaced in turn), and the start of a new process that finds everything there
 * (`takeover_ms`).
 *
 * Flags: `--services N[,N...]` (10000), `--endpoints N` per Service (2). Needs root.
 */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: { services: { type: 'string', default: '10000' }, endpoints: { type: 'string', default: '2' } },
  })
  const counts = values.services.split(',').map(Number)
  const figures = counts.map((services) => measure(services, Number(values.endpoints)))
  const [first] = figures
  return figures.length === 1 ? { ...first } : { runs: figures }
}

function measure(services: number, endpoints: number): Record<string, number> {
  const name = `fl-bench${process.pid}-compiler`
  const netns = createNetns(name)
  try {
    using kernel = NftSocket.open(netns)
    const all = Array.from({ length: services }, (_, i) => objectsOf(i, endpoints))
    const program = new Program({ kernel, nodeName: NODE.name })
    const first = timed(() => program.start(NODE, all))
    const changes = changeTimes(program, services, endpoints)
    const rss = process.memoryUsage().rss
    const again = new Program({ kernel, nodeName: NODE.name })
    const takeover = timed(() => again.start(NODE, all))
    return {
      services,
      first_sync_ms: round(first),
      change_p50_ms: round(percentile(changes, 0.5)),
      change_p99_ms: round(percentile(changes, 0.99)),
      takeover_ms: round(takeover),
      rss_mb: Math.round(rss / 1e6),
      rules: rulesIn(kernel),
      elements: program.tables.reduce((sum, table) => sum + table.elements, 0),
    }
  } finally {
    deleteNetns(name)
  }
}

function changeTimes(program: Program, services: number, endpoints: number): number[] {
  const times = Array.from({ length: CHANGES }, (_, turn) => {
    // One more, one less, another one, as they were: in turn, each on another Service.
    const index = (turn * 7919) % services
    const [count, shift] = [
      [endpoints + 1, 0],
      [Math.max(1, endpoints - 1), 0],
      [endpoints, 1],
      [endpoints, 0],
    ][turn % 4] as [number, number]
    const objects = objectsOf(index, count, shift)
    return timed(() => {
      program.setService(objects)
      program.commit()
    })
  })
  return times.sort((a, b) => a - b)
}

function objectsOf(index: number, endpoints: number, shift = 0): ServiceObjects {
  const name = `service-${index}`
  const clusterIP = `10.${96 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'bench', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [{ name: 'http', protocol: 'TCP', port: 80 }],
    },
  }
  const slice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    metadata: { name: `${name}-x`, namespace: 'bench', labels: { 'kubernetes.io/service-name': name } },
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: Array.from({ length: endpoints }, (_, i) => ({
      addresses: [`10.244.${((index >> 6) + i + shift) % 255}.${(index + 1) % 254}`],
      conditions: { ready: true },
      nodeName: `node-${i}`,
    })),
  }
  return { key: `bench/${name}`, service, slices: [slice] }
}

function rulesIn(kernel: NftKernel): number {
  return (
    kernel.rules({ family: 'ip', table: 'fairlead' }).length + kernel.rules({ family: 'ip6', table: 'fairlead' }).length
  )
}

function timed(call: () => unknown): number {
  const begin = performance.now()
  call()
  return performance.now() - begin
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
