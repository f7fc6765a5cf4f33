import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planRevisions, templateOf, type WithHistory } from './revision-history.ts'

function owner(spec: Partial<WithHistory['spec']> = {}): WithHistory {
  const template = { metadata: { labels: { app: 'agent' } }, spec: { containers: [{ name: 'c', image: 'v1' }] } }
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'agent', uid: 'a' },
    spec: { template, ...spec },
  }
}

const now = (hash: string, used: readonly string[] = []) => ({
  hash,
  hashLabel: 'controller-revision-hash',
  used: new Set(used),
})

test('the history has each template once, the present one last', () => {
  const first = planRevisions(owner(), [], now('one')).create
  assert.deepEqual([first?.metadata.name, first?.revision], ['agent-one', 1])
  assert.ok(first)
  assert.deepEqual(first.metadata.labels, { app: 'agent', 'controller-revision-hash': 'one' })
  assert.deepEqual(templateOf(first), owner().spec.template)
  assert.match(JSON.stringify(first.data), /^\{"spec":\{"template":\{"\$patch":"replace","metadata":.*,"spec":/)
  const second = planRevisions(owner(), [first], now('two')).create
  assert.ok(second)
  assert.equal(second.revision, 2)
  const back = planRevisions(owner(), [first, second], now('one'))
  assert.deepEqual([back.create, back.renumber?.to], [undefined, 3])
  const short = owner({ revisionHistoryLimit: 0 })
  assert.deepEqual(planRevisions(short, [first, second], now('two')).delete, [first])
  assert.deepEqual(planRevisions(short, [first, second], now('two', ['agent-one'])).delete, [])
})
