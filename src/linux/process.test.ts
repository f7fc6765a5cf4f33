import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  isAlive,
  killProcess,
  parseProcessStat,
  processesInNetns,
  readCommandLine,
  readProcessIdentity,
  spawnIn,
} from './process.ts'
import { TestNamespaces } from './test-namespaces.ts'

test('children live in the namespace that they were started in', async () => {
  using spaces = new TestNamespaces()
  const netns = spaces.create('a')
  const child = spawnIn(netns, 'sleep', ['60'], { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const identity = readProcessIdentity(child.pid!)!
  assert.deepEqual(processesInNetns(netns), [identity])
  assert.ok(!processesInNetns('/proc/self/ns/net').some((other) => other.pid === child.pid))
  assert.ok(processesInNetns('/proc/self/ns/net').some((other) => other.pid === process.pid))
  assert.deepEqual(readCommandLine(child.pid!), ['sleep', '60'])
  assert.ok(isAlive(identity))
  const former = { ...identity, startTicks: identity.startTicks - 1 }
  assert.ok(!isAlive(former))
  assert.equal(killProcess(former, 'SIGKILL'), false)
  assert.ok(isAlive(identity), 'a process that got the number of another is left alone')
  assert.equal(killProcess(identity, 'SIGKILL'), true)
  assert.deepEqual(await exited, [null, 'SIGKILL'])
  assert.ok(!isAlive(identity))
  assert.equal(killProcess(identity, 'SIGKILL'), false)
  assert.equal(readProcessIdentity(identity.pid), undefined)
  assert.equal(readCommandLine(identity.pid), undefined)
})

test('a process may call itself anything', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 15 }), fc.nat(), (name, ticks) => {
      const stat = `7 (${name}) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 ${ticks} 8192000 100 18446744073709551615`
      assert.deepEqual(parseProcessStat(stat), { state: 'S', startTicks: ticks })
    }),
  )
})
