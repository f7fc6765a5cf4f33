import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../kube/manual-clock.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import type { ControllerSource } from './ccm-metrics.ts'
import { createRegistry } from './prometheus-metrics.ts'

test('keys are counted and timed as client-go does', async () => {
  const clock = new ManualClock()
  const { registry, metrics } = createRegistry(clock)
  const source: ControllerSource = { name: 'c', workers: 2, depth: () => queue.length }
  const queue: WorkQueue = new WorkQueue({ clock, baseDelayMs: 1_000, observer: metrics.controller(source) })
  const value = async (line: string) => {
    const text = await registry.metrics()
    const found = text.split('\n').find((one) => one.startsWith(`${line} `))
    return Number(found?.split(' ')[1])
  }
  queue.add('a')
  queue.add('a')
  queue.add('b')
  assert.equal(await value('workqueue_adds_total{name="c"}'), 2, 'twice added is once to be done')
  assert.equal(await value('workqueue_depth{name="c"}'), 2)
  clock.pass(3_000)
  assert.equal(await queue.take(), 'a')
  assert.equal(await value('workqueue_queue_duration_seconds_sum{name="c"}'), 3)
  queue.add('a')
  assert.equal(await value('workqueue_adds_total{name="c"}'), 3, 'it comes again')
  clock.pass(2_000)
  assert.equal(await value('workqueue_unfinished_work_seconds{name="c"}'), 2)
  assert.equal(await value('workqueue_longest_running_processor_seconds{name="c"}'), 2)
  assert.equal(await value('controller_runtime_active_workers{controller="c"}'), 1)
  queue.done('a')
  assert.equal(await value('workqueue_work_duration_seconds_sum{name="c"}'), 2)
  assert.equal(await value('controller_runtime_reconcile_total{controller="c",result="success"}'), 1)
  assert.equal(await queue.take(), 'b')
  queue.addRateLimited('b')
  queue.done('b')
  assert.equal(await value('workqueue_retries_total{name="c"}'), 1)
  assert.equal(await value('controller_runtime_reconcile_total{controller="c",result="error"}'), 1)
  assert.equal(await value('controller_runtime_reconcile_errors_total{controller="c"}'), 1)
  assert.equal(await value('controller_runtime_max_concurrent_reconciles{controller="c"}'), 2)
  queue.shutDown()
})
