import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Clock } from '../../base/clock.ts'
import { processMetrics } from '../../base/process-metrics.ts'
import type { CcmMetrics, ControllerSource } from './ccm-metrics.ts'
import { type QueueFigures, QueueMeter } from './queue-meter.ts'

const LATENCY_BUCKETS = [
  ...[500, 700, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000, 7_000, 8_000, 9_000, 10_000],
  ...[30_000, 60_000, 100_000, 150_000, 200_000, 300_000, 600_000, 700_000, 800_000],
]
const QUEUE_BUCKETS = Array.from({ length: 10 }, (_, i) => 10 ** (i - 8))
const RECONCILE_BUCKETS = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5],
  ...[1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60],
]

/**
 * A registry with the figures of the cloud controller and its process. Importing this module loads prom-client; the
 * controller itself does not.
 */
export function createRegistry(clock: Pick<Clock, 'now'>): {
  readonly registry: Registry
  readonly metrics: CcmMetrics
} {
  const registry = new Registry()
  const metrics = prometheusMetrics(registry, clock)
  processMetrics(registry)
  return { registry, metrics }
}

/**
 * Keeps the cloud controller's figures in a registry: `ccm_*` under the names of ACK's controller
 * (cloud-provider-alibaba-cloud pkg/util/metric/metrics.go), and those of queues and workers that controller-runtime
 * gives every controller (pkg/metrics/workqueue.go, pkg/internal/controller/metrics).
 */
function prometheusMetrics(registry: Registry, clock: Pick<Clock, 'now'>): CcmMetrics {
  const registers = [registry]
  const latency = <L extends string>(what: string, help: string, labelNames: readonly L[]) =>
    new Histogram({
      name: `ccm_${what}_latencies_duration_milliseconds`,
      help: `CCM ${help} reconcile latency distribution in milliseconds for each verb.`,
      buckets: LATENCY_BUCKETS,
      labelNames,
      registers,
    })
  const node = latency('node', 'node', ['verb'])
  const route = latency('route', 'route', ['verb'])
  const balancer = latency('slb', 'load balancer', ['type', 'verb'])
  const operations = new Counter({
    name: 'ccm_slb_operation_result',
    help: 'CCM load balancer operation result',
    labelNames: ['type', 'verb', 'status'] as const,
    registers,
  })
  const queues = controllerMetrics(registry, clock)
  return {
    controller: queues,
    balancerReconciled(type, verb, ms) {
      // Of NLB ACK's controller knows but one verb.
      balancer.observe({ type, verb: type === 'NLBType' ? 'reconcile' : verb }, ms)
      operations.inc({ type, verb, status: 'Success' })
    },
    balancerFailed: (type, verb) => operations.inc({ type, verb, status: 'Fail' }),
    nodes: (verb, ms) => node.observe({ verb }, ms),
    routes: (verb, ms) => route.observe({ verb }, ms),
  }
}

/** Figures of queues (label `name`) and of reconciling (label `controller`). */
function controllerMetrics(registry: Registry, clock: Pick<Clock, 'now'>): CcmMetrics['controller'] {
  const registers = [registry]
  const sources: { readonly source: ControllerSource; readonly meter: QueueMeter }[] = []
  const gauge = <L extends 'name' | 'controller'>(
    name: string,
    { label, help }: { readonly label: L; readonly help: string },
    read: (one: (typeof sources)[number]) => number,
  ) =>
    new Gauge<string>({
      name,
      help,
      labelNames: [label],
      registers,
      collect() {
        for (const one of sources) this.set({ [label]: one.source.name }, read(one))
      },
    })
  const name = 'name' as const
  const controller = 'controller' as const
  gauge('workqueue_depth', { label: name, help: 'Current depth of workqueue' }, ({ source }) => source.depth())
  gauge('workqueue_unfinished_work_seconds', { label: name, help: UNFINISHED }, ({ meter }) => meter.unfinished().sum)
  gauge(
    'workqueue_longest_running_processor_seconds',
    { label: name, help: 'How many seconds has the longest running processor for workqueue been running.' },
    ({ meter }) => meter.unfinished().longest,
  )
  gauge(
    'controller_runtime_max_concurrent_reconciles',
    { label: controller, help: 'Maximum number of concurrent reconciles per controller' },
    ({ source }) => source.workers,
  )
  gauge(
    'controller_runtime_active_workers',
    { label: controller, help: 'Number of currently used workers per controller' },
    ({ meter }) => meter.active,
  )
  const figuresOf = queueFigures(registry)
  return (source) => {
    const meter = new QueueMeter(figuresOf(source.name), clock)
    sources.push({ source, meter })
    return meter
  }
}

const UNFINISHED =
  "How many seconds of work has been done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases."

function queueFigures(registry: Registry): (controller: string) => QueueFigures {
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames, registers })
  const histogram = <L extends string>(
    name: string,
    { help, buckets }: { readonly help: string; readonly buckets: number[] },
    labelNames: readonly L[],
  ) => new Histogram({ name, help, buckets, labelNames, registers })
  const adds = counter('workqueue_adds_total', 'Total number of adds handled by workqueue', ['name'])
  const retries = counter('workqueue_retries_total', 'Total number of retries handled by workqueue', ['name'])
  const totals = counter('controller_runtime_reconcile_total', 'Total number of reconciliations per controller', [
    'controller',
    'result',
  ])
  const errors = counter(
    'controller_runtime_reconcile_errors_total',
    'Total number of reconciliation errors per controller',
    ['controller'],
  )
  const waits = histogram(
    'workqueue_queue_duration_seconds',
    { help: 'How long in seconds an item stays in workqueue before being requested', buckets: QUEUE_BUCKETS },
    ['name'],
  )
  const works = histogram(
    'workqueue_work_duration_seconds',
    { help: 'How long in seconds processing an item from workqueue takes.', buckets: QUEUE_BUCKETS },
    ['name'],
  )
  const times = histogram(
    'controller_runtime_reconcile_time_seconds',
    { help: 'Length of time per reconciliation per controller', buckets: RECONCILE_BUCKETS },
    ['controller'],
  )
  return (controller) => {
    const labels = { name: controller }
    adds.inc(labels, 0)
    retries.inc(labels, 0)
    errors.inc({ controller }, 0)
    for (const result of ['success', 'error']) totals.inc({ controller, result }, 0)
    return {
      added: () => adds.inc(labels),
      waited: (seconds) => waits.observe(labels, seconds),
      worked(seconds, result) {
        works.observe(labels, seconds)
        times.observe({ controller }, seconds)
        totals.inc({ controller, result })
        if (result === 'error') errors.inc({ controller })
      },
      retried: () => retries.inc(labels),
    }
  }
}
