import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject, ObjectMeta } from '../kube/types/meta.ts'
import { adoptionPatch, claim, releasePatch } from './claim.ts'
import { slowStart } from './slow-start.ts'

function object(name: string, metadata: Partial<ObjectMeta> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, uid: name, labels: { app: 'web' }, ...metadata } }
}

const reference = (uid: string) => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid, controller: true })
const ownedBy = (uid: string) => ({ ownerReferences: [reference(uid)] })
const matches = (labels: Readonly<Record<string, string>>) => labels.app === 'web'
const names = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata.name)

const CANDIDATES = [
  object('own', ownedBy('me')),
  object('strayed', { ...ownedBy('me'), labels: { app: 'other' } }),
  object('foreign', ownedBy('you')),
  object('orphan'),
  object('leaving orphan', { deletionTimestamp: 'now' }),
  object('stranger', { labels: {} }),
]

test('owned, adopted, released, and none of our business', () => {
  const result = claim(object('me'), matches, CANDIDATES)
  assert.deepEqual(
    [names(result.owned), names(result.adopt), names(result.release)],
    [['own'], ['orphan'], ['strayed']],
  )
})

test('an owner that is being deleted neither adopts nor lets go', () => {
  const result = claim(object('me', { deletionTimestamp: 'now' }), matches, CANDIDATES)
  assert.deepEqual([names(result.owned), names(result.adopt), names(result.release)], [['own'], [], []])
})

test('patches name the object that was seen, so that a changed one refuses them', () => {
  const { metadata } = object('a', { ...ownedBy('you'), resourceVersion: '7' })
  assert.deepEqual(adoptionPatch(metadata, reference('me')), {
    metadata: { uid: 'a', resourceVersion: '7', ownerReferences: [reference('you'), reference('me')] },
  })
  assert.deepEqual(releasePatch(metadata, ['you']), {
    metadata: { uid: 'a', resourceVersion: '7', ownerReferences: null },
  })
})

test('slow start: batches double, and the first failure ends it', async () => {
  const sizes: number[] = []
  let running = 0
  const action = async () => {
    running++
    await new Promise((resolve) => setImmediate(resolve))
    if (running > 0) sizes.push(running)
    running = 0
  }
  assert.deepEqual(await slowStart(10, action), { succeeded: 10, error: undefined })
  assert.deepEqual(sizes, [1, 2, 4, 3])
  let tries = 0
  const failing = await slowStart(100, async (index) => {
    tries++
    if (index === 2) throw new TypeError('quota')
  })
  assert.equal(tries, 3)
  assert.equal(failing.succeeded, 2)
  assert.ok(failing.error instanceof TypeError)
})
