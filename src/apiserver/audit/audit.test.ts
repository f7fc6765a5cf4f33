import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { openTestBench } from '../test-bench.ts'
import { openAuditFile } from './audit-file.ts'
import { type AuditPolicy, levelFor, METADATA_POLICY } from './audit-policy.ts'

function memorySink() {
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of every shape.
  const events: any[] = []
  return { events, write: (line: string) => void events.push(JSON.parse(line)), [Symbol.dispose]: () => {} }
}

const maps = '/api/v1/namespaces/default/configmaps'

test('each level tells as much as it should, of requests that are allowed and refused', async () => {
  const policy: AuditPolicy = {
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
      ['ResponseStarted', 'watch'],
      ['ResponseComplete', 'watch'],
    ],
  )
  assert.equal(new Set(sink.events.map(({ auditID }) => auditID)).size, 1)
})

test('the first rule that matches decides', () => {
  const user = { name: 'u', groups: ['g'] }
  const asked = { verb: 'get', group: '', resource: 'pods', subresource: 'log', namespace: 'n', name: 'a', path: '' }
  const level = (rule: object) => levelFor({ rules: [{ level: 'Request', ...rule }] }, user, asked)
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
  assert.equal(levelFor(METADATA_POLICY, user, asked), 'Metadata')
  assert.equal(levelFor(METADATA_POLICY, user, { ...asked, resource: '', path: '/readyz/ping' }), 'None')
})

test('the file has one line for each event, and is its owner’s alone', () => {
  const directory = mkdtempSync(join(tmpdir(), 'fl-audit-'))
  try {
    const path = join(directory, 'audit.log')
    for (const line of ['1', '2']) {
      using sink = openAuditFile(path, silentLog)
      sink.write(line)
    }
    assert.equal(readFileSync(path, 'utf8'), '1\n2\n')
    assert.equal(statSync(path).mode & 0o777, 0o600)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
