import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { formatTime } from '../../base/time.ts'
import { unless } from '../../base/unless.ts'
import type { Pod } from '../../kube/types/core.ts'
import { type CgroupHierarchy, cgroupHierarchies } from '../../linux/cgroup.ts'
import { type CgroupUsage, cgroupUsage } from '../../linux/cgroup-usage.ts'
import type { NodePods } from './node-pods.ts'
import type { UsageRates } from './usage-rates.ts'

/** A running container with what it has used. */
export interface ContainerUsage {
  readonly name: string
  readonly pid: number
  readonly startedAt: number
  readonly usage: CgroupUsage
}

export interface PodUsage {
  readonly pod: Pod
  readonly usage: CgroupUsage
  readonly containers: readonly ContainerUsage[]
}

export interface NodeUsage {
  readonly usage: CgroupUsage
  readonly pods: readonly PodUsage[]
}

/** What the pods of a node have used, from their control groups. */
export function nodeUsage(pods: NodePods): NodeUsage {
  const hierarchies = cgroupHierarchies()
  return {
    usage: cgroupUsage(pods.cgroup, hierarchies),
    pods: pods.list().map((pod) => podUsage(pods, pod, hierarchies)),
  }
}

function podUsage(pods: NodePods, pod: Pod, hierarchies: readonly CgroupHierarchy[]): PodUsage {
  const uid = pod.metadata.uid ?? ''
  const containers = pods.runtime.containers(uid).flatMap(({ name, attempt, state }): ContainerUsage[] => {
    if (state.kind !== 'running') return []
    const usage = cgroupUsage(join(pods.cgroup, uid, name, String(attempt)), hierarchies)
    return [{ name, pid: state.pid, startedAt: state.startedAt, usage }]
  })
  return { pod, usage: cgroupUsage(join(pods.cgroup, uid), hierarchies), containers }
}

export interface SummaryContext {
  readonly nodeName: string
  readonly now: number
  readonly rates: UsageRates
}

/** `/stats/summary` (stats/v1alpha1): CPU, memory and network of the node's pods, as far as the machine counts them. */
export function statsSummary(node: NodeUsage, { nodeName, now, rates }: SummaryContext): object {
  const startedAt = now - process.uptime() * 1000
  const figures = (name: string, usage: CgroupUsage, since: number) => usageFigures(usage, { name, since, now, rates })
  const pods = node.pods.map(({ pod: { metadata, status }, usage, containers }) => {
    const { namespace, name, uid = '' } = metadata
    const since = Date.parse(status?.startTime ?? '') || startedAt
    return {
      podRef: { name, namespace, uid },
      ...(status?.startTime === undefined ? {} : { startTime: status.startTime }),
      containers: containers.map((each) => ({
        name: each.name,
        startTime: formatTime(each.startedAt),
        ...figures(`${uid}/${each.name}`, each.usage, each.startedAt),
      })),
      ...figures(uid, usage, since),
      ...networkFigures(containers[0]?.pid, now),
    }
  })
  rates.keep(namesOf(node))
  return { node: { nodeName, startTime: formatTime(startedAt), ...figures('', node.usage, startedAt) }, pods }
}

function namesOf({ pods }: NodeUsage): ReadonlySet<string> {
  const names = pods.flatMap(({ pod: { metadata }, containers }) => [
    metadata.uid ?? '',
    ...containers.map(({ name }) => `${metadata.uid}/${name}`),
  ])
  return new Set(['', ...names])
}

interface FigureContext {
  readonly name: string
  readonly since: number
  readonly now: number
  readonly rates: UsageRates
}

function usageFigures({ cpuNanoseconds, memory }: CgroupUsage, { name, since, now, rates }: FigureContext): object {
  const time = formatTime(now)
  const cpu =
    cpuNanoseconds === undefined
      ? {}
      : {
          cpu: {
            time,
            usageNanoCores: rates.rate(name, { time: now, nanoseconds: cpuNanoseconds }, since),
            usageCoreNanoSeconds: cpuNanoseconds,
          },
        }
  if (memory === undefined) return cpu
  const { usage, workingSet, rss } = memory
  const available = name === '' ? { availableBytes: Math.max(0, totalmem() - workingSet) } : {}
  return { ...cpu, memory: { time, ...available, usageBytes: usage, workingSetBytes: workingSet, rssBytes: rss } }
}

/** The counters of `eth0` as a process of the pod sees it (proc(5), `/proc/PID/net/dev`). */
function networkFigures(pid: number | undefined, now: number): object {
  const read = () => readFileSync(`/proc/${pid}/net/dev`, 'utf8')
  const text = pid === undefined ? undefined : unless(['ENOENT', 'ESRCH', 'EINVAL'], read)
  const line = /^\s*eth0:\s*(.*)$/m.exec(text ?? '')?.[1]
  if (line === undefined) return {}
  const counters = line.split(/\s+/).map(Number)
  const figures = { rxBytes: counters[0], rxErrors: counters[2], txBytes: counters[8], txErrors: counters[10] }
  return { network: { time: formatTime(now), name: 'eth0', ...figures, interfaces: [{ name: 'eth0', ...figures }] } }
}
