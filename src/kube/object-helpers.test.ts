import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatMicroTime, formatTime } from '../base/time.ts'
import { Backoff } from './backoff.ts'
import { findCondition, isConditionTrue, setCondition } from './conditions.ts'
import { generateName, nameHash, randomSuffix, safeEncode } from './names.ts'
import { formatKey, keyOf, parseKey } from './object-key.ts'
import { controllerOf, controllerRef, isControlledBy } from './owner.ts'
import type { Condition, KubeObject } from './types/meta.ts'

describe('setCondition()', () => {
  const ready: Condition = { type: 'Ready', status: 'True', reason: 'Up', lastTransitionTime: '2020-01-01T00:00:00Z' }

  it('keeps the time of transition while the status stays', () => {
    const [changed] = setCondition([ready], { type: 'Ready', status: 'True', reason: 'Other' }, 1_000)
    assert.deepEqual(changed, { ...ready, reason: 'Other' })
  })

  it('takes the time of a transition', () => {
    const next = setCondition([{ ...ready, type: 'A' }, ready], { type: 'Ready', status: 'False' }, 1_000)
    assert.equal(next[1]?.lastTransitionTime, '1970-01-01T00:00:01Z')
    assert.equal(next[0]?.type, 'A')
    assert.equal(isConditionTrue(next, 'Ready'), false)
    assert.equal(isConditionTrue(next, 'A'), true)
  })

  it('adds a new one, and gives the same list when nothing changed', () => {
    const next = setCondition(undefined, { type: 'Ready', status: 'True' }, 0)
    assert.deepEqual(next, [{ type: 'Ready', status: 'True', lastTransitionTime: '1970-01-01T00:00:00Z' }])
    assert.equal(setCondition(next, { type: 'Ready', status: 'True' }, 5_000), next)
    assert.equal(findCondition(next, 'Other'), undefined)
  })
})

describe('owner references', () => {
  const owner: KubeObject = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'rs', uid: 'u1' } }

  it('name the controller by uid', () => {
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', ownerReferences: [controllerRef(owner)] },
    }
    assert.equal(controllerOf(pod)?.name, 'rs')
    assert.equal(isControlledBy(pod, owner), true)
    assert.equal(isControlledBy(pod, { ...owner, metadata: { name: 'rs', uid: 'u2' } }), false)
    assert.equal(isControlledBy({ ...pod, metadata: { name: 'p' } }, { ...owner, metadata: { name: 'rs' } }), false)
  })
})

describe('names', () => {
  it('are made of the safe alphabet and fit a label', () => {
    const alphabet = /^[bcdfghjklmnpqrstvwxz2456789]*$/
    fc.assert(
      fc.property(fc.string(), (text) => {
        assert.match(safeEncode(text), alphabet)
        assert.match(nameHash(text), alphabet)
        assert.equal(generateName(text).length, Math.min(text.length, 58) + 5)
      }),
    )
    assert.equal(
      randomSuffix(5, () => 0),
      'bbbbb',
    )
    assert.equal(
      randomSuffix(5, () => 0.999_999),
      '99999',
    )
    assert.equal(
      generateName('web-', () => 0),
      'web-bbbbb',
    )
  })

  it('hash as FNV-1a does', () => {
    // 32-bit FNV-1a of 'foobar' is 0xbf9cf968, of '' the offset basis.
    assert.equal(nameHash('foobar'), safeEncode(String(0xbf9cf968)))
    assert.equal(nameHash(''), safeEncode(String(0x811c9dc5)))
  })
})

describe('keys', () => {
  it('are read as they were written', () => {
    assert.deepEqual(parseKey(formatKey({ namespace: 'a', name: 'b' })), { namespace: 'a', name: 'b' })
    assert.deepEqual(parseKey(formatKey({ name: 'b' })), { name: 'b' })
    assert.equal(keyOf({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b', namespace: 'a' } }), 'a/b')
  })
})

describe('times', () => {
  it('are written as the API has them', () => {
    assert.equal(formatTime(1_234_567), '1970-01-01T00:20:34Z')
    assert.equal(formatMicroTime(1_234_567.25), '1970-01-01T00:20:34.567250Z')
  })
})

describe('Backoff', () => {
  it('doubles up to its limit and starts anew after a success', () => {
    const backoff = new Backoff({ initialMs: 5, maxMs: 30, random: () => 0 })
    assert.deepEqual(
      [1, 2, 3, 4, 5].map(() => backoff.next()),
      [5, 10, 20, 30, 30],
    )
    backoff.reset()
    assert.equal(backoff.next(), 5)
    assert.equal(new Backoff({ initialMs: 10, random: () => 0.5 }).next(), 12.5)
  })
})
