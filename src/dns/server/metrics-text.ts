import { AggregatorRegistry } from 'prom-client'
import type { MetricFamily } from './metrics.ts'

/** The figures of one or more threads, added up, as text for Prometheus. Importing this module loads prom-client. */
export function metricsText(threads: readonly (readonly MetricFamily[])[]): Promise<string> {
  return AggregatorRegistry.aggregate([...threads]).metrics()
}
