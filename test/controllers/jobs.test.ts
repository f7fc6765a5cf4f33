import assert from 'node:assert/strict'
import { test } from 'node:test'
import { events, jobs, pods } from '../../src/kube/resource.ts'
import type { Job } from '../../src/kube/types/batch.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

const TRACKING = 'batch.kubernetes.io/job-tracking'
const INDEX = 'batch.kubernetes.io/job-completion-index'
const metadata = { name: 'work', namespace: 'default' }

function job(spec: Partial<Job['spec']>): Job {
  const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'c', image: 'v1' }] } }
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template, ...spec } }
}

/** A pod of an index that runs and whose end nobody has asked for. */
function running(plane: ControlPlane, index: string, besides?: string): Promise<Pod> {
  const is = ({ metadata: { uid, annotations, deletionTimestamp }, status }: Pod) =>
    annotations?.[INDEX] === index && status?.phase === 'Running' && deletionTimestamp === undefined && uid !== besides
  return plane.untilAll(pods, (all) => all.some(is)).then((all) => all.find(is)!)
}

function end(plane: ControlPlane, { metadata: pod }: Pod, phase: 'Succeeded' | 'Failed'): Promise<Pod> {
  return plane.client.patch(pods, pod, { type: 'merge', body: { status: { phase } } }, { subresource: 'status' })
}

const conditionsOf = ({ status }: Job) => status?.conditions?.map(({ type, reason }) => `${type}/${reason}`)
const isOver = ({ status }: Job) =>
  status?.conditions?.some(({ type, status: is }) => /Complete|Failed/.test(type) && is === 'True') ?? false

test('an index that fails too often is given up, the others go on', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const spec = { completionMode: 'Indexed' as const, completions: 3, parallelism: 3, backoffLimitPerIndex: 0 }
  await plane.client.create(jobs, job(spec))
  const lost = await running(plane, '1')
  assert.deepEqual(lost.metadata.finalizers, [TRACKING])
  assert.equal(lost.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '0')
  await end(plane, lost, 'Failed')
  const going = await plane.until(jobs, 'work', ({ status }) => status?.failedIndexes === '1' && status.failed === 1)
  assert.ok(!isOver(going))
  await end(plane, await running(plane, '0'), 'Succeeded')
  await end(plane, await running(plane, '2'), 'Succeeded')
  const done = await plane.until(jobs, 'work', isOver)
  assert.deepEqual(conditionsOf(done), ['FailureTarget/FailedIndexes', 'Failed/FailedIndexes'])
  const { completedIndexes, failedIndexes, succeeded, failed, uncountedTerminatedPods } = done.status ?? {}
  assert.deepEqual(
    { completedIndexes, failedIndexes, succeeded, failed, uncountedTerminatedPods },
    { completedIndexes: '0,2', failedIndexes: '1', succeeded: 2, failed: 1, uncountedTerminatedPods: {} },
  )
  await plane.untilAll(pods, (all) => all.length === 3 && all.every((pod) => !pod.metadata.finalizers?.length))
})

test('a Job succeeds early by its policy, and what still runs is ended and not counted', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const successPolicy = { rules: [{ succeededIndexes: '0', succeededCount: 1 }] }
  const spec = { completionMode: 'Indexed' as const, completions: 3, parallelism: 3, successPolicy }
  await plane.client.create(jobs, job(spec))
  await Promise.all(['1', '2'].map((index) => running(plane, index)))
  await end(plane, await running(plane, '0'), 'Succeeded')
  const done = await plane.until(jobs, 'work', isOver)
  assert.deepEqual(conditionsOf(done), ['SuccessCriteriaMet/SuccessPolicy', 'Complete/SuccessPolicy'])
  assert.equal(done.status?.conditions?.[0]?.message, 'Matched rules at index 0')
  assert.deepEqual([done.status?.succeeded, done.status?.failed, done.status?.terminating], [1, undefined, 0])
  assert.ok(done.status?.completionTime !== undefined)
  await plane.untilAll(pods, (all) => all.length === 1)
  await plane.untilAll(events, (all) => all.filter(({ reason }) => reason === 'Completed').length === 1)
})

test('each end of a pod is counted once, also when its pod is gone and the controllers start anew', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  await plane.client.create(jobs, job({ completions: 4, parallelism: 2 }))
  const over = new Set<string>()
  // The watch may still show pods that have ended as they were.
  const isNew = ({ metadata: { uid = '' }, status }: Pod) => status?.phase === 'Running' && !over.has(uid)
  for (let round = 0; round < 2; round++) {
    const live = (await plane.untilAll(pods, (all) => all.filter(isNew).length === 2)).filter(isNew)
    for (const { metadata: pod } of live) over.add(pod.uid ?? '')
    await Promise.all(live.map((pod) => end(plane, pod, 'Succeeded')))
    await Promise.all(live.map((pod) => plane.client.delete(pods, pod.metadata, { gracePeriodSeconds: 0 })))
    if (round === 0) await plane.restartControllers()
  }
  const done = await plane.until(jobs, 'work', isOver)
  assert.deepEqual([done.status?.succeeded, done.status?.failed], [4, undefined])
  await plane.untilAll(pods, (all) => all.length === 0)
})

test('a pod that is deleted before it has a node has failed', async () => {
  await using plane = await startControlPlane()
  await plane.client.create(jobs, job({ podReplacementPolicy: 'Failed' }))
  const [pod] = await plane.untilAll(pods, (all) => all.length === 1)
  await plane.client.delete(pods, pod!.metadata)
  await plane.until(jobs, 'work', ({ status }) => status?.failed === 1 && status.terminating === 0)
  await plane.untilAll(pods, (all) => !all.some(({ metadata: { uid } }) => uid === pod!.metadata.uid))
})

test('a suspended Job has no pods, none of which counts, and starts anew when it is resumed', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  await plane.client.create(jobs, job({ parallelism: 2, completions: 2 }))
  await plane.until(jobs, 'work', ({ status }) => status?.ready === 2)
  const suspend = (value: boolean) =>
    plane.client.patch(jobs, metadata, { type: 'merge', body: { spec: { suspend: value } } })
  await suspend(true)
  await plane.untilAll(pods, (all) => all.length === 0)
  const isPaused = ({ status }: Job) => status?.conditions?.length === 1 && status.terminating === 0
  const paused = await plane.until(jobs, 'work', isPaused)
  assert.deepEqual([conditionsOf(paused), paused.status?.failed], [['Suspended/JobSuspended'], undefined])
  await suspend(false)
  const resumed = await plane.until(jobs, 'work', ({ status }) => status?.ready === 2)
  assert.deepEqual(conditionsOf(resumed), ['Suspended/JobResumed'])
  await plane.client.delete(jobs, metadata, { propagationPolicy: 'Orphan' })
  // Nobody counts their ends any more.
  await plane.untilAll(pods, (all) => all.length === 2 && all.every((pod) => !pod.metadata.finalizers?.length))
})

test('a Job lets a pod go that it selects no more, and takes one that nobody has', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  await plane.client.create(jobs, job({ parallelism: 2, completions: 2 }))
  const all = await plane.untilAll(
    pods,
    (list) => list.filter(({ status }) => status?.phase === 'Running').length === 2,
  )
  const [left, kept] = all
  const merge = (pod: Pod, body: unknown) => plane.client.patch(pods, pod.metadata, { type: 'merge', body })
  await merge(left!, { metadata: { labels: null } })
  const free = await plane.until(pods, left!.metadata.name, ({ metadata: { ownerReferences = [] } }) => {
    return ownerReferences.length === 0
  })
  assert.deepEqual([free.metadata.finalizers ?? [], free.status?.phase], [[], 'Running'])
  // Another has its place; nobody counts the one that was let go.
  const active = await plane.untilAll(pods, (list) => list.length === 3)
  assert.ok(active.some(({ metadata: { uid } }) => uid === kept!.metadata.uid))
  const uid = (await plane.client.get(jobs, metadata)).metadata.uid
  await merge(kept!, { metadata: { ownerReferences: null } })
  const again = await plane.until(
    pods,
    kept!.metadata.name,
    ({ metadata: { ownerReferences = [], finalizers = [] } }) => {
      return ownerReferences[0]?.uid === uid && finalizers.includes(TRACKING)
    },
  )
  assert.deepEqual(again.metadata.ownerReferences?.[0]?.controller, true)
  assert.equal((await plane.client.get(jobs, metadata)).status?.failed, undefined)
})
