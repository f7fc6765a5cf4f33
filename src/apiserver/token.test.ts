import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { createTokenSigner, generateTokenKey } from './pki/service-account-token.ts'
import { openTestBench } from './test-bench.ts'

const ACCOUNTS = '/api/v1/namespaces/default/serviceaccounts'

test('a token is good as long as its account and its pod exist', async () => {
  const tokens = createTokenSigner({ keyPem: generateTokenKey(), clock: systemClock })
  await using bench = await openTestBench({ tokens })
  await bench.call('POST', ACCOUNTS, { metadata: { name: 'web' } })
  const spec = { containers: [{ name: 'c', image: 'x' }] }
  await bench.call('POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec })
  const ask = async (body: object) => await bench.call('POST', `${ACCOUNTS}/web/token`, body)
  const free = (await ask({ spec: {} })).body.status.token
  const bound = (await ask({ spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } } })).body.status
    .token
  for (const token of [free, bound]) assert.equal((await bench.send('/api', { token })).status, 200)
  await bench.call('DELETE', '/api/v1/namespaces/default/pods/p')
  assert.equal((await bench.send('/api', { token: bound })).status, 401)
  await bench.call('DELETE', `${ACCOUNTS}/web`)
  await bench.call('POST', ACCOUNTS, { metadata: { name: 'web' } })
  assert.equal((await bench.send('/api', { token: free })).status, 401)
  assert.equal((await ask({ spec: { expirationSeconds: 5 } })).status, 422)
  assert.equal((await bench.call('POST', `${ACCOUNTS}/none/token`, { spec: {} })).status, 404)
})

test('who holds a token is told with the uid of the account and the pod it is bound to', async () => {
  const tokens = createTokenSigner({ keyPem: generateTokenKey(), clock: systemClock })
  await using bench = await openTestBench({ tokens })
  const account = (await bench.call('POST', ACCOUNTS, { metadata: { name: 'web' } })).body.metadata.uid
  const spec = { containers: [{ name: 'c', image: 'x' }] }
  const pod = (await bench.call('POST', '/api/v1/namespaces/default/pods', { metadata: { name: 'p' }, spec })).body
  const bound = { audiences: ['vault'], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } }
  const ask = async (body: object) =>
    (await bench.call('POST', `${ACCOUNTS}/web/token`, { spec: body })).body.status.token
  const own = await ask({ boundObjectRef: bound.boundObjectRef })
  const self = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  const reviews = '/apis/authentication.k8s.io/v1'
  const { body } = await bench.send(`${reviews}/selfsubjectreviews`, {
    method: 'POST',
    token: own,
    body: JSON.stringify(self),
    headers: { 'content-type': 'application/json' },
  })
  const { username, uid, extra } = body.status.userInfo
  assert.deepEqual([username, uid], ['system:serviceaccount:default:web', account])
  assert.deepEqual(extra['authentication.kubernetes.io/pod-name'], ['p'])
  assert.deepEqual(extra['authentication.kubernetes.io/pod-uid'], [pod.metadata.uid])
  const review = async (token: string, audiences?: readonly string[]) =>
    (await bench.call('POST', `${reviews}/tokenreviews`, { spec: { token, audiences } })).body.status
  const known = await review(own)
  assert.equal(known.user.uid, account)
  assert.deepEqual(known.audiences, ['https://kubernetes.default.svc.cluster.local'])
  const foreign = await ask(bound)
  assert.equal((await review(foreign)).authenticated, undefined)
  assert.deepEqual((await review(foreign, ['vault', 'other'])).audiences, ['vault'])
})
