import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Pod, PodStatus } from '../kube/types/core.ts'
import { duration, podStatus } from './pod-status.ts'
import type { PodView } from './pod-view.ts'
import { exited, RUNNING, runOf, testContainer, testPod, testView, UID } from './test-pods.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const running = (more = {}) => ({ run: runOf('web', 0, RUNNING), started: true, ready: true, ...more })

function statusOf(pod: Pod, view: PodView, previous?: PodStatus): PodStatus {
  return podStatus(pod, view, { hostIPs: ['192.168.0.11'], now: NOW, previous })
}

/** `Ready=False ContainersNotReady` */
function shown(status: PodStatus, type: string): string {
  const found = status.conditions?.find((condition) => condition.type === type)
  return `${found?.status}${found?.reason === undefined ? '' : ` ${found.reason}`}`
}

const stateOf = (status: PodStatus, index = 0) => status.containerStatuses?.[index]

describe('the status of a pod', () => {
  test('while it is made', () => {
    const { sandbox: _, ...nothing } = testView()
    const status = statusOf(testPod(), nothing)
    assert.deepEqual([status.phase, status.podIP, status.hostIP], ['Pending', undefined, '192.168.0.11'])
    assert.deepEqual(stateOf(status)?.state, { waiting: { reason: 'ContainerCreating' } })
    assert.equal(shown(status, 'PodReadyToStartContainers'), 'False')
    assert.equal(shown(status, 'Ready'), 'False ContainersNotReady')
    assert.equal(
      status.conditions?.find(({ type }) => type === 'Ready')?.message,
      'containers with unready status: [web]',
    )
    assert.equal(status.startTime, '2026-01-02T03:04:05Z')
  })

  test('while it runs and is ready', () => {
    const status = statusOf(testPod(), testView({ web: running() }))
    assert.deepEqual([status.phase, status.podIP, status.podIPs], ['Running', '10.244.1.2', [{ ip: '10.244.1.2' }]])
    assert.deepEqual(
      status.conditions?.map(({ type, status }) => `${type}=${status}`),
      ['PodReadyToStartContainers=True', 'Initialized=True', 'Ready=True', 'ContainersReady=True', 'PodScheduled=True'],
    )
    const container = stateOf(status)
    assert.deepEqual(container?.state, { running: { startedAt: '1970-01-01T00:00:01Z' } })
    assert.deepEqual([container?.ready, container?.started, container?.restartCount], [true, true, 0])
    assert.equal(container?.containerID, `runc://${UID}-web-0`)
  })

  test('is not ready before its probes say so', () => {
    assert.equal(
      shown(statusOf(testPod(), testView({ web: running({ ready: false }) })), 'Ready'),
      'False ContainersNotReady',
    )
    assert.equal(stateOf(statusOf(testPod(), testView({ web: running({ started: false }) })))?.ready, false)
  })

  test('is not ready before its gates are open, which others write', () => {
    const pod = testPod({ readinessGates: [{ conditionType: 'example.com/lb' }] })
    const view = testView({ web: running() })
    const status = statusOf(pod, view)
    assert.deepEqual(
      [shown(status, 'Ready'), shown(status, 'ContainersReady')],
      ['False ReadinessGatesNotReady', 'True'],
    )
    const told = (of: typeof pod) => statusOf(of, view).conditions?.find(({ type }) => type === 'Ready')?.message
    assert.equal(told(pod), 'corresponding condition of pod readiness gate "example.com/lb" does not exist.')
    const closed = { ...pod, status: { conditions: [{ type: 'example.com/lb', status: 'Unknown' as const }] } }
    assert.equal(told(closed), 'the status of pod readiness gate "example.com/lb" is not "True", but Unknown')
    const open = { ...pod, status: { conditions: [{ type: 'example.com/lb', status: 'True' as const }] } }
    assert.equal(shown(statusOf(open, view), 'Ready'), 'True')
    assert.equal(shown(statusOf(open, view), 'example.com/lb'), 'True')
  })

  test('keeps the time of what did not change', () => {
    const earlier = '2026-01-01T00:00:00Z'
    const conditions = [
      { type: 'Ready', status: 'True', lastTransitionTime: earlier },
      { type: 'ContainersReady', status: 'False', lastTransitionTime: earlier },
    ] as const
    const status = statusOf(testPod(), testView({ web: running() }), { conditions, startTime: earlier })
    const time = (type: string) => status.conditions?.find((each) => each.type === type)?.lastTransitionTime
    assert.deepEqual(
      [time('Ready'), time('ContainersReady'), status.startTime],
      [earlier, '2026-01-02T03:04:05Z', earlier],
    )
  })

  test('says which generation of the pod it is about, and so does each condition', () => {
    const status = statusOf(testPod({}, { generation: 3 }), testView({ web: running() }))
    assert.equal(status.observedGeneration, 3)
    assert.deepEqual([...new Set(status.conditions?.map((each) => each.observedGeneration))], [3])
  })

  test('of what a container was allotted, what it has, and how far a resize is', () => {
    const [wanted, actual] = [{ requests: { cpu: '2' } }, { requests: { cpu: '1' } }]
    const pod = testPod({ containers: [testContainer('web', { resources: wanted })] }, { generation: 4 })
    const message = 'too much'
    const resize = { pending: { reason: 'Deferred', message, generation: 4 }, progress: { generation: 3 } } as const
    const status = statusOf(pod, testView({ web: running({ resources: actual }) }, { resize }))
    assert.deepEqual([stateOf(status)?.allocatedResources, stateOf(status)?.resources], [wanted.requests, actual])
    const generationOf = (name: string) => status.conditions?.find(({ type }) => type === name)?.observedGeneration
    assert.deepEqual([shown(status, 'PodResizePending'), generationOf('PodResizePending')], ['True Deferred', 4])
    assert.deepEqual([shown(status, 'PodResizeInProgress'), generationOf('PodResizeInProgress')], ['True', 3])
    const later = statusOf({ ...pod, status }, testView({ web: running({ resources: wanted }) }), status)
    assert.equal(shown(later, 'PodResizePending'), 'undefined', 'they go when they hold no more')
  })

  test('of a container that waits to be restarted', () => {
    const view = testView({ web: { run: runOf('web', 4, exited(2, NOW - 1000)), crashes: 5 } })
    const status = statusOf(testPod(), view)
    assert.equal(status.phase, 'Running')
    assert.deepEqual(stateOf(status)?.state?.waiting, {
      reason: 'CrashLoopBackOff',
      message: `back-off 1m20s restarting failed container=web pod=web-1_shop(${UID})`,
    })
    assert.equal(stateOf(status)?.lastState?.terminated?.exitCode, 2)
    assert.equal(stateOf(status)?.restartCount, 4)
  })

  test('of a container that runs again', () => {
    const last = { ...runOf('web', 0, exited(1, 5000, 2000)), state: exited(1, 5000, 2000) }
    const status = statusOf(testPod(), testView({ web: running({ run: runOf('web', 1, RUNNING), lastRun: last }) }))
    assert.deepEqual(stateOf(status)?.lastState, {
      terminated: {
        exitCode: 1,
        reason: 'Error',
        startedAt: '1970-01-01T00:00:02Z',
        finishedAt: '1970-01-01T00:00:05Z',
        containerID: `runc://${UID}-web-0`,
      },
    })
  })

  test('of a container without an image', () => {
    const problem = { reason: 'ImagePullBackOff', message: 'no', retryAt: NOW + 1 }
    const status = statusOf(testPod(), testView({ web: { problem } }))
    assert.deepEqual(
      [status.phase, stateOf(status)?.state?.waiting],
      ['Pending', { reason: 'ImagePullBackOff', message: 'no' }],
    )
  })

  test('of a program that is not there', () => {
    const state = { ...exited(128, NOW), reason: 'StartError', message: 'no such file' } as const
    const status = statusOf(testPod({ restartPolicy: 'Never' }), testView({ web: { run: runOf('web', 0, state) } }))
    const { reason, message, exitCode } = stateOf(status)?.state?.terminated ?? {}
    assert.deepEqual([status.phase, exitCode, reason, message], ['Failed', 128, 'StartError', 'no such file'])
  })

  describe('at the end', () => {
    const two = testPod({ restartPolicy: 'Never', containers: [testContainer('web'), testContainer('b')] })
    const ends = (a: number, b: number) =>
      testView({ web: { run: runOf('web', 0, exited(a, NOW)) }, b: { run: runOf('b', 0, exited(b, NOW)) } })

    test('has succeeded when all have', () => {
      const status = statusOf(two, ends(0, 0))
      assert.deepEqual([status.phase, shown(status, 'Ready')], ['Succeeded', 'False PodCompleted'])
      assert.equal(stateOf(status)?.state?.terminated?.reason, 'Completed')
    })
    test('has failed when one has', () => {
      const status = statusOf(two, ends(0, 1))
      assert.deepEqual([status.phase, shown(status, 'Ready')], ['Failed', 'False PodFailed'])
    })
    test('runs while one runs', () => {
      const view = testView({ web: running(), b: { run: runOf('b', 0, exited(1, NOW)) } })
      assert.equal(statusOf(two, view).phase, 'Running')
    })
    test('remembers its address', () => {
      const { sandbox: _, ...gone } = ends(0, 0)
      assert.equal(statusOf(two, gone, { podIPs: [{ ip: '10.244.1.9' }] }).podIP, '10.244.1.9')
    })
    test('of a deleted pod whose containers have ended is final, whatever the restart policy', () => {
      const ending = { since: NOW, vanished: false }
      const view = testView({ web: { run: runOf('web', 0, exited(143, NOW)) } }, { ending })
      const pod = testPod({}, { deletionTimestamp: '2026-01-02T03:04:30Z' })
      assert.deepEqual(
        [statusOf(pod, view).phase, stateOf(statusOf(pod, view))?.state?.terminated?.exitCode],
        ['Failed', 143],
      )
    })
  })

  describe('with init containers', () => {
    const pod = testPod({ initContainers: [testContainer('one'), testContainer('two')] })
    test('tells which are missing', () => {
      const view = testView({ one: { run: runOf('one', 0, exited(0, NOW)) }, two: { run: runOf('two', 0, RUNNING) } })
      const status = statusOf(pod, view)
      assert.equal(status.phase, 'Pending')
      assert.equal(shown(status, 'Initialized'), 'False ContainersNotInitialized')
      assert.equal(status.conditions?.[1]?.message, 'containers with incomplete status: [two]')
      assert.deepEqual(
        status.initContainerStatuses?.map(({ ready }) => ready),
        [true, false],
      )
      assert.equal(stateOf(status)?.state?.waiting?.reason, 'PodInitializing')
    })
    test('fails with one that fails for good', () => {
      const view = testView({ one: { run: runOf('one', 0, exited(1, NOW)) } })
      assert.equal(statusOf({ ...pod, spec: { ...pod.spec, restartPolicy: 'Never' } }, view).phase, 'Failed')
      const again = statusOf(pod, {
        ...view,
        containers: new Map([...view.containers].map(([k, v]) => [k, { ...v, crashes: 2 }])),
      })
      assert.equal(again.initContainerStatuses?.[0]?.state?.waiting?.reason, 'CrashLoopBackOff')
    })
  })

  test('durations are as Go prints them', () => {
    assert.deepEqual([10_000, 160_000, 300_000].map(duration), ['10s', '2m40s', '5m0s'])
  })
})
