import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { endDeadline } from './pod-end.ts'
import { isFinished } from './pod-progress.ts'
import { planPod } from './pod-sync.ts'
import type { ContainerView, StopView } from './pod-view.ts'
import { exited, RUNNING, runOf, testContainer, testPod, testView } from './test-pods.ts'

const NOW = 1_000_000

/** The actions as words: `start web 0`, `terminate web`. */
function words(pod: Parameters<typeof planPod>[0], view: Parameters<typeof planPod>[1], now = NOW) {
  const plan = planPod(pod, view, now)
  const actions = plan.actions.map((action) => {
    if (action.kind === 'start') return `start ${action.container.name} ${action.attempt}`
    return 'container' in action ? `${action.kind} ${action.container}` : action.kind
  })
  return plan.wakeAt === undefined ? actions : [...actions, `wake +${plan.wakeAt - now}`]
}

describe('what to do next for a pod', () => {
  test('first the sandbox, then all containers at once', () => {
    const pod = testPod({ containers: [testContainer('a'), testContainer('b')] })
    const { sandbox: _, ...nothing } = testView()
    assert.deepEqual(words(pod, nothing), ['create-sandbox'])
    assert.deepEqual(words(pod, testView()), ['start a 0', 'start b 0'])
  })

  test('a sandbox that failed is tried again when it is due', () => {
    const { sandbox: _, ...nothing } = testView()
    const problem = { reason: 'x', message: 'x', retryAt: NOW + 500 }
    assert.deepEqual(words(testPod(), { ...nothing, sandboxProblem: problem }), ['wake +500'])
    assert.deepEqual(words(testPod(), { ...nothing, sandboxProblem: problem }, NOW + 500), ['create-sandbox'])
  })

  test('nothing while all runs', () => {
    assert.deepEqual(words(testPod(), testView({ web: { run: runOf('web', 0, RUNNING) } })), [])
    assert.deepEqual(words(testPod(), testView({ web: { run: runOf('web', 0, { kind: 'starting' }) } })), [])
  })

  describe('init containers', () => {
    const pod = testPod({ initContainers: [testContainer('one'), testContainer('two')] })
    const done = { run: runOf('one', 0, exited(0, NOW)) }

    test('run one after the other, before the others', () => {
      assert.deepEqual(words(pod, testView()), ['start one 0'])
      assert.deepEqual(words(pod, testView({ one: { run: runOf('one', 0, RUNNING) } })), [])
      assert.deepEqual(words(pod, testView({ one: done })), ['start two 0'])
      assert.deepEqual(words(pod, testView({ one: done, two: { run: runOf('two', 0, exited(0, NOW)) } })), [
        'start web 0',
      ])
    })
    test('are tried again when they fail', () => {
      const failed = (crashes: number) => testView({ one: { run: runOf('one', 0, exited(1, NOW)), crashes } })
      assert.deepEqual(words(pod, failed(1)), ['start one 1'])
      assert.deepEqual(words(pod, failed(2)), ['wake +10000'])
    })
    test('fail the pod when it is never restarted', () => {
      const never = testPod({ ...pod.spec, restartPolicy: 'Never' })
      const view = testView({ one: { run: runOf('one', 0, exited(1, NOW)) } })
      assert.deepEqual(words(never, view), ['remove-sandbox'])
      assert.equal(isFinished(never, view), true)
    })
    test('are not run again for a container that is restarted', () => {
      assert.deepEqual(words(pod, testView({ web: { run: runOf('web', 3, exited(1, NOW)), crashes: 1 } })), [
        'start web 4',
      ])
    })
  })

  describe('a container that has ended', () => {
    const ended = (exitCode: number, more: Partial<ContainerView> = {}) =>
      testView({ web: { run: runOf('web', 2, exited(exitCode, NOW)), crashes: 1, ...more } })

    for (const [policy, code, expected] of [
      ['Always', 0, ['start web 3']],
      ['Always', 1, ['start web 3']],
      ['OnFailure', 1, ['start web 3']],
      ['OnFailure', 0, ['remove-sandbox']],
      ['Never', 1, ['remove-sandbox']],
    ] as const) {
      test(`with ${code} under ${policy}`, () => {
        assert.deepEqual(words(testPod({ restartPolicy: policy }), ended(code)), expected)
      })
    }
    for (const [crashes, wait] of [
      [1, 0],
      [2, 10],
      [3, 20],
      [6, 160],
      [7, 300],
      [50, 300],
    ] as const) {
      test(`waits ${wait} s after ${crashes} crashes`, () => {
        const expected = wait === 0 ? ['start web 3'] : [`wake +${wait * 1000}`]
        assert.deepEqual(words(testPod(), ended(1, { crashes })), expected)
        assert.deepEqual(words(testPod(), ended(1, { crashes }), NOW + wait * 1000), ['start web 3'])
      })
    }
    test('waits for its image', () => {
      const problem = { reason: 'ErrImagePull', message: '', retryAt: NOW + 7000 }
      assert.deepEqual(words(testPod(), ended(1, { problem })), ['wake +7000'])
    })
    test('keeps the pod while another one runs', () => {
      const pod = testPod({ restartPolicy: 'Never', containers: [testContainer('web'), testContainer('b')] })
      const view = testView({ web: { run: runOf('web', 0, exited(0, NOW)) }, b: { run: runOf('b', 0, RUNNING) } })
      assert.deepEqual(words(pod, view), [])
    })
  })

  describe('sidecars', () => {
    const one = testContainer('one', { restartPolicy: 'Always' })
    const pod = testPod({ initContainers: [one, testContainer('two')], restartPolicy: 'Never' })
    const up = { run: runOf('one', 0, RUNNING), started: true }
    const two = { run: runOf('two', 0, exited(0, NOW)) }

    test('go on beside the init containers that follow, once they have started', () => {
      assert.deepEqual(words(pod, testView({ one: { run: runOf('one', 0, RUNNING) } })), [])
      assert.deepEqual(words(pod, testView({ one: up })), ['start two 0'])
      assert.deepEqual(words(pod, testView({ one: { ...up, postStart: 'running' } })), [])
      assert.deepEqual(words(pod, testView({ one: up, two })), ['start web 0'])
    })
    test('are started again whatever the policy of the pod is', () => {
      const ended = { run: runOf('one', 0, exited(0, NOW)), crashes: 1 }
      assert.deepEqual(words(pod, testView({ one: ended, two, web: { run: runOf('web', 0, RUNNING) } })), [
        'start one 1',
      ])
    })
    test('end when the others have ended', () => {
      const done = { run: runOf('web', 0, exited(0, NOW)) }
      assert.deepEqual(words(pod, testView({ one: up, two, web: done })), ['terminate one'])
      const ended = { run: runOf('one', 0, exited(0, NOW)) }
      assert.deepEqual(words(pod, testView({ one: ended, two, web: done })), ['remove-sandbox'])
    })
  })

  test('a container waits for the first hook of the one before it', () => {
    const lifecycle = { postStart: { sleep: { seconds: 1 } } }
    const pod = testPod({ containers: [testContainer('a', { lifecycle }), testContainer('b')] })
    assert.deepEqual(words(pod, testView()), ['start a 0'])
    const running = runOf('a', 0, RUNNING)
    assert.deepEqual(words(pod, testView({ a: { run: running, postStart: 'running' } })), [])
    assert.deepEqual(words(pod, testView({ a: { run: running } })), ['start b 0'])
    assert.deepEqual(words(pod, testView({ a: { run: running, postStart: 'failed' } })), ['terminate a', 'start b 0'])
  })

  test('a pod that is active for too long has failed, and ends', () => {
    const pod = testPod({ activeDeadlineSeconds: 5 })
    const view = (more: object) => testView({ web: { run: runOf('web', 0, RUNNING) } }, { startTime: NOW, ...more })
    assert.deepEqual(words(pod, view({})), ['wake +5000'])
    assert.deepEqual(words(pod, view({}), NOW + 5000), ['fail'])
    assert.deepEqual(words(pod, view({ failed: { reason: 'x', message: '' } }), NOW + 5000), ['terminate web'])
  })

  test('containers have policies and rules of their own', () => {
    const rules = [{ action: 'Restart', exitCodes: { operator: 'In' as const, values: [42] } }]
    const pod = (more: object) => testPod({ restartPolicy: 'Always', containers: [testContainer('web', more)] })
    const ended = (code: number) => testView({ web: { run: runOf('web', 0, exited(code, NOW)) } })
    assert.deepEqual(words(pod({ restartPolicy: 'Never' }), ended(1)), ['remove-sandbox'])
    assert.deepEqual(words(pod({ restartPolicy: 'OnFailure' }), ended(1)), ['start web 1'])
    const ruled = pod({ restartPolicy: 'Never', restartPolicyRules: rules })
    assert.deepEqual([words(ruled, ended(42)), words(ruled, ended(1))], [['start web 1'], ['remove-sandbox']])
  })

  test('an unhealthy container is asked to end, and killed when its time is over', () => {
    const view = (more: Partial<ContainerView>) =>
      testView({ web: { run: runOf('web', 0, RUNNING), unhealthy: { graceSeconds: 5 }, ...more } })
    const stopping = (since: number): Partial<ContainerView> => ({ stopping: { since, signalledAt: since } })
    assert.deepEqual(words(testPod(), view({})), ['terminate web'])
    assert.deepEqual(words(testPod(), view({ stopping: { since: NOW } })), ['signal web'])
    assert.deepEqual(words(testPod(), view(stopping(NOW - 1000))), ['wake +4000'])
    assert.deepEqual(words(testPod(), view(stopping(NOW - 5000))), ['kill web'])
  })

  describe('a pod that ends', () => {
    const meta = { deletionTimestamp: new Date(NOW + 10_000).toISOString(), deletionGracePeriodSeconds: 10 }
    const ending = { since: NOW, vanished: false }
    const running = { run: runOf('web', 0, RUNNING) }

    test('asks its containers, waits, kills', () => {
      assert.deepEqual(words(testPod({}, meta), testView({ web: running }, { ending })), ['terminate web'])
      const asked = testView({ web: { ...running, stopping: { since: NOW, signalledAt: NOW } } }, { ending })
      assert.deepEqual(words(testPod({}, meta), asked, NOW + 4000), ['wake +6000'])
      assert.deepEqual(words(testPod({}, meta), asked, NOW + 10_000), ['kill web'])
    })
    const hooked = (stopping: StopView) => testView({ web: { ...running, stopping } }, { ending })
    test('lets its hook run first, for as long as there is time, and then two seconds more', () => {
      assert.deepEqual(words(testPod({}, meta), hooked({ since: NOW, hook: 'running' }), NOW + 1000), ['wake +9000'])
      assert.deepEqual(words(testPod({}, meta), hooked({ since: NOW }), NOW + 1000), ['signal web'])
      const late = hooked({ since: NOW, hook: 'running' })
      assert.deepEqual(words(testPod({}, meta), late, NOW + 10_000), ['signal web'])
      const asked = hooked({ since: NOW, signalledAt: NOW + 10_000 })
      assert.deepEqual(words(testPod({}, meta), asked, NOW + 10_000), ['wake +2000'])
      assert.deepEqual(words(testPod({}, meta), asked, NOW + 12_000), ['kill web'])
    })
    test('ends its sidecars last, the newest first', () => {
      const sidecar = (name: string) => testContainer(name, { restartPolicy: 'Always' })
      const pod = testPod({ initContainers: [sidecar('one'), sidecar('two')] }, meta)
      const live = (name: string) => ({ run: runOf(name, 0, RUNNING), stopping: { since: NOW } })
      const ended = { run: runOf('web', 0, exited(0, NOW)) }
      const all = testView({ web: live('web'), one: live('one'), two: live('two') }, { ending })
      assert.deepEqual(words(pod, all), ['signal web', 'wake +10000'])
      const two = testView({ web: ended, one: live('one'), two: live('two') }, { ending })
      assert.deepEqual(words(pod, two), ['signal two', 'wake +10000'])
      assert.deepEqual(words(pod, testView({ web: ended, one: live('one') }, { ending })), ['signal one'])
      assert.deepEqual(words(pod, all, NOW + 10_000).sort(), ['signal one', 'signal two', 'signal web'])
    })
    test('asks a container only once it has started', () => {
      const view = testView({ web: { run: runOf('web', 0, { kind: 'starting' }) } }, { ending })
      assert.deepEqual(words(testPod({}, meta), view), ['wake +10000'])
    })
    test('is removed when nothing runs any more, and starts nothing', () => {
      assert.deepEqual(words(testPod({}, meta), testView({}, { ending })), ['remove-pod'])
      const ended = testView({ web: { run: runOf('web', 0, exited(0, NOW)) } }, { ending })
      assert.deepEqual(words(testPod({}, meta), ended), ['remove-pod'])
    })
    test('has no more time than was announced, for an agent that comes late', () => {
      assert.equal(endDeadline(testPod({}, meta), { since: NOW + 9000, vanished: false }), NOW + 11_000)
    })
    test('has a second when its object is gone', () => {
      assert.equal(endDeadline(testPod(), { since: NOW, vanished: true }), NOW + 1000)
    })
  })

  test('a pod that ended before the machine was started anew never runs again', () => {
    const pod = { ...testPod(), status: { phase: 'Succeeded' } as const }
    const { sandbox: _, ...nothing } = testView()
    assert.deepEqual(words(pod, nothing), [])
  })

  test('it never starts what runs, never acts on what has ended, and always acts or waits for something', () => {
    const state = fc.constantFrom(
      undefined,
      { kind: 'starting' } as const,
      RUNNING,
      exited(0, NOW - 10),
      exited(1, NOW - 10),
    )
    const container = fc.record({
      state,
      crashes: fc.nat(10),
      stopping: fc.option(
        fc.constantFrom<StopView>({ since: NOW - 1000 }, { since: NOW - 1000, signalledAt: NOW - 900 }),
        { nil: undefined },
      ),
      unhealthy: fc.option(fc.constant({ graceSeconds: 3 }), { nil: undefined }),
    })
    const policy = fc.constantFrom('Always' as const, 'OnFailure' as const, 'Never' as const)
    fc.assert(
      fc.property(container, container, policy, fc.boolean(), (a, b, restartPolicy, ends) => {
        const pod = testPod({ restartPolicy, containers: [testContainer('a'), testContainer('b')] })
        const view = (name: string, { state, crashes, stopping, unhealthy }: typeof a): Partial<ContainerView> => ({
          ...(state === undefined ? {} : { run: runOf(name, 0, state) }),
          crashes,
          ...(stopping === undefined ? {} : { stopping }),
          ...(unhealthy === undefined ? {} : { unhealthy }),
        })
        const ending = ends ? { ending: { since: NOW, vanished: true } } : {}
        const plan = planPod(pod, testView({ a: view('a', a), b: view('b', b) }, ending), NOW)
        const states = new Map([
          ['a', a.state],
          ['b', b.state],
        ])
        for (const action of plan.actions) {
          if (action.kind === 'start')
            assert.ok(!ends && ['exited', undefined].includes(states.get(action.container.name)?.kind))
          if (action.kind === 'terminate' || action.kind === 'signal')
            assert.equal(states.get(action.container)?.kind, 'running')
          if (action.kind === 'kill') assert.notEqual(states.get(action.container)?.kind, 'exited')
          if (action.kind === 'remove-pod')
            assert.ok([a, b].every(({ state }) => state === undefined || state.kind === 'exited'))
        }
        const waitsForEvent = [a, b].some(({ state }) => state?.kind === 'starting' || state?.kind === 'running')
        assert.ok(plan.actions.length > 0 || plan.wakeAt !== undefined || waitsForEvent)
      }),
    )
  })
})
