import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../../base/clock.ts'
import { formatTime } from '../../base/time.ts'
import type { Client } from '../../kube/client.ts'
import type { PodSpec } from '../../kube/types/core.ts'
import { testPod, UID } from '../test-pods.ts'
import { PodTokens } from './pod-tokens.ts'

const HOUR = 3_600_000

/** Tokens of an API that gives each for as long as it is asked for, and numbers them. */
function bench() {
  let now = Date.parse('2030-01-01T00:00:00Z')
  let count = 0
  const asked: unknown[] = []
  const post: Client['post'] = async (_resource, _key, _subresource, body) => {
    const { spec } = body as { spec: { expirationSeconds: number } }
    asked.push(spec)
    return { status: { token: `t${++count}`, expirationTimestamp: formatTime(now + spec.expirationSeconds * 1000) } }
  }
  const clock: Clock = { ...systemClock, now: () => now }
  const tokens = new PodTokens({ post } as Client, clock)
  return { tokens, asked, pass: (ms: number) => (now += ms) }
}

function podWith(expirationSeconds: number) {
  const sources = [{ serviceAccountToken: { path: 'token', audience: 'bank', expirationSeconds } }]
  return testPod({ volumes: [{ name: 'v', projected: { sources } }] } as unknown as Partial<PodSpec>)
}

test('a token is kept until four fifths of its time are over, and is bound to its pod', async () => {
  const { tokens, asked, pass } = bench()
  const pod = podWith(3600)
  const held = async () => [...(await tokens.tokens(pod)).values()]
  assert.deepEqual(await held(), ['t1'])
  pass(0.79 * HOUR)
  assert.deepEqual(await held(), ['t1'])
  pass(0.02 * HOUR)
  assert.deepEqual(await held(), ['t2'])
  tokens.forget(UID)
  assert.deepEqual(await held(), ['t3'])
  const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid: UID }
  assert.deepEqual(asked[0], { audiences: ['bank'], expirationSeconds: 3600, boundObjectRef })
})

test('a token for a week is renewed every day', async () => {
  const { tokens, pass } = bench()
  const pod = podWith(7 * 86_400)
  const held = async () => [...(await tokens.tokens(pod)).values()]
  assert.deepEqual(await held(), ['t1'])
  pass(23 * HOUR)
  assert.deepEqual(await held(), ['t1'])
  pass(2 * HOUR)
  assert.deepEqual(await held(), ['t2'])
})
