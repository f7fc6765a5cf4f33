import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { formatIndexes, parseIndexes } from './indexes.ts'
import { jobPod } from './job-pod.ts'
import { planJob } from './plan.ts'
import { jobStatus } from './status.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')

function job(spec: Partial<Job['spec']> = {}, status: NonNullable<Job['status']> = {}): Job {
  const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'c', image: 'x' }] } }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'once', namespace: 'default', uid: 'job' },
    spec: { parallelism: 1, completions: 1, backoffLimit: 6, template, ...spec },
    status,
  }
}

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed'

function pod(
  name: string,
  phase: Phase,
  extra: { readonly index?: number; readonly ended?: string; readonly restarts?: number } = {},
): Pod {
  const { index, ended, restarts = 0 } = extra
  const terminated = ended === undefined ? {} : { state: { terminated: { exitCode: 1, finishedAt: ended } } }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      creationTimestamp: '2026-01-01T00:00:00Z',
      finalizers: ['batch.kubernetes.io/job-tracking'],
      ...(index === undefined ? {} : { annotations: { 'batch.kubernetes.io/job-completion-index': String(index) } }),
    },
    spec: { containers: [] },
    status: {
      phase,
      containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: restarts, ...terminated }],
    },
  } as Pod
}

test('as many pods as may run at a time, until enough have succeeded', () => {
  const many = job({ completions: 5, parallelism: 2 })
  assert.equal(planJob(many, [], { now: NOW }).create.length, 2)
  assert.equal(planJob(many, [pod('a', 'Running')], { now: NOW }).create.length, 1)
  const nearly = ['a', 'b', 'c', 'd'].map((name) => pod(name, 'Succeeded'))
  assert.equal(planJob(many, nearly, { now: NOW }).create.length, 1)
  const plan = planJob(many, [...nearly, pod('e', 'Succeeded')], { now: NOW })
  assert.deepEqual([plan.end?.type, plan.create], ['Complete', []])
  const { conditions, ...status } = jobStatus(many, plan, NOW)
  assert.deepEqual(
    conditions?.map(({ type }) => type),
    ['SuccessCriteriaMet', 'Complete'],
  )
  assert.equal(status.completionTime, '2026-01-01T12:00:00Z')
})

test('a work queue ends when one has succeeded and the others have ended', () => {
  const { completions: _, ...spec } = job().spec
  const queue = { ...job(), spec: { ...spec, parallelism: 3 } }
  assert.equal(planJob(queue, [], { now: NOW }).create.length, 3)
  const plan = planJob(queue, [pod('a', 'Succeeded'), pod('b', 'Running')], { now: NOW })
  assert.deepEqual([plan.create, plan.delete, plan.end], [[], [], undefined])
  assert.equal(planJob(queue, [pod('a', 'Succeeded'), pod('b', 'Succeeded')], { now: NOW }).end?.type, 'Complete')
})

test('failures are tried again later and later, then no more', () => {
  const failed = (count: number) =>
    Array.from({ length: count }, (_, index) => pod(`f${index}`, 'Failed', { ended: '2026-01-01T11:59:55Z' }))
  const once = planJob(job(), failed(1), { now: NOW })
  assert.deepEqual([once.create, once.recheckIn], [[], 5_000])
  assert.equal(planJob(job(), failed(3), { now: NOW }).recheckIn, 35_000)
  assert.equal(planJob(job(), failed(1), { now: NOW + 5_000 }).create.length, 1)
  assert.equal(planJob(job(), failed(7), { now: NOW }).end?.reason, 'BackoffLimitExceeded')
  assert.equal(planJob(job({ backoffLimit: 0 }), failed(1), { now: NOW }).end?.reason, 'BackoffLimitExceeded')
  const template = { spec: { restartPolicy: 'OnFailure' as const, containers: [] } }
  const restarting = [pod('a', 'Running', { restarts: 6 })]
  assert.equal(planJob(job({ template }), restarting, { now: NOW }).end?.reason, 'BackoffLimitExceeded')
})

test('a pod that is deleted while it runs has failed, and the next one waits, also when the first is gone', () => {
  const running = pod('a', 'Running')
  const metadata = { ...running.metadata, deletionTimestamp: '2026-01-01T12:00:25Z', deletionGracePeriodSeconds: 30 }
  const leaving = { ...running, metadata }
  const first = planJob(job(), [leaving], { now: NOW })
  assert.deepEqual([first.create, first.recheckIn], [[], 5_000])
  const lost = [{ uid: 'a', endedAt: NOW - 5_000 }]
  assert.equal(planJob(job(), [leaving], { now: NOW, lost }).recheckIn, 5_000, 'it is counted once')
  assert.equal(planJob(job(), [], { now: NOW, lost }).recheckIn, 5_000)
  assert.equal(planJob(job(), [], { now: NOW + 5_000, lost }).create.length, 1)
  const dropped = { ...leaving, metadata: { ...metadata, finalizers: [] } }
  assert.equal(planJob(job(), [dropped], { now: NOW }).create.length, 1, 'the Job itself has ended it')
})

test('a Job has a deadline, may be suspended, and goes when its time to live is over', () => {
  const startTime = '2026-01-01T11:59:50Z'
  const late = job({ activeDeadlineSeconds: 10 }, { startTime })
  const plan = planJob(late, [pod('a', 'Running')], { now: NOW })
  assert.deepEqual([plan.end?.reason, plan.delete.length], ['DeadlineExceeded', 1])
  const suspended = job({ suspend: true }, { startTime })
  const stopped = planJob(suspended, [pod('a', 'Running')], { now: NOW })
  assert.equal(stopped.delete.length, 1)
  assert.deepEqual(jobStatus(suspended, stopped, NOW).conditions?.[0]?.reason, 'JobSuspended')
  const conditions = [{ type: 'Complete', status: 'True' as const, lastTransitionTime: '2026-01-01T11:59:00Z' }]
  assert.equal(planJob(job({ ttlSecondsAfterFinished: 90 }, { conditions }), [], { now: NOW }).recheckIn, 30_000)
  assert.equal(planJob(job({ ttlSecondsAfterFinished: 60 }, { conditions }), [], { now: NOW }).expired, true)
})

test('an Indexed Job makes the indexes that are missing', () => {
  const indexed = job({ completionMode: 'Indexed', completions: 4, parallelism: 2 })
  const plan = planJob(indexed, [pod('a', 'Succeeded', { index: 0 }), pod('b', 'Running', { index: 2 })], { now: NOW })
  assert.deepEqual(plan.create, [1])
  assert.equal(jobStatus(indexed, plan, NOW).completedIndexes, '0')
  const made = jobPod(indexed, 1)
  assert.deepEqual([made.metadata.generateName, made.spec.hostname], ['once-1-', 'once-1'])
  assert.equal(made.spec.containers[0]?.env?.[0]?.name, 'JOB_COMPLETION_INDEX')
})

test('property: indexes survive being written and read', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50)), (given) => {
      const indexes = [...given].sort((a, b) => a - b)
      assert.deepEqual(parseIndexes(formatIndexes(indexes)), indexes)
    }),
  )
})

function failedWith(name: string, exitCode: number, conditions: readonly string[] = []): Pod {
  const made = pod(name, 'Failed', { ended: '2026-01-01T11:00:00Z' })
  const [status] = made.status?.containerStatuses ?? []
  return {
    ...made,
    metadata: { ...made.metadata, namespace: 'default' },
    status: {
      ...made.status,
      conditions: conditions.map((type) => ({ type, status: 'True' })),
      containerStatuses: [{ ...status!, state: { terminated: { exitCode } } }],
    },
  }
}

test('podFailurePolicy: the first rule that matches decides whether a failure counts, or ends the Job', () => {
  const policed = job({
    backoffLimit: 0,
    podFailurePolicy: {
      rules: [
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        { action: 'FailJob', onExitCodes: { containerName: 'c', operator: 'In', values: [42] } },
        { action: 'Count', onExitCodes: { operator: 'NotIn', values: [7] } },
      ],
    },
  })
  const evicted = planJob(policed, [failedWith('a', 42, ['DisruptionTarget'])], { now: NOW })
  assert.deepEqual([evicted.end, evicted.counts.failed, evicted.create.length], [undefined, 0, 1])
  assert.deepEqual(planJob(policed, [failedWith('a', 42)], { now: NOW }).end, {
    type: 'Failed',
    reason: 'PodFailurePolicy',
    message: 'Container c for pod default/a failed with exit code 42 matching FailJob rule at index 1',
  })
  assert.equal(planJob(policed, [failedWith('a', 1)], { now: NOW }).end?.reason, 'BackoffLimitExceeded')
  assert.equal(
    planJob(policed, [failedWith('a', 7)], { now: NOW }).end?.reason,
    'BackoffLimitExceeded',
    'no rule: it counts',
  )
})

test('podReplacementPolicy Failed: a pod that is being deleted has its place until it has ended', () => {
  const running = pod('a', 'Running')
  // Later than that the next one no longer waits for the failure that it is.
  const leaving = { ...running, metadata: { ...running.metadata, deletionTimestamp: '2026-01-01T12:00:00Z' } }
  assert.equal(planJob(job(), [leaving], { now: NOW + 10_000 }).create.length, 1)
  assert.equal(planJob(job({ podReplacementPolicy: 'Failed' }), [leaving], { now: NOW + 10_000 }).create.length, 0)
})
