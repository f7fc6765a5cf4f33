import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { pods } from '../../src/kube/resource.ts'
import type { Container, Pod, ResourceRequirements } from '../../src/kube/types/core.ts'
import { cgroupControllers, cgroupHierarchies } from '../../src/linux/cgroup.ts'
import { nodeCgroup } from '../../src/node/node-directories.ts'
import { KubeletBench } from './kubelet-bench.ts'

const lacking = ['cpu', 'memory'].filter((name) => !cgroupControllers().has(name))
const skip = lacking.length === 0 ? false : `this machine has no controller of control groups for ${lacking.join(', ')}`

const SMALL = { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '200m', memory: '256Mi' } }
const LARGE = { requests: { cpu: '150m', memory: '64Mi' }, limits: { cpu: '300m', memory: '512Mi' } }

describe('pods that are resized', { timeout: 120_000, skip }, () => {
  let bench: KubeletBench
  before(async () => {
    bench = await KubeletBench.open()
  })
  after(() => bench[Symbol.asyncDispose]())

  const resize = (name: string, resources: ResourceRequirements) =>
    bench.client.patch(
      pods,
      { namespace: 'default', name },
      { type: 'strategic', body: { spec: { containers: [{ name: 'main', resources }] } } },
      { subresource: 'resize' },
    )
  const mainOf = (pod: Pod | undefined) => pod?.status?.containerStatuses?.[0]
  const conditionOf = (pod: Pod | undefined, type: string) =>
    pod?.status?.conditions?.find((condition) => condition.type === type)
  const settled = (resources: ResourceRequirements) => (pod: Pod) =>
    JSON.stringify(mainOf(pod)?.resources) === JSON.stringify(resources) &&
    conditionOf(pod, 'PodResizeInProgress') === undefined

  async function start(name: string, more: Partial<Container> = {}): Promise<Pod> {
    await bench.createPod(name, { resources: SMALL, ...more })
    return bench.ready(name)
  }

  /** What the kernel enforces, by either version's names of files. */
  function memoryLimit(pod: Pod | undefined, attempt = 0): number {
    const group = join(nodeCgroup(bench.clusterName, 'node-1'), pod?.metadata.uid ?? '', 'main', String(attempt))
    const files = cgroupHierarchies().flatMap(({ directory }) =>
      ['memory.max', 'memory.limit_in_bytes'].map((file) => join(directory, group, file)),
    )
    return Number(readFileSync(files.find((file) => existsSync(file)) ?? '', 'utf8'))
  }

  test('a container has more, and goes on', async () => {
    const pod = await start('grows')
    assert.deepEqual(mainOf(pod)?.resources, SMALL)
    assert.deepEqual(mainOf(pod)?.allocatedResources, SMALL.requests)
    assert.equal(memoryLimit(pod), 256 * 2 ** 20)
    await resize('grows', LARGE)
    const grown = await bench.podUntil('grows', settled(LARGE))
    assert.equal(memoryLimit(pod), 512 * 2 ** 20)
    assert.deepEqual(mainOf(grown)?.allocatedResources, LARGE.requests)
    assert.equal(mainOf(grown)?.restartCount, 0)
    assert.equal(mainOf(grown)?.containerID, mainOf(pod)?.containerID)
    assert.deepEqual([grown?.metadata.generation, grown?.status?.observedGeneration], [2, 2])
    const [started] = await bench.eventMessages('grows', 'ResizeStarted')
    const summary = JSON.stringify({ containers: [{ name: 'main', resources: LARGE }], generation: 2 })
    assert.equal(started, `Pod resize started: ${summary}`)
    assert.deepEqual(await bench.eventMessages('grows', 'ResizeCompleted'), [`Pod resize completed: ${summary}`])
  })

  test('a container that wants to be started for it is', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] as const
    const pod = await start('restarts', { resizePolicy })
    await resize('restarts', LARGE)
    const isAgain = (each: Pod) => mainOf(each)?.restartCount === 1 && mainOf(each)?.state?.running !== undefined
    const again = await bench.podUntil('restarts', (each) => isAgain(each) && settled(LARGE)(each))
    assert.equal(memoryLimit(pod, 1), 512 * 2 ** 20)
    assert.notEqual(mainOf(again)?.containerID, mainOf(pod)?.containerID)
    assert.deepEqual(await bench.eventMessages('restarts', 'Killing'), ['Container main resize requires restart'])
  })

  test('what no node could give is infeasible, until it is asked for no more', async () => {
    await start('greedy')
    await resize('greedy', { requests: { cpu: '9000' }, limits: { cpu: '9000' } })
    const waits = await bench.podUntil('greedy', (pod) => conditionOf(pod, 'PodResizePending') !== undefined)
    const { reason, message = '', observedGeneration } = conditionOf(waits, 'PodResizePending') ?? {}
    assert.deepEqual([reason, observedGeneration], ['Infeasible', 2])
    assert.match(message, /^Node didn't have enough capacity: cpu, requested: 9000000, capacity: \d+000$/)
    assert.deepEqual(mainOf(waits)?.resources, SMALL)
    assert.deepEqual(mainOf(waits)?.allocatedResources, SMALL.requests)
    await resize('greedy', { requests: { cpu: '100m' }, limits: { cpu: '200m' } })
    await bench.podUntil('greedy', (pod) => conditionOf(pod, 'PodResizePending') === undefined)
  })

  test('what was asked while no agent was there is done by the next', async () => {
    const pod = await start('late')
    await bench.stopAgent()
    await resize('late', LARGE)
    bench.startAgent()
    await bench.podUntil('late', settled(LARGE))
    assert.equal(memoryLimit(pod), 512 * 2 ** 20)
    assert.equal(mainOf(await bench.getPod('late'))?.restartCount, 0)
  })
})
