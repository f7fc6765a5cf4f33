import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authorizer } from './authorization.ts'
import { impersonate } from './impersonation.ts'
import type { ApiRequest } from './request.ts'
import { StatusError } from './status-error.ts'

/** Lets `root` impersonate whom it likes, and `half` the user `jane` but no group. */
const authorizer: Authorizer = {
  decide: ({ name }, { verb, resource, name: whom }) => {
    const allowed = name === 'root' || (name === 'half' && resource === 'users' && whom === 'jane')
    return { allowed: verb === 'impersonate' && allowed, reason: '' }
  },
  rulesFor: () => [],
}

function request(user: string, headers: ApiRequest['headers']): ApiRequest {
  const body = async () => new Uint8Array()
  const { signal } = new AbortController()
  return { method: 'GET', url: '/api/v1/pods', headers, user: { name: user, groups: [] }, body, signal }
}

function refusalOf(user: string, headers: ApiRequest['headers']): [code: number | undefined, message: string] {
  try {
    impersonate(request(user, headers), authorizer)
  } catch (error) {
    assert.ok(error instanceof StatusError, String(error))
    return [error.status.code, error.status.message ?? '']
  }
  assert.fail('The request was let through')
}

test('impersonate() leaves a request without such headers alone', () => {
  const own = request('jane', {})
  assert.equal(impersonate(own, authorizer), own)
})

test('impersonate() makes the request in the name of the user and the groups', () => {
  const headers = { 'impersonate-user': 'jane', 'impersonate-group': 'dev, ops' }
  assert.deepEqual(impersonate(request('root', headers), authorizer).user, {
    name: 'jane',
    groups: ['dev', 'ops', 'system:authenticated'],
  })
})

test('impersonate() gives a service account the groups of its name', () => {
  const headers = { 'impersonate-user': 'system:serviceaccount:kube-system:dns' }
  assert.deepEqual(impersonate(request('root', headers), authorizer).user?.groups, [
    'system:serviceaccounts',
    'system:serviceaccounts:kube-system',
    'system:authenticated',
  ])
})

test('impersonate() asks for the user and for every group', () => {
  assert.equal(impersonate(request('half', { 'impersonate-user': 'jane' }), authorizer).user?.name, 'jane')
  const [code, message] = refusalOf('half', { 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' })
  assert.equal(code, 403)
  assert.match(message, /User "half" cannot impersonate resource "groups" in API group "" at the cluster scope/)
  assert.equal(refusalOf('jane', { 'impersonate-user': 'root' })[0], 403)
})

test('impersonate() refuses what it cannot do instead of ignoring it', () => {
  assert.equal(refusalOf('root', { 'impersonate-group': 'dev' })[0], 400)
  assert.equal(refusalOf('root', { 'impersonate-user': 'jane', 'impersonate-extra-scopes': 'x' })[0], 400)
})
