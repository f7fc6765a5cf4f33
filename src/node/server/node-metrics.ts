import type { NodePods } from './node-pods.ts'
import type { ContainerUsage, NodeUsage, PodUsage } from './node-stats.ts'

const NANOSECONDS = 1e9
const MILLISECONDS = 1000

/** `/metrics`: the numbers of the node under kubelet's names, in Prometheus' text format. */
export function metricsText(pods: NodePods): string {
  const list = pods.list()
  const running = list.map(({ metadata }) => runningOf(pods, metadata.uid ?? ''))
  return [
    ...metric('kubelet_running_pods', 'gauge', 'Number of pods that have a running container', [
      ['', running.filter((count) => count > 0).length],
    ]),
    ...metric('kubelet_running_containers', 'gauge', 'Number of containers by state', [
      ['{container_state="running"}', running.reduce((sum, count) => sum + count, 0)],
    ]),
    ...metric('kubelet_desired_pods', 'gauge', 'Number of pods that are bound to the node', [['', list.length]]),
    '',
  ].join('\n')
}

/** `/metrics/resource`: what containers, pods and the node use, as the metrics server asks for it. */
export function resourceMetricsText({ usage, pods }: NodeUsage, now: number): string {
  const containers = pods.flatMap((pod) => pod.containers.map((each) => ({ pod, each })))
  const values = (rows: readonly (readonly [string, number | undefined])[]) =>
    rows.flatMap(([labels, value]): [string, string][] => (value === undefined ? [] : [[labels, `${value} ${now}`]]))
  const cpu = ({ cpuNanoseconds }: NodeUsage['usage']) =>
    cpuNanoseconds === undefined ? undefined : cpuNanoseconds / NANOSECONDS
  return [
    ...metric(
      'container_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed by the container in core-seconds',
      values(containers.map(({ pod, each }) => [labelsOf(pod, each), cpu(each.usage)])),
    ),
    ...metric(
      'container_memory_working_set_bytes',
      'gauge',
      'Current working set of the container in bytes',
      values(containers.map(({ pod, each }) => [labelsOf(pod, each), each.usage.memory?.workingSet])),
    ),
    ...metric(
      'container_start_time_seconds',
      'gauge',
      'Start time of the container since unix epoch in seconds',
      containers.map(({ pod, each }) => [labelsOf(pod, each), each.startedAt / MILLISECONDS]),
    ),
    ...metric(
      'node_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed by the node in core-seconds',
      values([['', cpu(usage)]]),
    ),
    ...metric(
      'node_memory_working_set_bytes',
      'gauge',
      'Current working set of the node in bytes',
      values([['', usage.memory?.workingSet]]),
    ),
    ...metric(
      'pod_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed by the pod in core-seconds',
      values(pods.map((pod) => [labelsOf(pod), cpu(pod.usage)])),
    ),
    ...metric(
      'pod_memory_working_set_bytes',
      'gauge',
      'Current working set of the pod in bytes',
      values(pods.map((pod) => [labelsOf(pod), pod.usage.memory?.workingSet])),
    ),
    ...metric(
      'resource_scrape_error',
      'gauge',
      '1 if there was an error while getting container metrics, 0 otherwise',
      [['', 0]],
    ),
    '',
  ].join('\n')
}

function metric(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  rows: readonly (readonly [labels: string, value: number | string])[],
): string[] {
  if (rows.length === 0) return []
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...rows.map(([labels, value]) => `${name}${labels} ${value}`),
  ]
}

/** Names of Kubernetes hold nothing that would have to be escaped. */
function labelsOf({ pod: { metadata } }: PodUsage, container?: ContainerUsage): string {
  const of = container === undefined ? '' : `container="${container.name}",`
  return `{${of}namespace="${metadata.namespace}",pod="${metadata.name}"}`
}

function runningOf({ runtime }: NodePods, uid: string): number {
  return runtime.containers(uid).filter(({ state }) => state.kind === 'running').length
}
