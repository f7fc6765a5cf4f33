import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Result } from '../cell.ts'
import { junitReport } from './junit-report.ts'
import { markdownReport } from './markdown-report.ts'
import { matrixDocument } from './matrix-document.ts'
import { summaryText } from './sections.ts'
import { tableSections, tableSummary } from './table-report.ts'
import { TEST_RESULTS } from './test-results.ts'

test('the table shows measured beside documented and upstream, notes, and what is wrong in full', () => {
  const [flannel, terway] = tableSections(TEST_RESULTS)
  assert.equal(flannel?.title, 'Flannel network plugin (flannel, proxy mode nftables)')
  assert.deepEqual(flannel?.rows, [
    ['Source IP preservation', 'Local', 'preserved', '', 'preserved', 'as documented', 'pods saw 198.51.100.2 ×3'],
    [
      'Intra-cluster access to Service',
      'Local, pod',
      'unreachable',
      'reachable [1]',
      'reachable',
      'as upstream',
      'web-1; web-2',
    ],
  ])
  assert.deepEqual(flannel?.lines, ['[1] nftables lets it in'])
  assert.deepEqual(terway?.lines, [
    'differs: Backend server <attachment>, Cluster: pods is expected, node-1 | web-1 was found',
    '  expected by: Pods are "directly" added & so on.',
    '  node-1:80 is attached\u0007',
    'not measured: Load balancer quota, Local: a unit per pod is expected, not measured was found',
    '  expected by: Consumes fewer.',
    "  The cloud's API says no",
  ])
  assert.equal(tableSummary(TEST_RESULTS), '4 cells: 1 as documented, 1 as upstream, 1 differs, 1 not measured')
})

test('long evidence is cut in the table, and nowhere else', () => {
  const evidence = ['x'.repeat(200)]
  const [first] = TEST_RESULTS
  const long: Result = { ...first!, outcome: { kind: 'measured', measurement: { value: 'preserved', evidence } } }
  assert.equal(tableSections([long])[0]?.rows[0]?.at(-1)?.length, 90)
  for (const text of [markdownReport([long]), junitReport([long]), JSON.stringify(matrixDocument([long]))]) {
    assert.ok(text.includes(evidence[0]!))
  }
})

test('JSON has every result as it is', () => {
  const document = matrixDocument(TEST_RESULTS)
  assert.deepEqual(JSON.parse(JSON.stringify(document)), {
    apiVersion: 'fairlead.dev/v1',
    kind: 'Matrix',
    summary: { 'as documented': 1, 'as upstream': 1, differs: 1, 'not measured': 1 },
    cells: TEST_RESULTS,
  })
})

test('Markdown has a table for each of the document, and no markup of the texts', () => {
  const text = markdownReport(TEST_RESULTS)
  assert.ok(text.startsWith(`# Service matrix\n\n4 cells: ${summaryText(TEST_RESULTS)}.\n\n## Flannel network plugin`))
  assert.ok(text.includes('| Intra-cluster access to Service | Local, pod | unreachable | reachable (1) | reachable |'))
  assert.ok(text.includes('\n1. nftables lets it in'))
  assert.ok(text.includes('Backend server \\<attachment\\>'))
  assert.ok(text.includes('node-1 \\| web-1'))
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  for (const row of rows) assert.equal(row.replaceAll('\\|', '').split('|').length, 9, row)
})

test('JUnit has a suite per cluster and a case per cell; what differs fails, what was not measured is an error', () => {
  const text = junitReport(TEST_RESULTS)
  assert.ok(text.includes('<testsuites name="fairlead matrix" tests="4" failures="1" errors="1">'))
  assert.ok(text.includes('<testsuite name="flannel, proxy mode nftables" tests="2" failures="0" errors="0">'))
  assert.ok(text.includes('<testsuite name="terway-eniip, proxy mode ipvs" tests="2" failures="1" errors="1">'))
  assert.ok(text.includes('name="Backend server &lt;attachment&gt;: Cluster"'))
  assert.ok(
    text.includes(
      '<failure message="expected pods, measured node-1 | web-1">Pods are &quot;directly&quot; added &amp; so on.</failure>',
    ),
  )
  assert.ok(text.includes('<error message="not measured: The cloud&apos;s API says no"/>'))
  assert.ok(text.includes('node-1:80 is attached?'), 'XML has no bell')
  assert.equal(text.match(/<testcase /g)?.length, 4)
})

test('whatever the texts are, JUnit stays well-formed', () => {
  const [first] = TEST_RESULTS
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (words) => {
      const outcome = { kind: 'measured', measurement: { value: words, evidence: [words] } } as const
      const text = junitReport([{ ...first!, item: words, outcome, verdict: 'differs' }])
      assert.doesNotMatch(text, /&(?!(amp|lt|gt|quot|apos);)/)
      const isAllowed = (character: string) => character >= ' ' || '\t\n\r'.includes(character)
      assert.ok([...text].every(isAllowed))
      const tags = [...text.matchAll(/<(\/?)([a-z-]+)[^<>]*?(\/?)>/g)]
      const open: string[] = []
      for (const [, end, name = '', empty] of tags) {
        if (end === '/') assert.equal(open.pop(), name)
        else if (empty === '') open.push(name)
      }
      assert.deepEqual(open, [])
      assert.equal(text.replaceAll(/<[^<>]*>/g, '').includes('<'), false)
    }),
  )
})
