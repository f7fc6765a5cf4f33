import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ContainerState as Shown } from '../../kube/types/core.ts'
import type { ContainerRecord, ContainerState } from '../runtime/runtime.ts'
import { exited, RUNNING, testContainer, testPod, UID } from '../test-pods.ts'
import { logSelection } from './container-logs.ts'
import { isHttpFailure } from './http-failure.ts'
import { findLogRun, type NodePods } from './node-pods.ts'

const selected = (query: string) => logSelection(new URLSearchParams(query), 100_000)

describe('what of a log is wanted', () => {
  test('everything', () => {
    assert.deepEqual(selected(''), { follow: false, timestamps: false })
  })
  test('each parameter', () => {
    assert.deepEqual(selected('follow=true&timestamps=1&tailLines=0&limitBytes=5&sinceSeconds=3'), {
      follow: true,
      timestamps: true,
      tailLines: 0,
      limitBytes: 5,
      since: 97_000,
    })
    assert.deepEqual(selected('sinceTime=1970-01-01T00:00:02Z'), { follow: false, timestamps: false, since: 2000 })
  })
  test('what cannot be', () => {
    for (const query of ['tailLines=-1', 'tailLines=x', 'limitBytes=0', 'sinceSeconds=0', 'sinceTime=yesterday']) {
      assert.ok(isHttpFailure(selected(query)), query)
    }
    assert.deepEqual(selected('sinceSeconds=1&sinceTime=1970-01-01T00:00:02Z'), {
      status: 422,
      message: 'at most one of `sinceTime` or `sinceSeconds` may be specified',
    })
  })
})

describe('whose log is shown', () => {
  const found = (
    previous: boolean,
    states: readonly ContainerState[],
    shown: { state?: Shown; lastState?: Shown } = {},
  ) => {
    const runs = states.map((state, attempt): ContainerRecord => {
      return { podUid: UID, name: 'web', attempt, id: `${UID}-web-${attempt}`, state, logPath: `/log/${attempt}` }
    })
    const status = { name: 'web', ready: false, restartCount: 0, image: '', imageID: '', ...shown }
    const pod = { ...testPod({ containers: [testContainer('web')] }), status: { containerStatuses: [status] } }
    const node = { list: () => [pod], netns: () => undefined, runtime: { containers: () => runs } }
    const run = findLogRun(node as unknown as NodePods, pod, { container: 'web', previous })
    return 'logPath' in run ? run.logPath : run.message
  }
  test('the newest that ran', () => {
    assert.equal(found(false, [exited(1, 5), RUNNING]), '/log/1')
    assert.equal(found(false, [exited(1, 5), { kind: 'starting' }]), '/log/0')
  })
  test('the one before it', () => {
    assert.equal(found(true, [exited(1, 5), RUNNING]), '/log/0')
    assert.equal(found(true, [RUNNING]), 'previous terminated container "web" in pod "web-1" not found')
  })
  test('while a container waits to be started again, the last one is the one that ended', () => {
    const terminated = { exitCode: 1, containerID: `runc://${UID}-web-1` } as NonNullable<Shown['terminated']>
    assert.equal(found(true, [exited(1, 5), exited(1, 9)], { lastState: { terminated } }), '/log/1')
  })
  test('none, and why', () => {
    const waiting = 'container "web" in pod "web-1" is waiting to start: '
    assert.equal(found(false, []), `${waiting}ContainerCreating`)
    const state = { waiting: { reason: 'ImagePullBackOff' } }
    assert.equal(found(false, [], { state }), `${waiting}trying and failing to pull image`)
  })
})
