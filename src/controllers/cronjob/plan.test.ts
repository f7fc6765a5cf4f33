import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CronJob, Job } from '../../kube/types/batch.ts'
import { missedTimes, planCronJob } from './plan.ts'
import { parseSchedule } from './schedule.ts'

const NOON = Date.parse('2026-01-01T12:00:00Z')
const HOURLY = parseSchedule('@hourly')

function cronJob(spec: Partial<CronJob['spec']> = {}, lastScheduleTime?: string): CronJob {
  const template = { spec: { containers: [] } }
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'tick', namespace: 'default', uid: 'c', creationTimestamp: '2026-01-01T09:30:00Z' },
    spec: { schedule: '@hourly', jobTemplate: { spec: { template } }, ...spec },
    ...(lastScheduleTime === undefined ? {} : { status: { lastScheduleTime } }),
  }
}

function job(name: string, end?: 'Complete' | 'Failed', startTime = '2026-01-01T00:00:00Z'): Job {
  const conditions = end === undefined ? [] : [{ type: end, status: 'True' } as const]
  const spec = { template: { spec: { containers: [] } } }
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, uid: name }, spec, status: { conditions, startTime } }
}

function stepAt(now: number, object: CronJob, jobs: readonly Job[] = []): string {
  const { step } = planCronJob(object, HOURLY, { jobs, now })
  if (step.type === 'start')
    return `${step.job.metadata.name} instead of [${step.replace.map(({ metadata }) => metadata.name)}]`
  return step.type === 'skip' ? `${step.severity} ${step.reason}: ${step.message}` : step.type
}

const NAME = `tick-${NOON / 60_000}`

test('of the times missed the last is made up for, once', () => {
  assert.equal(stepAt(NOON, cronJob()), `${NAME} instead of []`)
  assert.equal(stepAt(NOON, cronJob(), [job(NAME)]), 'wait')
  assert.equal(stepAt(NOON + 60_000, cronJob({}, '2026-01-01T12:00:00Z')), 'wait')
  const { step, recheckIn } = planCronJob(cronJob(), HOURLY, { jobs: [], now: NOON })
  assert.equal(recheckIn, 3_600_000)
  assert.ok(step.type === 'start')
  assert.equal(
    step.job.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp'],
    '2026-01-01T12:00:00Z',
  )
})

test('suspended, too late, forbidden, replaced', () => {
  const late = NOON + 61_000
  assert.equal(stepAt(NOON, cronJob({ suspend: true })), 'wait')
  assert.equal(stepAt(late, cronJob({ startingDeadlineSeconds: 60 })), 'wait', 'not even looked for any more')
  const running = [job('tick-1'), job('tick-2', 'Complete')]
  assert.equal(
    stepAt(NOON, cronJob({ concurrencyPolicy: 'Forbid' }), running),
    'Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid',
  )
  assert.equal(stepAt(NOON, cronJob({ concurrencyPolicy: 'Replace' }), running), `${NAME} instead of [tick-1]`)
  assert.equal(stepAt(NOON, cronJob({ concurrencyPolicy: 'Allow' }), running), `${NAME} instead of []`)
})

test('ended Jobs beyond the limits go, the oldest first', () => {
  const limits = { successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 }
  const jobs = [
    job('b', 'Complete', '2026-01-01T02:00:00Z'),
    job('a', 'Complete', '2026-01-01T01:00:00Z'),
    job('c', 'Failed'),
    job('d'),
  ]
  const { expired } = planCronJob(cronJob(limits), HOURLY, { jobs, now: NOON })
  assert.deepEqual(
    expired.map(({ metadata }) => metadata.name),
    ['a', 'c'],
  )
  assert.deepEqual(planCronJob(cronJob(), HOURLY, { jobs, now: NOON }).expired, [])
})

test('a year of missed minutes is told, and costs no walk through all of them', () => {
  const minutely = parseSchedule('* * * * *')
  const { last, count } = missedTimes(minutely, NOON - 365 * 86_400_000, NOON + 1000)
  assert.deepEqual([last, count], [NOON, 101])
})
