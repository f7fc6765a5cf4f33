import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { ManualClock } from '../../kube/manual-clock.ts'
import { openTestBench } from '../test-bench.ts'
import { openAuditFile } from './audit-file.ts'
import { type AuditPolicy, auditDecision, METADATA_POLICY } from './audit-policy.ts'
import { policyProblem, readAuditPolicy } from './read-audit-policy.ts'

function memorySink() {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape.
  const events: any[] = []
  return { events, write: (line: string) => void events.push(JSON.parse(line)), [Symbol.dispose]: () => {} }
}

const maps = '/api/v1/namespaces/default/configmaps'

test('each level tells as much as it should, of requests that are allowed and refused', async () => {
  const policy: AuditPolicy = {
    omitStages: ['RequestReceived'],
    rules: [
      { level: 'None', verbs: ['list'] },
      { level: 'RequestResponse', resources: [{ group: '', resources: ['configmaps'] }], verbs: ['create'] },
      { level: 'Request', resources: [{ resources: ['configmaps'] }], verbs: ['patch'] },
      { level: 'Metadata', resources: [{ group: '' }] },
    ],
  }
  const sink = memorySink()
  await using bench = await openTestBench({ audit: { policy, sink } })
  await bench.call('GET', maps)
  await bench.call('GET', '/version')
  assert.equal(sink.events.length, 0)
  await bench.call('POST', maps, { metadata: { name: 'a' }, data: { k: 'v' } })
  await bench.call('PATCH', `${maps}/a`, { data: { k: 'w' } }, 'application/merge-patch+json')
  await bench.call('POST', maps, 'no object')
  const stranger = await bench.certify('stranger', [])
  await bench.send(`${maps}/a`, { identity: stranger, headers: { 'user-agent': 'test/1' } })
  const [created, patched, bad, refused] = sink.events
  assert.equal(created.level, 'RequestResponse')
  assert.equal(created.requestObject.data.k, 'v')
  assert.equal(created.responseObject.metadata.name, 'a')
  assert.equal(created.responseStatus.code, 201)
  assert.deepEqual(created.objectRef, { resource: 'configmaps', namespace: 'default', apiVersion: 'v1' })
  assert.deepEqual(patched.requestObject, { data: { k: 'w' } })
  assert.equal(patched.responseObject, undefined)
  assert.deepEqual(bad.requestObject, { text: '"no object"' })
  assert.equal(bad.responseStatus.code, 400)
  assert.equal(refused.level, 'Metadata')
  assert.equal(refused.user.username, 'stranger')
  assert.equal(refused.userAgent, 'test/1')
  assert.deepEqual(refused.sourceIPs, ['127.0.0.1'])
  assert.equal(refused.responseStatus.code, 403)
  assert.equal(refused.responseStatus.reason, 'Forbidden')
  assert.match(refused.requestReceivedTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
})

test('a watch is written down when it starts and when it ends', async () => {
  const sink = memorySink()
  await using bench = await openTestBench({ audit: { policy: { rules: [{ level: 'Metadata' }] }, sink } })
  await bench.call('GET', `${maps}?watch=true&timeoutSeconds=1`)
  assert.deepEqual(
    sink.events.map(({ stage, verb }) => [stage, verb]),
    [
      ['RequestReceived', 'watch'],
      ['ResponseStarted', 'watch'],
      ['ResponseComplete', 'watch'],
    ],
  )
  assert.equal(sink.events[0].responseStatus, undefined)
  assert.equal(new Set(sink.events.map(({ auditID }) => auditID)).size, 1)
})

test('the first rule that matches decides', () => {
  const user = { name: 'u', groups: ['g'] }
  const asked = { verb: 'get', group: '', resource: 'pods', subresource: 'log', namespace: 'n', name: 'a', path: '' }
  const level = (rule: object) => auditDecision({ rules: [{ level: 'Request', ...rule }] }, user, asked).level
  for (const rule of [
    {},
    { users: ['u'], userGroups: ['g', 'h'] },
    { resources: [{ group: '', resources: ['pods/*'] }] },
    { resources: [{ resources: ['*/log'], resourceNames: ['a'] }] },
    { namespaces: ['n'] },
  ]) {
    assert.equal(level(rule), 'Request', JSON.stringify(rule))
  }
  for (const rule of [
    { users: ['v'] },
    { userGroups: ['h'] },
    { verbs: ['list'] },
    { resources: [{ group: '', resources: ['pods'] }] },
    { resources: [{ group: 'apps' }] },
    { namespaces: [''] },
    { nonResourceURLs: ['/*'] },
  ]) {
    assert.equal(level(rule), 'None', JSON.stringify(rule))
  }
  assert.equal(auditDecision(METADATA_POLICY, user, asked).level, 'Metadata')
  assert.equal(auditDecision(METADATA_POLICY, user, { ...asked, resource: '', path: '/readyz/ping' }).level, 'None')
  const pods = { resources: [{ group: '', resources: ['pods/*'] }], level: 'Metadata' as const }
  assert.equal(auditDecision({ rules: [pods] }, user, { ...asked, subresource: '' }).level, 'Metadata')
})

test('stages and managed fields are left out where the policy or the rule says so', async () => {
  const sink = memorySink()
  const rule = { level: 'RequestResponse', resources: [{ resources: ['configmaps'] }] } as const
  const policy: AuditPolicy = {
    omitStages: ['RequestReceived'],
    omitManagedFields: true,
    rules: [
      { ...rule, verbs: ['watch'], omitStages: ['ResponseComplete'] },
      { ...rule, verbs: ['get'], omitManagedFields: false },
      rule,
    ],
  }
  await using bench = await openTestBench({ audit: { policy, sink } })
  await bench.call('POST', `${maps}?fieldManager=me`, { metadata: { name: 'a' }, data: { k: 'v' } })
  await bench.call('GET', `${maps}?watch=true&timeoutSeconds=1`)
  await bench.call('GET', `${maps}/a`)
  await bench.call('GET', maps)
  const [created, watched, read, listed] = sink.events
  assert.equal(created.responseObject.metadata.managedFields, undefined)
  assert.equal(watched.stage, 'ResponseStarted')
  assert.equal(read.responseObject.metadata.managedFields.length, 1)
  const item = listed.responseObject.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === 'a')
  assert.equal(item.metadata.managedFields, undefined)
})

test('what a policy must say', () => {
  const policy = (rest: object) => policyProblem({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', ...rest })
  assert.equal(policy({ rules: [{ level: 'None' }] }), undefined)
  assert.equal(policy({ rules: [] }), 'loaded illegal policy with 0 rules')
  assert.match(
    policyProblem({ apiVersion: 'v1', kind: 'Policy' }) ?? '',
    /^unknown group version field v1, Kind=Policy/,
  )
  const bad: readonly (readonly [object, string])[] = [
    [{}, 'rules[0].level: Required value'],
    [
      { level: 'All' },
      'rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"',
    ],
    [
      { level: 'None', nonResourceURLs: ['x'] },
      `rules[0].nonResourceURLs[0]: Invalid value: "x": non-resource URL rules must begin with a '/' character`,
    ],
    [
      { level: 'None', nonResourceURLs: ['/*/x'] },
      `rules[0].nonResourceURLs[0]: Invalid value: "/*/x": non-resource URL wildcards '*' must be the final character of the rule`,
    ],
    [
      { level: 'None', nonResourceURLs: ['/x'], namespaces: ['n'] },
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
    [
      { level: 'None', resources: [{ group: '', resourceNames: ['a'] }] },
      'rules[0].resources.resourceNames: Invalid value: ["a"]: using resourceNames requires at least one resource',
    ],
    [
      { level: 'None', omitStages: ['End'] },
      'rules[0].omitStages[0]: Invalid value: "End": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic',
    ],
  ]
  for (const [rule, text] of bad) assert.equal(policy({ rules: [rule] }), text)
})

test('a policy is read from a file in YAML, and refused with its name', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-audit-'))
  try {
    const path = join(directory, 'policy.yaml')
    writeFileSync(path, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n')
    assert.equal((await readAuditPolicy(path)).rules[0]?.level, 'Metadata')
    writeFileSync(path, 'rules: [')
    await assert.rejects(readAuditPolicy(path), { code: 'INVALID_INPUT', message: /policy\.yaml: failed decoding: / })
    await assert.rejects(readAuditPolicy(`${path}.none`), { code: 'INVALID_INPUT', message: /ENOENT/ })
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('the file has one line for each event, and is its owner’s alone', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-audit-'))
  try {
    const path = join(directory, 'audit.log')
    for (const line of ['1', '2']) {
      using sink = openAuditFile({ path, log: silentLog, clock: new ManualClock() })
      sink.write(line)
    }
    assert.equal(readFileSync(path, 'utf8'), '1\n2\n')
    assert.equal(statSync(path).mode & 0o777, 0o600)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a full file is put aside, and what is too much or too old goes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-audit-'))
  try {
    const path = join(directory, 'audit.log')
    const clock = new ManualClock(Date.UTC(2026, 0, 2, 3, 4, 5, 678))
    const rotation = { maxSize: 1, maxBackup: 2, maxAge: 1 }
    using sink = openAuditFile({ path, log: silentLog, clock, ...rotation })
    const half = 'x'.repeat(600 * 1024)
    const others = () => readdirSync(directory).filter((name) => name !== 'audit.log')
    sink.write(half)
    assert.deepEqual(others(), [])
    sink.write(half)
    assert.deepEqual(others(), ['audit-2026-01-02T03-04-05.678.log'])
    assert.equal(readFileSync(path, 'utf8').length, half.length + 1)
    for (let count = 0; count < 2; count++) {
      clock.pass(1000)
      sink.write(half)
    }
    assert.deepEqual(others(), ['audit-2026-01-02T03-04-06.678.log', 'audit-2026-01-02T03-04-07.678.log'])
    clock.pass(2 * 24 * 60 * 60 * 1000)
    sink.write(half)
    assert.deepEqual(others(), ['audit-2026-01-04T03-04-07.678.log'])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
