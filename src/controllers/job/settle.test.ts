import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { jobPod } from './job-pod.ts'
import { planJob } from './plan.ts'
import { settle } from './settle.ts'
import { jobStatus } from './status.ts'
import { countsOf } from './tally.ts'
import { TRACKING, trackedUids } from './tracking.ts'

const NOW = Date.parse('2026-01-01T12:00:00Z')
type Phase = 'Running' | 'Succeeded' | 'Failed'

function job(spec: Partial<Job['spec']> = {}, status: NonNullable<Job['status']> = {}): Job {
  const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'c', image: 'x' }] } }
  const metadata = { name: 'work', namespace: 'default', uid: 'job' }
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { backoffLimit: 1000, template, ...spec }, status }
}

function podOf(of: Job, uid: string, phase: Phase, index?: number, before?: Pod): Pod {
  const made = jobPod(of, index, before)
  const creationTimestamp = '2026-01-01T00:00:00Z'
  return { ...made, metadata: { ...made.metadata, name: uid, uid, creationTimestamp }, status: { phase } }
}

function released(pod: Pod): Pod {
  return { ...pod, metadata: { ...pod.metadata, finalizers: [] } }
}

/** One pass of the controller, which is cut off after so many of its steps. */
function pass(of: Job, pods: readonly Pod[], steps: number): { job: Job; pods: readonly Pod[] } {
  const { end } = planJob(of, pods, { now: NOW })
  const counts = countsOf(of, pods)
  const { release, uncounted } = settle(of, pods, { counts, end })
  const outcome = { counts, end, uncounted }
  if (steps === 0) return { job: of, pods }
  const named = { ...of, status: jobStatus(of, { ...outcome, held: trackedUids(pods), unfinished: true }, NOW) }
  const gone = new Set(release.slice(0, steps - 1))
  const left = pods.map((pod) => (gone.has(pod) ? released(pod) : pod))
  if (steps <= release.length + 1) return { job: named, pods: left }
  return { job: { ...named, status: jobStatus(named, { ...outcome, held: trackedUids(left) }, NOW) }, pods: left }
}

describe('ends of pods', () => {
  test('property: each is counted once, wherever the controller stops, and also when its pod goes then', () => {
    const ends = fc.array(fc.constantFrom<Phase>('Succeeded', 'Failed', 'Running'), { maxLength: 6 })
    const runs = fc.array(fc.record({ ends, steps: fc.nat(8), forgets: fc.boolean() }), { maxLength: 6 })
    fc.assert(
      fc.property(runs, (rounds) => {
        let state: { job: Job; pods: readonly Pod[] } = { job: job({ completions: 1000 }), pods: [] }
        const all = rounds.flatMap(({ ends: some }, round) =>
          some.map((phase, at) => ({ phase, uid: `${round}-${at}` })),
        )
        for (const [round, { steps, forgets }] of rounds.entries()) {
          const fresh = all.filter(({ uid }) => uid.startsWith(`${round}-`))
          const pods = [...state.pods, ...fresh.map(({ uid, phase }) => podOf(state.job, uid, phase))]
          state = pass(state.job, pods, steps)
          // Whoever deletes a pod that is tracked no more makes it go.
          if (forgets) state = { ...state, pods: state.pods.filter((pod) => trackedUids([pod]).size > 0) }
        }
        state = pass(state.job, state.pods, Number.POSITIVE_INFINITY)
        const wanted = (phase: Phase) => all.filter((pod) => pod.phase === phase).length
        const { succeeded = 0, failed = 0, uncountedTerminatedPods } = state.job.status ?? {}
        assert.deepEqual([succeeded, failed], [wanted('Succeeded'), wanted('Failed')])
        assert.deepEqual(uncountedTerminatedPods, {})
        assert.equal(trackedUids(state.pods).size, wanted('Running'))
      }),
    )
  })

  test('a failed pod of an index is kept until another has taken its place and its number of failures', () => {
    const indexed = job({ completionMode: 'Indexed', completions: 2, parallelism: 2, backoffLimitPerIndex: 2 })
    const failed = podOf(indexed, 'a', 'Failed', 0)
    const of = (pods: readonly Pod[]) =>
      settle(indexed, pods, { counts: countsOf(indexed, pods), end: undefined }).release.map(
        ({ metadata }) => metadata.uid,
      )
    assert.deepEqual(of([failed]), [])
    const next = podOf(indexed, 'b', 'Running', 0, failed)
    assert.equal(next.metadata.annotations?.['batch.kubernetes.io/job-index-failure-count'], '1')
    assert.deepEqual(of([failed, next]), ['a'])
    const last = podOf(indexed, 'c', 'Failed', 0, { ...next, status: { phase: 'Failed' } })
    assert.deepEqual(countsOf(indexed, [last]).indexes?.failed, [0])
    assert.deepEqual(of([last]), ['c'])
  })

  test('each index waits for itself', () => {
    const indexed = job({ completionMode: 'Indexed', completions: 3, parallelism: 3, backoffLimitPerIndex: 2 })
    const finishedAt = '2026-01-01T11:59:55Z'
    const failed: Pod = {
      ...podOf(indexed, 'a', 'Failed', 1),
      status: {
        phase: 'Failed',
        containerStatuses: [
          {
            name: 'c',
            image: '',
            imageID: '',
            ready: false,
            restartCount: 0,
            state: { terminated: { exitCode: 1, finishedAt } },
          },
        ],
      },
    }
    const plan = planJob(indexed, [failed], { now: NOW })
    assert.deepEqual([plan.create, plan.recheckIn], [[0, 2], 5_000])
    assert.deepEqual(planJob(indexed, [failed], { now: NOW + 5_000 }).create, [0, 1, 2])
  })

  test('too many failed indexes, an index that is given up by policy, and one that a policy ignores', () => {
    const spec = { completionMode: 'Indexed' as const, completions: 4, parallelism: 4, backoffLimitPerIndex: 0 }
    const pods = (of: Job) => [podOf(of, 'a', 'Failed', 0), podOf(of, 'b', 'Failed', 1)]
    const strict = job({ ...spec, maxFailedIndexes: 1 })
    assert.equal(planJob(strict, pods(strict), { now: NOW }).end?.reason, 'MaxFailedIndexesExceeded')
    const rules = (action: 'FailIndex' | 'Ignore') =>
      job({
        ...spec,
        backoffLimitPerIndex: 5,
        podFailurePolicy: { rules: [{ action, onPodConditions: [{ type: 'Lost' }] }] },
      })
    const lost = (of: Job): Pod => ({
      ...podOf(of, 'a', 'Failed', 0),
      status: { phase: 'Failed', conditions: [{ type: 'Lost', status: 'True' }] },
    })
    assert.deepEqual(countsOf(rules('FailIndex'), [lost(rules('FailIndex'))]).indexes?.failed, [0])
    const ignoring = rules('Ignore')
    assert.deepEqual(
      [countsOf(ignoring, [lost(ignoring)]).failed, countsOf(ignoring, [lost(ignoring)]).indexes?.failed],
      [0, []],
    )
    const next = jobPod(ignoring, 0, lost(ignoring)).metadata.annotations
    assert.equal(next?.['batch.kubernetes.io/job-index-ignored-failure-count'], '1')
  })

  test('a Job that fails counts what it still runs as failed, and has ended when that has', () => {
    const late = job({ activeDeadlineSeconds: 1 }, { startTime: '2026-01-01T11:00:00Z' })
    const pods = [podOf(late, 'a', 'Running')]
    const plan = planJob(late, pods, { now: NOW })
    assert.deepEqual([plan.end?.reason, plan.delete.length, plan.drops], ['DeadlineExceeded', 1, false])
    const { uncounted } = settle(late, pods, { counts: plan.counts, end: plan.end })
    assert.deepEqual(uncounted, { succeeded: [], failed: ['a'] })
    const counts = { ...plan.counts, active: 0, terminating: 1 }
    const ending = jobStatus(late, { counts, end: plan.end, uncounted }, NOW)
    assert.deepEqual(
      ending.conditions?.map(({ type }) => type),
      ['FailureTarget'],
    )
    const over = jobStatus({ ...late, status: ending }, { counts: { ...counts, terminating: 0 }, end: plan.end }, NOW)
    assert.deepEqual([over.conditions?.map(({ type }) => type), over.failed], [['FailureTarget', 'Failed'], 1])
  })

  test('a pod keeps its index in its name, however long the name of the Job', () => {
    const long = { ...job({ completionMode: 'Indexed' }), metadata: { name: 'j'.repeat(63), uid: 'job' } }
    const { generateName = '', finalizers } = jobPod(long, 12).metadata
    assert.match(generateName, /^j{54}-12-$/)
    assert.deepEqual(finalizers, [TRACKING])
  })
})
