import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestBench, type TestBench } from './test-bench.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'
const FIELD = 'resourceVersionMatch'

/** Upstream's table of what a list shows, by version (`V`: one that was, `F`: one to come), match and limit. */
const LISTS: readonly (readonly [query: string, shows: 'newest' | 'past' | string])[] = [
  ['', 'newest'],
  ['limit=9', 'newest'],
  ['resourceVersion=0', 'newest'],
  ['resourceVersion=0&limit=9', 'newest'],
  ['resourceVersion=V', 'newest'],
  ['resourceVersion=V&limit=9', 'past'],
  ['resourceVersion=V&resourceVersionMatch=Exact', 'past'],
  ['resourceVersion=V&resourceVersionMatch=Exact&limit=9', 'past'],
  ['resourceVersion=V&resourceVersionMatch=NotOlderThan', 'newest'],
  ['resourceVersion=V&resourceVersionMatch=NotOlderThan&limit=9', 'newest'],
  ['resourceVersion=0&resourceVersionMatch=NotOlderThan', 'newest'],
  ['resourceVersion=F&resourceVersionMatch=Exact', '504 Timeout: Timeout: Too large resource version'],
  [`${FIELD}=Exact`, `422 Invalid: ${FIELD}: Forbidden: ${FIELD} is forbidden unless resourceVersion is provided`],
  [`${FIELD}=NotOlderThan`, `422 Invalid: ${FIELD}: Forbidden: ${FIELD} is forbidden unless`],
  [
    `resourceVersion=0&${FIELD}=Exact`,
    `422 Invalid: ${FIELD}: Forbidden: ${FIELD} "exact" is forbidden for resourceVersion "0"`,
  ],
  [
    `resourceVersion=V&${FIELD}=Newest`,
    `422 Invalid: ${FIELD}: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""`,
  ],
  [
    `resourceVersion=V&${FIELD}=Exact&continue=x`,
    `422 Invalid: ${FIELD}: Forbidden: ${FIELD} is forbidden when continue`,
  ],
  ['sendInitialEvents=true', '422 Invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'],
  ['resourceVersion=x', '400 BadRequest: '],
]

const WATCHES: readonly (readonly [query: string, refusal: string])[] = [
  ['sendInitialEvents=true', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'],
  [`sendInitialEvents=true&${FIELD}=Exact`, 'Unsupported value: "Exact": supported values: "NotOlderThan"'],
  [`${FIELD}=NotOlderThan`, `${FIELD} is forbidden for watch unless sendInitialEvents is provided`],
]

async function withHistory(): Promise<{ bench: TestBench; past: string }> {
  const bench = await openTestBench()
  await bench.call('POST', MAPS, { metadata: { name: 'old' } })
  const past = (await bench.call('GET', MAPS)).body.metadata.resourceVersion
  await bench.call('POST', MAPS, { metadata: { name: 'new' } })
  return { bench, past }
}

test('a list shows what its version and match ask for', async () => {
  const { bench, past } = await withHistory()
  await using _ = bench
  for (const [query, wanted] of LISTS) {
    const { status, body } = await bench.call(
      'GET',
      `${MAPS}?${query.replace('=V', `=${past}`).replace('=F', '=99999')}`,
    )
    const count = { newest: 2, past: 1 }[wanted]
    if (count !== undefined) assert.deepEqual([status, body.items?.length], [200, count], query)
    else
      assert.ok(
        `${status} ${body.reason}: ${withoutHead(body.message)}`.startsWith(wanted),
        `${query}: ${body.message}`,
      )
  }
})

function withoutHead(message: string): string {
  return message.replace('ListOptions.meta.k8s.io "" is invalid: ', '').replace(/^\[/, '')
}

test('a watch is asked for as a whole', async () => {
  const { bench } = await withHistory()
  await using _ = bench
  for (const [query, wanted] of WATCHES) {
    const { status, body } = await bench.call('GET', `${MAPS}?watch=true&${query}`)
    assert.equal(status, 422, query)
    assert.ok(body.message.includes(wanted), `${query}: ${body.message}`)
  }
})

test('who continues a list too late is told, and given a way to go on all the same', async () => {
  const { bench } = await withHistory()
  await using _ = bench
  const first = (await bench.call('GET', `${MAPS}?limit=1`)).body
  assert.equal(first.items[0].metadata.name, 'new')
  const versioned = await bench.call('GET', `${MAPS}?limit=1&resourceVersion=3&continue=${first.metadata.continue}`)
  assert.equal(versioned.body.message, 'specifying resource version is not allowed when using continue')
  await bench.call('POST', MAPS, { metadata: { name: 'zz' } })
  await bench.store.compact(bench.store.revision())
  const late = await bench.call('GET', `${MAPS}?limit=1&continue=${first.metadata.continue}`)
  assert.deepEqual([late.status, late.body.reason], [410, 'Expired'])
  const rest = await bench.call('GET', `${MAPS}?continue=${late.body.metadata.continue}`)
  assert.deepEqual(
    rest.body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
    ['old', 'zz'],
  )
})

test('names are made up eight times', async () => {
  let asked = 0
  const below = () => {
    asked++
    return 0
  }
  const random = { uuid: () => '00000000-0000-4000-8000-000000000000', below }
  await using bench = await openTestBench({ random })
  const body = { metadata: { generateName: 'g-' } }
  assert.equal((await bench.call('POST', MAPS, body)).body.metadata.name, 'g-bbbbb')
  asked = 0
  const refused = await bench.call('POST', MAPS, body)
  assert.deepEqual([refused.status, refused.body.reason], [409, 'AlreadyExists'])
  assert.equal(
    refused.body.message,
    'configmaps "g-bbbbb" already exists, the server was not able to generate a unique name for the object',
  )
  assert.equal(asked, 8 * 5)
})
