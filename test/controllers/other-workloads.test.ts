import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  controllerRevisions,
  cronJobs,
  daemonSets,
  events,
  jobs,
  pods,
  replicationControllers,
  statefulSets,
} from '../../src/kube/resource.ts'
import type { DaemonSet } from '../../src/kube/types/apps.ts'
import type { Job } from '../../src/kube/types/batch.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import type { ReplicationController } from '../../src/kube/types/replication.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { statefulSet } from './workloads.ts'

const metadata = (name: string) => ({ name, namespace: 'default' })

function daemonSet(image: string): DaemonSet {
  const template = { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image }] } }
  const spec = { selector: { matchLabels: { app: 'agent' } }, template }
  return { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: metadata('agent'), spec }
}

test('a DaemonSet has a pod on every node, also on those that come and go, and rolls to a new template', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2'] })
  await plane.client.create(daemonSets, daemonSet('v1'))
  await plane.until(daemonSets, 'agent', ({ status }) => status?.numberAvailable === 2)
  await plane.addNode('n3')
  await plane.until(daemonSets, 'agent', ({ status }) => status?.numberAvailable === 3)
  const body = { spec: daemonSet('v2').spec }
  await plane.client.patch(daemonSets, metadata('agent'), { type: 'merge', body })
  await plane.until(daemonSets, 'agent', ({ status, metadata: { generation } }) => {
    const done = status?.updatedNumberScheduled === 3 && status.numberAvailable === 3
    return done && status.observedGeneration === generation
  })
  const all = await plane.untilAll(pods, (each) => each.length === 3)
  assert.deepEqual([...new Set(all.map(({ spec }) => spec.containers[0]?.image))], ['v2'])
  assert.deepEqual(all.map(({ spec }) => spec.nodeName).sort(), ['n1', 'n2', 'n3'])
  const revisions = await plane.untilAll(controllerRevisions, (each) => each.length === 2)
  assert.deepEqual(revisions.map(({ revision }) => revision).sort(), [1, 2])
  await plane.client.delete(daemonSets, metadata('agent'))
  await plane.untilAll(pods, (each) => each.length === 0)
})

test('a ReplicationController keeps its pods, and takes over pods that match', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const template = { metadata: { labels: { app: 'old' } }, spec: { containers: [{ name: 'c', image: 'v1' }] } }
  const orphan: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    ...template,
    metadata: { ...metadata('first'), labels: { app: 'old' } },
  }
  await plane.client.create(pods, orphan)
  const controller: ReplicationController = {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: metadata('old'),
    spec: { replicas: 2, template },
  }
  await plane.client.create(replicationControllers, controller)
  await plane.until(replicationControllers, 'old', ({ status }) => status?.availableReplicas === 2)
  const kept = await plane.untilAll(pods, (each) => each.length === 2)
  assert.deepEqual(
    kept.map((pod) => pod.metadata.ownerReferences?.[0]?.kind),
    ['ReplicationController', 'ReplicationController'],
  )
  await plane.client.patch(replicationControllers, metadata('old'), { type: 'merge', body: { spec: { replicas: 0 } } })
  await plane.untilAll(pods, (each) => each.length === 0)
})

function job(spec: Partial<Job['spec']> = {}): Job {
  const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'c', image: 'v1' }] } }
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: metadata('once'), spec: { template, ...spec } }
}

async function finish(plane: ControlPlane, phase: 'Succeeded' | 'Failed'): Promise<void> {
  const running = await plane.untilAll(pods, (all) => all.some(({ status }) => status?.phase === 'Running'))
  for (const pod of running.filter(({ status }) => status?.phase === 'Running')) {
    await plane.client.patch(
      pods,
      pod.metadata,
      { type: 'merge', body: { status: { phase } } },
      { subresource: 'status' },
    )
  }
}

test('a Job runs until it is complete, or has failed too often', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  await plane.client.create(jobs, job({ completions: 2, parallelism: 2 }))
  await plane.until(jobs, 'once', ({ status }) => status?.ready === 2)
  await finish(plane, 'Succeeded')
  const done = await plane.until(jobs, 'once', ({ status }) => status?.completionTime !== undefined)
  assert.deepEqual([done.status?.succeeded, done.status?.active], [2, undefined])
  await plane.untilAll(events, (all) => all.some(({ reason }) => reason === 'Completed'))
  await plane.client.delete(jobs, metadata('once'), { propagationPolicy: 'Background' })
  await plane.untilAll(pods, (all) => all.length === 0)
  await plane.client.create(jobs, job({ backoffLimit: 0 }))
  await finish(plane, 'Failed')
  const failed = await plane.until(jobs, 'once', ({ status }) => (status?.conditions ?? []).length === 2)
  assert.deepEqual(
    failed.status?.conditions?.map(({ type, reason }) => [type, reason]),
    [
      ['FailureTarget', 'BackoffLimitExceeded'],
      ['Failed', 'BackoffLimitExceeded'],
    ],
  )
})

test('a StatefulSet keeps its templates: what lies below the partition comes back as it was, and it rolls back', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  const db = metadata('db')
  const settled = (image: string, count: number) =>
    plane.untilAll(pods, (all) => {
      const ready = all.filter(({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      )
      return ready.length === 3 && ready.filter(({ spec }) => spec.containers[0]?.image === image).length === count
    })
  await client.create(statefulSets, statefulSet(3))
  await settled('v1', 3)
  const update = (image: string, partition: number) => {
    const container = { name: 'web', image }
    const spec = { template: { spec: { containers: [container] } }, updateStrategy: { rollingUpdate: { partition } } }
    return client.patch(statefulSets, db, { type: 'strategic', body: { spec } })
  }
  await update('v2', 1)
  await settled('v2', 2)
  const first = await client.get(pods, metadata('db-0'))
  await client.delete(pods, first.metadata)
  await plane.until(pods, 'db-0', ({ metadata: { uid } }) => uid !== first.metadata.uid)
  await settled('v2', 2)
  assert.equal((await client.get(pods, metadata('db-0'))).spec.containers[0]?.image, 'v1')
  await update('v2', 0)
  await settled('v2', 3)
  const revisions = await plane.untilAll(controllerRevisions, (all) => all.length === 2)
  const [old] = [...revisions].sort((a, b) => a.revision - b.revision)
  // What `kubectl rollout undo` does.
  await client.patch(statefulSets, db, { type: 'strategic', body: old?.data as object })
  await settled('v1', 3)
  await plane.untilAll(controllerRevisions, (all) =>
    all.some(({ metadata: { uid }, revision }) => uid === old?.metadata.uid && revision === 3),
  )
  const done = await plane.until(
    statefulSets,
    'db',
    ({ status }) => status?.updatedReplicas === 3 && status.currentRevision === old?.metadata.name,
  )
  assert.equal(done.status?.updateRevision, old?.metadata.name)
})

test('a CronJob starts its Job when the time has come, notes it, and keeps as many as it should', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  const jobTemplate = { spec: job({ completions: 1 }).spec }
  const spec = {
    schedule: '@every 1s',
    successfulJobsHistoryLimit: 0,
    concurrencyPolicy: 'Forbid' as const,
    jobTemplate,
  }
  await client.create(cronJobs, { apiVersion: 'batch/v1', kind: 'CronJob', metadata: metadata('tick'), spec })
  const busy = await plane.until(cronJobs, 'tick', ({ status }) => status?.active?.length === 1)
  const [made] = await plane.untilAll(jobs, (all) => all.length === 1)
  assert.match(made?.metadata.name ?? '', /^tick-\d{8}$/)
  assert.equal(made?.metadata.ownerReferences?.[0]?.uid, busy.metadata.uid)
  assert.notEqual(busy.status?.lastScheduleTime, undefined)
  await client.patch(cronJobs, metadata('tick'), { type: 'merge', body: { spec: { suspend: true } } })
  await finish(plane, 'Succeeded')
  await plane.untilAll(jobs, (all) => all.length === 0)
  await plane.until(
    cronJobs,
    'tick',
    ({ status }) => status?.lastSuccessfulTime !== undefined && (status.active ?? []).length === 0,
  )
  await plane.untilAll(events, (all) =>
    ['SuccessfulCreate', 'SawCompletedJob', 'SuccessfulDelete'].every((reason) =>
      all.some((event) => event.reason === reason && event.involvedObject.kind === 'CronJob'),
    ),
  )
})
