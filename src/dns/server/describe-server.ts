import type { BlockConfig } from '../corefile/server-config.ts'
import type { DnsMetrics } from './metrics.ts'
import { serverLabel } from './server-block.ts'

/** Has the metrics say what runs: its version, its directives, what it takes of the machine. */
export function describeServer(metrics: DnsMetrics, version: string, configs: () => readonly BlockConfig[]): void {
  metrics.gauge('coredns_build_info', () => [[{ version, revision: '', goversion: `node ${process.version}` }, 1]])
  metrics.gauge('process_resident_memory_bytes', () => [[{}, process.memoryUsage.rss()]])
  metrics.gauge('process_start_time_seconds', () => [[{}, Math.round(performance.timeOrigin / 1000)]])
  metrics.gauge('process_cpu_seconds_total', () => {
    const { user, system } = process.cpuUsage()
    return [[{}, (user + system) / 1e6]]
  })
  metrics.gauge('coredns_plugin_enabled', () =>
    configs().flatMap((block) =>
      enabled(block).flatMap((name) =>
        block.zones.map((zone) => [{ server: serverLabel(block), zone: `${zone}.`, view: '', name }, 1] as const),
      ),
    ),
  )
}

function enabled(block: BlockConfig): readonly string[] {
  const parts = {
    kubernetes: block.kubernetes,
    forward: block.forwards[0],
    cache: block.cache,
    hosts: block.hosts,
    rewrite: block.rewrites[0],
    log: block.log,
    errors: block.errors,
    health: block.health,
    ready: block.ready,
    prometheus: block.prometheus,
    loop: block.loop || undefined,
    reload: block.reload,
    loadbalance: block.loadbalance,
    autopath: block.autopath,
  }
  return Object.entries(parts).flatMap(([name, part]) => (part === undefined ? [] : [name]))
}
