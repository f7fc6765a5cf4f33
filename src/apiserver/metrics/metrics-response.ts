import type { ListResult } from '../../store/store.ts'
import type { ApiContext } from '../context.ts'
import { objectPrefix } from '../object-key.ts'
import type { ApiResponse } from '../request.ts'
import { versionInfo } from '../version.ts'
import { EXPOSITION_TYPE, exposition, type Family } from './exposition.ts'
import type { RequestMetrics } from './request-metrics.ts'

/** `/metrics`: requests, stored objects and the process, under kube-apiserver's names. */
export function metricsResponse(context: ApiContext, requests: RequestMetrics): ApiResponse {
  const families = [...requests.families(), storedObjects(context), buildInfo(), ...processFamilies()]
  return { status: 200, headers: { 'content-type': EXPOSITION_TYPE }, body: Buffer.from(exposition(families)) }
}

function storedObjects({ kinds, store }: ApiContext): Family {
  const prefixes = new Map<string, string>()
  for (const { resource, stored } of kinds.all) {
    const { group, plural } = stored?.resource ?? resource
    prefixes.set(group === '' ? plural : `${plural}.${group}`, objectPrefix(stored?.resource ?? resource))
  }
  return {
    name: 'apiserver_storage_objects',
    help: 'Number of stored objects at the time of last check split by kind.',
    type: 'gauge',
    samples: [...prefixes].map(([name, prefix]) => ({
      labels: [['resource', name]],
      value: countOf(store.list(prefix, { limit: 1 })),
    })),
  }
}

function countOf({ entries, remaining }: ListResult): number {
  return entries.length + remaining
}

function buildInfo(): Family {
  const { major, minor, gitVersion, platform } = versionInfo
  const labels = [
    ['git_version', gitVersion],
    ['major', major],
    ['minor', minor],
    ['platform', platform],
  ] as const
  return {
    name: 'kubernetes_build_info',
    help: "A metric with a constant '1' value labeled by major, minor, git version and platform.",
    type: 'gauge',
    samples: [{ labels, value: 1 }],
  }
}

function processFamilies(): readonly Family[] {
  const { user, system } = process.cpuUsage()
  const one = (value: number) => [{ labels: [], value }]
  return [
    {
      name: 'process_cpu_seconds_total',
      help: 'Total user and system CPU time spent in seconds.',
      type: 'counter',
      samples: one((user + system) / 1e6),
    },
    {
      name: 'process_resident_memory_bytes',
      help: 'Resident memory size in bytes.',
      type: 'gauge',
      samples: one(process.memoryUsage.rss()),
    },
    {
      name: 'process_start_time_seconds',
      help: 'Start time of the process since unix epoch in seconds.',
      type: 'gauge',
      samples: one(Math.round(performance.timeOrigin / 1000)),
    },
  ]
}
