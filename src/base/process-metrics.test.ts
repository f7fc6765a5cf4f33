import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { processMetrics } from './process-metrics.ts'

test('what the process takes is told under the names and types that Prometheus knows', async () => {
  const registry = new Registry()
  processMetrics(registry)
  const before = process.cpuUsage()
  await registry.metrics()
  const text = await registry.metrics()
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`)
  assert.deepEqual(types, [
    'process_resident_memory_bytes gauge',
    'process_cpu_seconds_total counter',
    'process_start_time_seconds gauge',
  ])
  const after = process.cpuUsage()
  const seconds = Number(/^process_cpu_seconds_total (\S+)$/m.exec(text)?.[1])
  assert.ok(seconds >= (before.user + before.system) / 1e6, 'the time so far')
  assert.ok(seconds <= (after.user + after.system) / 1e6, 'counted once, however often it is read')
})
