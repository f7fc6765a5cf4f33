import { formatTime } from '../../kube/time.ts'
import type { NodePods } from './node-pods.ts'

/** `/stats/summary`: which pods and containers run and since when. What they use is not measured. */
export function statsSummary(nodeName: string, pods: NodePods, now: number): object {
  return {
    node: { nodeName, startTime: formatTime(now - process.uptime() * 1000) },
    pods: pods.list().map(({ metadata: { namespace, name, uid }, status }) => ({
      podRef: { name, namespace, uid },
      ...(status?.startTime === undefined ? {} : { startTime: status.startTime }),
      containers: runningOf(pods, uid ?? '').map((run) => ({ name: run.name, startTime: formatTime(run.startedAt) })),
    })),
  }
}

/** `/metrics`: the numbers of the node under kubelet's names, in Prometheus' text format. */
export function metricsText(pods: NodePods): string {
  const list = pods.list()
  const running = list.map(({ metadata }) => runningOf(pods, metadata.uid ?? '').length)
  return [
    '# HELP kubelet_running_pods Number of pods that have a running container',
    '# TYPE kubelet_running_pods gauge',
    `kubelet_running_pods ${running.filter((count) => count > 0).length}`,
    '# HELP kubelet_running_containers Number of containers by state',
    '# TYPE kubelet_running_containers gauge',
    `kubelet_running_containers{container_state="running"} ${running.reduce((sum, count) => sum + count, 0)}`,
    '# HELP kubelet_desired_pods Number of pods that are bound to the node',
    '# TYPE kubelet_desired_pods gauge',
    `kubelet_desired_pods ${list.length}`,
    '',
  ].join('\n')
}

function runningOf({ runtime }: NodePods, uid: string) {
  return runtime.containers(uid).flatMap(({ name, state }) => {
    return state.kind === 'running' ? [{ name, startedAt: state.startedAt }] : []
  })
}
