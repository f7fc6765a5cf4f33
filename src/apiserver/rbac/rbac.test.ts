import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PolicyRule } from '../../kube/types/rbac.ts'
import type { Attributes } from '../authorization.ts'
import { createLocalTransport } from '../local-transport.ts'
import { openTestBench, type TestAnswer, type TestBench } from '../test-bench.ts'
import { defaultClusterRoleBindings, defaultClusterRoles, reconciled } from './bootstrap-policy.ts'
import { CompiledRules } from './compiled-rules.ts'
import { staleAggregates } from './role-aggregation.ts'
import { rulesNotCovered } from './rule-cover.ts'

const RBAC = '/apis/rbac.authorization.k8s.io/v1'

/** Requests as one user. */
function as(bench: TestBench, name: string, groups: readonly string[] = []) {
  const transport = createLocalTransport(bench.api, { name, groups })
  return async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<TestAnswer> => {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const answer = await transport.request({ method, path, headers: { 'content-type': type }, ...sent })
    const chunks: Uint8Array[] = []
    for await (const chunk of answer.body) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    return { status: answer.status, headers: {}, body: text.startsWith('{') ? JSON.parse(text) : text }
  }
}

const readPods: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }

function roleRef(kind: string, name: string) {
  return { apiGroup: 'rbac.authorization.k8s.io', kind, name }
}

async function grant(bench: TestBench, name: string, rules: readonly PolicyRule[], user: string): Promise<void> {
  assert.equal((await bench.call('POST', `${RBAC}/clusterroles`, { metadata: { name }, rules })).status, 201)
  const binding = {
    metadata: { name },
    roleRef: roleRef('ClusterRole', name),
    subjects: [{ kind: 'User', name: user }],
  }
  assert.equal((await bench.call('POST', `${RBAC}/clusterrolebindings`, binding)).status, 201)
}

test('a role counts from the moment it is bound to the moment it is taken away, in its namespace only', async () => {
  await using bench = await openTestBench()
  const jane = as(bench, 'jane')
  const inDefault = '/api/v1/namespaces/default/pods'
  assert.equal((await jane('GET', inDefault)).status, 403)
  const roles = `${RBAC}/namespaces/default/roles`
  const bindings = `${RBAC}/namespaces/default/rolebindings`
  await bench.call('POST', roles, { metadata: { name: 'reader' }, rules: [readPods] })
  await bench.call('POST', bindings, {
    metadata: { name: 'jane' },
    roleRef: roleRef('Role', 'reader'),
    subjects: [{ kind: 'User', name: 'jane' }],
  })
  assert.equal((await jane('GET', inDefault)).status, 200)
  assert.equal((await jane('GET', '/api/v1/namespaces/kube-system/pods')).status, 403)
  assert.equal((await jane('GET', '/api/v1/pods')).status, 403)
  assert.equal((await jane('GET', '/api/v1/namespaces/default/secrets')).status, 403)
  await bench.call('PUT', `${roles}/reader`, { metadata: { name: 'reader' }, rules: [] })
  assert.equal((await jane('GET', inDefault)).status, 403)
  await bench.call('PUT', `${roles}/reader`, { metadata: { name: 'reader' }, rules: [readPods] })
  assert.equal((await jane('GET', inDefault)).status, 200)
  await bench.call('DELETE', `${bindings}/jane`)
  assert.equal((await jane('GET', inDefault)).status, 403)
})

test('service accounts and groups are subjects; names and subresources limit a rule', async () => {
  await using bench = await openTestBench()
  const rules = [
    { verbs: ['get'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['one'] },
    { verbs: ['patch'], apiGroups: ['apps'], resources: ['*/scale'] },
  ]
  await bench.call('POST', `${RBAC}/clusterroles`, { metadata: { name: 'few' }, rules })
  await bench.call('POST', `${RBAC}/clusterrolebindings`, {
    metadata: { name: 'few' },
    roleRef: roleRef('ClusterRole', 'few'),
    subjects: [
      { kind: 'ServiceAccount', namespace: 'ci', name: 'bot' },
      { kind: 'Group', name: 'ops' },
    ],
  })
  for (const ask of [as(bench, 'system:serviceaccount:ci:bot'), as(bench, 'olga', ['ops'])]) {
    assert.equal((await ask('GET', '/api/v1/namespaces/default/configmaps/one')).status, 404)
    assert.equal((await ask('GET', '/api/v1/namespaces/default/configmaps/two')).status, 403)
    assert.equal((await ask('GET', '/api/v1/namespaces/default/configmaps')).status, 403)
    assert.equal((await ask('PATCH', '/apis/apps/v1/namespaces/default/deployments/a/scale', {})).status, 404)
    assert.equal((await ask('PATCH', '/apis/apps/v1/namespaces/default/deployments/a', {})).status, 403)
  }
  assert.equal(
    (await as(bench, 'system:serviceaccount:other:bot')('GET', '/api/v1/namespaces/default/configmaps/one')).status,
    403,
  )
})

test('a rule that names objects lets list and watch what is selected by that name', async () => {
  await using bench = await openTestBench()
  const rules = [{ verbs: ['list', 'watch'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['one'] }]
  await bench.call('POST', `${RBAC}/clusterroles`, { metadata: { name: 'one' }, rules })
  await bench.call('POST', `${RBAC}/clusterrolebindings`, {
    metadata: { name: 'one' },
    roleRef: roleRef('ClusterRole', 'one'),
    subjects: [{ kind: 'User', name: 'jane' }],
  })
  const ask = as(bench, 'jane')
  const status = async (path: string) => (await ask('GET', path)).status
  const maps = '/api/v1/namespaces/default/configmaps'
  assert.equal(await status(`${maps}?fieldSelector=metadata.name%3Done`), 200)
  assert.equal(await status(`${maps}?fieldSelector=metadata.name%3D%3Done,metadata.namespace%3Ddefault`), 200)
  assert.equal(await status(`${maps}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Done`), 200)
  assert.equal(await status('/api/v1/watch/namespaces/default/configmaps/one?timeoutSeconds=1'), 200)
  const refused = [
    maps,
    `${maps}/one`,
    `${maps}?fieldSelector=metadata.name%3Dtwo`,
    `${maps}?fieldSelector=metadata.name!%3Done`,
    `${maps}?fieldSelector=metadata.name%3Done%3D`,
    `${maps}?watch=true`,
    '/api/v1/watch/namespaces/default/configmaps/two',
  ]
  for (const path of refused) assert.equal(await status(path), 403, path)
})

test('nobody gives away what he does not hold', async () => {
  await using bench = await openTestBench()
  const admin = {
    verbs: ['*'],
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['clusterroles', 'clusterrolebindings'],
  }
  const { verbs: _, ...limited } = admin
  await grant(bench, 'granter', [{ ...limited, verbs: ['get', 'create', 'update', 'patch'] }, readPods], 'mallory')
  const mallory = as(bench, 'mallory')
  const writePods = { ...readPods, verbs: ['get', 'delete'] }
  const refused = await mallory('POST', `${RBAC}/clusterroles`, { metadata: { name: 'more' }, rules: [writePods] })
  assert.equal(refused.status, 403)
  assert.equal(
    refused.body.message,
    'clusterroles.rbac.authorization.k8s.io "more" is forbidden: user "mallory" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
  )
  assert.equal(
    (await mallory('POST', `${RBAC}/clusterroles`, { metadata: { name: 'same' }, rules: [readPods] })).status,
    201,
  )
  assert.equal((await mallory('PATCH', `${RBAC}/clusterroles/same`, { rules: [writePods] })).status, 403)
  assert.equal((await mallory('PATCH', `${RBAC}/clusterroles/same`, { metadata: { labels: { a: 'b' } } })).status, 200)
  const bind = (name: string) => ({
    metadata: { name: `mallory-${name}` },
    roleRef: roleRef('ClusterRole', name),
    subjects: [{ kind: 'User', name: 'mallory' }],
  })
  assert.equal((await mallory('POST', `${RBAC}/clusterrolebindings`, bind('cluster-admin'))).status, 403)
  assert.equal((await mallory('POST', `${RBAC}/clusterrolebindings`, bind('same'))).status, 201)
  assert.equal((await mallory('POST', `${RBAC}/clusterrolebindings`, bind('nowhere'))).status, 404)
  const gather = { clusterRoleSelectors: [{ matchLabels: { all: 'true' } }] }
  const gathering = await mallory('POST', `${RBAC}/clusterroles`, {
    metadata: { name: 'all' },
    aggregationRule: gather,
  })
  assert.equal(gathering.status, 403)
  await grant(bench, 'binder', [{ ...limited, verbs: ['bind', 'escalate'] }], 'mallory')
  assert.equal((await mallory('POST', `${RBAC}/clusterrolebindings`, bind('edit'))).status, 201)
  assert.equal(
    (await mallory('POST', `${RBAC}/clusterroles`, { metadata: { name: 'more' }, rules: [writePods] })).status,
    201,
  )
})

test('an aggregated role follows the roles that it is made of', async () => {
  await using bench = await openTestBench()
  const rule = { verbs: ['get'], apiGroups: ['example.com'], resources: ['things'] }
  const has = async (name: string) => {
    const { body } = await bench.call('GET', `${RBAC}/clusterroles/${name}`)
    return JSON.stringify(body.rules).includes('example.com')
  }
  const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' }
  await bench.call('POST', `${RBAC}/clusterroles`, { metadata: { name: 'things', labels }, rules: [rule] })
  await until(async () => (await has('view')) && (await has('edit')) && (await has('admin')))
  await bench.call('DELETE', `${RBAC}/clusterroles/things`)
  await until(async () => !(await has('view')) && !(await has('edit')) && !(await has('admin')))
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1000; turn++) {
    if (await holds()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.fail('what was waited for did not come')
}

test('roles and bindings are checked as upstream checks them', async () => {
  await using bench = await openTestBench()
  const create = async (plural: string, body: object) => {
    const place = plural.startsWith('cluster') ? plural : `namespaces/default/${plural}`
    return (await bench.call('POST', `${RBAC}/${place}`, { metadata: { name: 'a:b' }, ...body })).body
  }
  const cases: readonly (readonly [string, object, string])[] = [
    ['roles', { rules: [{ verbs: [] }] }, 'rules[0].verbs: Required value: verbs must contain at least one value'],
    [
      'roles',
      { rules: [{ verbs: ['get'] }] },
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
    ],
    [
      'roles',
      { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
      'namespaced rules cannot apply to non-resource URLs',
    ],
    [
      'clusterroles',
      { rules: [{ ...readPods, nonResourceURLs: ['/x'] }] },
      'rules cannot apply to both regular resources and non-resource URLs',
    ],
    ['clusterroles', { aggregationRule: {} }, 'aggregationRule.clusterRoleSelectors: Required value'],
    [
      'rolebindings',
      { roleRef: { kind: 'Job', name: 'x' } },
      'roleRef.kind: Unsupported value: "Job": supported values: "Role", "ClusterRole"',
    ],
    ['rolebindings', { roleRef: { kind: 'Role' } }, 'roleRef.name: Required value'],
    [
      'clusterrolebindings',
      { roleRef: { kind: 'Role', name: 'x' } },
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    ],
    [
      'clusterrolebindings',
      { roleRef: roleRef('ClusterRole', 'x'), subjects: [{ kind: 'ServiceAccount', name: 'x' }] },
      'subjects[0].namespace: Required value',
    ],
    [
      'clusterrolebindings',
      { roleRef: roleRef('ClusterRole', 'x'), subjects: [{ kind: 'Robot', name: 'x' }] },
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ],
  ]
  for (const [plural, body, text] of cases) {
    const { reason, message } = await create(plural, body)
    assert.equal(reason, 'Invalid', `${text}: ${message}`)
    assert.ok(message.includes(text), `${message} has no ${text}`)
  }
  await create('clusterrolebindings', { roleRef: roleRef('ClusterRole', 'view') })
  const changed = { metadata: { name: 'a:b' }, roleRef: roleRef('ClusterRole', 'edit') }
  const { body } = await bench.call('PUT', `${RBAC}/clusterrolebindings/a:b`, changed)
  assert.match(body.message, /roleRef: Invalid value: .*: cannot change roleRef/)
})

test('default roles come back when they lose something, unless they are to be left alone', () => {
  const [role] = defaultClusterRoles().filter(({ metadata }) => metadata.name === 'system:node')
  const [binding] = defaultClusterRoleBindings().filter(({ metadata }) => metadata.name === 'cluster-admin')
  assert.ok(role !== undefined && binding !== undefined)
  assert.equal(reconciled(role, role), undefined)
  const lessened = { ...role, rules: (role.rules ?? []).slice(1) }
  assert.deepEqual(rulesNotCovered(reconciled(lessened, role)?.rules ?? [], role.rules ?? []), [])
  const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'false' }
  assert.equal(reconciled({ ...lessened, metadata: { ...role.metadata, annotations } }, role), undefined)
  const widened: typeof binding = { ...binding, subjects: [{ kind: 'User', name: 'me' }] }
  assert.equal(reconciled(widened, binding)?.subjects?.length, 2)
})

test('chains of aggregated roles are followed in any order', () => {
  const part = (name: string, label: string, rules: readonly PolicyRule[]) => {
    const metadata = { name, labels: { [label]: 'yes' } }
    return { kind: 'ClusterRole', apiVersion: 'rbac.authorization.k8s.io/v1', metadata, rules }
  }
  const gathers = (label: string) => ({
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: 'yes' } }] },
  })
  const roles = [
    { ...part('a', 'none', []), ...gathers('to-a') },
    { ...part('b', 'to-a', []), ...gathers('to-b') },
    part('c', 'to-b', [readPods]),
  ]
  for (const order of [roles, roles.toReversed()]) {
    const stale = staleAggregates(new Map(order.map((role) => [role.metadata.name, role])))
    assert.deepEqual(stale.get('a'), [readPods])
    assert.deepEqual(stale.get('b'), [readPods])
  }
})

const some = (values: readonly string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
const anyRule: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record(
    {
      verbs: some(['get', 'list', 'delete', '*']),
      apiGroups: some(['', 'apps', '*']),
      resources: some(['pods', 'pods/log', '*/log', 'deployments', '*']),
      resourceNames: some(['a', 'b']),
    },
    { requiredKeys: ['verbs', 'apiGroups', 'resources'] },
  ),
  fc.record({ verbs: some(['get', '*']), nonResourceURLs: some(['/x', '/x/*', '*', '/y']) }),
)

test('a role covers another only when it allows all that the other allows', () => {
  const anyAsked: fc.Arbitrary<Attributes> = fc.oneof(
    fc.record({
      verb: fc.constantFrom('get', 'list', 'delete', 'watch'),
      group: fc.constantFrom('', 'apps', 'batch'),
      resource: fc.constantFrom('pods', 'deployments', 'jobs'),
      subresource: fc.constantFrom('', 'log', 'scale'),
      namespace: fc.constant('default'),
      name: fc.constantFrom('', 'a', 'b', 'c'),
      path: fc.constant(''),
    }),
    fc.constantFrom('/x', '/x/1', '/y', '/z').map((path) => {
      return { verb: 'get', group: '', resource: '', subresource: '', namespace: '', name: '', path }
    }),
  )
  const rules = fc.array(anyRule, { maxLength: 4 })
  fc.assert(
    fc.property(rules, rules, fc.array(anyAsked, { minLength: 10, maxLength: 30 }), (held, wanted, asked) => {
      const missing = rulesNotCovered(held, wanted)
      const [holder, rest, all] = [held, missing, wanted].map((list) => new CompiledRules(list))
      for (const attributes of asked) {
        const { resource, subresource } = attributes
        const whole = subresource === '' ? resource : `${resource}/${subresource}`
        if (!all?.allow(attributes, whole)) continue
        assert.ok(holder?.allow(attributes, whole) || rest?.allow(attributes, whole), JSON.stringify(attributes))
      }
      assert.deepEqual(rulesNotCovered([...held, ...missing], wanted), [])
    }),
  )
})
