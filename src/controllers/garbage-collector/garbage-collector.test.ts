import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject, ObjectMeta } from '../../kube/types/meta.ts'
import { decideByOwners, decideDeleting } from './decide.ts'
import { OwnershipGraph, toNode } from './graph.ts'

const owner = (uid: string, blockOwnerDeletion = true) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: uid,
  uid,
  controller: true,
  blockOwnerDeletion,
})

function object(uid: string, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, namespace: 'default', uid, ...metadata } }
}

const foreground = { deletionTimestamp: 'now', finalizers: ['foregroundDeletion'] }
const orphan = { deletionTimestamp: 'now', finalizers: ['orphan'] }

test('an object whose owner is not known is looked at; one whose owner is, is not', () => {
  const graph = new OwnershipGraph()
  assert.deepEqual(graph.upsert(object('pod', { ownerReferences: [owner('rs')] })), ['pod'])
  assert.deepEqual(graph.upsert(object('rs')), [])
  assert.deepEqual(graph.upsert(object('pod2', { ownerReferences: [owner('rs')] })), [])
  assert.deepEqual(
    graph.dependentsOf('rs').map(({ uid }) => uid),
    ['pod', 'pod2'],
  )
})

test('when an owner goes, its dependents are looked at', () => {
  const graph = new OwnershipGraph()
  graph.upsert(object('rs'))
  graph.upsert(object('pod', { ownerReferences: [owner('rs')] }))
  assert.deepEqual(graph.remove('rs'), ['pod'])
})

test('foreground: the owner waits, and is looked at when the last blocking dependent goes or lets go', () => {
  const graph = new OwnershipGraph()
  graph.upsert(object('rs'))
  graph.upsert(object('a', { ownerReferences: [owner('rs')] }))
  graph.upsert(object('b', { ownerReferences: [owner('rs')] }))
  assert.deepEqual(graph.upsert(object('rs', foreground)), ['rs'])
  assert.deepEqual(graph.upsert(object('b')), ['rs'], 'b lost its reference')
  assert.deepEqual(graph.remove('a'), ['rs'])
})

test('a dependent that appears under an owner that waits is looked at', () => {
  const graph = new OwnershipGraph()
  graph.upsert(object('rs', foreground))
  assert.deepEqual(graph.upsert(object('late', { ownerReferences: [owner('rs')] })), ['late'])
})

const dependent = (uid: string, block = true) => toNode(object(uid, { ownerReferences: [owner('rs', block)] }))

test('what is done about an object that is being deleted', () => {
  const plain = toNode(object('rs', { deletionTimestamp: 'now' }))
  assert.deepEqual(decideDeleting(plain, [dependent('a')]), { type: 'keep' })
  const waiting = toNode(object('rs', foreground))
  assert.deepEqual(decideDeleting(waiting, []), { type: 'finish', finalizer: 'foregroundDeletion' })
  assert.deepEqual(decideDeleting(waiting, [dependent('a', false)]), {
    type: 'finish',
    finalizer: 'foregroundDeletion',
  })
  assert.equal(decideDeleting(waiting, [dependent('a')]).type, 'delete-dependents')
  const orphaning = toNode(object('rs', orphan))
  assert.equal(decideDeleting(orphaning, [dependent('a')]).type, 'orphan-dependents')
  assert.deepEqual(decideDeleting(orphaning, []), { type: 'finish', finalizer: 'orphan' })
})

const CASES = [
  { owners: [], dependents: 0, expect: { type: 'keep' } },
  { owners: ['solid'], dependents: 0, expect: { type: 'keep' } },
  { owners: ['absent'], dependents: 0, expect: { type: 'delete', propagationPolicy: 'Background' } },
  { owners: ['solid', 'absent'], dependents: 0, expect: { type: 'disown', uids: ['o1'] } },
  { owners: ['waiting'], dependents: 0, expect: { type: 'delete', propagationPolicy: 'Background' } },
  { owners: ['waiting'], dependents: 1, expect: { type: 'delete', propagationPolicy: 'Foreground' } },
  { owners: ['waiting', 'solid'], dependents: 1, expect: { type: 'disown', uids: ['o0'] } },
] as const

for (const { owners, dependents, expect } of CASES) {
  test(`owners ${owners.join('+') || 'none'}, ${dependents} dependents: ${expect.type}`, () => {
    const states = owners.map((state, index) => ({ reference: owner(`o${index}`), state }))
    const children = dependents === 1 ? [dependent('child')] : []
    assert.deepEqual(decideByOwners(toNode(object('x')), states, children), expect)
  })
}

test('objects that own each other in a circle: the one whose dependent waits already holds its owner up no longer', () => {
  const states = [{ reference: owner('o'), state: 'waiting' as const }]
  const waiting = toNode(object('child', { ...foreground, ownerReferences: [owner('x')] }))
  const wanted = { type: 'delete', propagationPolicy: 'Foreground', unblock: true }
  assert.deepEqual(decideByOwners(toNode(object('x')), states, [dependent('other'), waiting]), wanted)
})

test('an object with a finalizer keeps its policy when its owner goes', () => {
  const states = [{ reference: owner('o'), state: 'absent' as const }]
  const policy = (finalizer: string) => decideByOwners(toNode(object('x', { finalizers: [finalizer] })), states, [])
  assert.deepEqual(policy('orphan'), { type: 'delete', propagationPolicy: 'Orphan' })
  assert.deepEqual(policy('foregroundDeletion'), { type: 'delete', propagationPolicy: 'Foreground' })
})
