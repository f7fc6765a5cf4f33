import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alike, expectedBy, isFor, matches, parseTranscript } from './transcript.ts'

const TEXT = `# A comment.

@eventually
@{>=1.28}
$ kubectl get x \\
>   -o wide
NAME
{<1.30} old
{>=1.30} new

# printed
end
$ kubectl get y
`

test('a transcript is commands with what they print', () => {
  const [first, second, ...others] = parseTranscript(TEXT)
  assert.ok(first !== undefined && second !== undefined)
  assert.equal(others.length, 0)
  assert.equal(first.command, 'kubectl get x \\\n  -o wide')
  assert.deepEqual([first.eventually, first.sorted], [true, false])
  assert.deepEqual([isFor(first, 27), isFor(first, 28), isFor(second, 20)], [false, true, true])
  assert.deepEqual(expectedBy(first, 29), ['NAME', 'old', '', '# printed', 'end'])
  assert.deepEqual(expectedBy(first, 30), ['NAME', 'new', '', '# printed', 'end'])
  assert.deepEqual(second.expected, [])
})

test('text before the first command is refused', () => {
  assert.throws(() => parseTranscript('printed\n$ x'), /belongs to no command: printed/)
})

test('lines match as they are, by ... and by <*>', () => {
  assert.ok(matches(['a', '...', 'z'], ['a', 'b', 'c', 'z']))
  assert.ok(matches(['a', '...', 'z'], ['a', 'z']))
  assert.ok(matches(['x <*>.'], ['x (1)+.']))
  for (const [expected, actual] of [
    [['a'], ['b']],
    [['a'], ['a', 'b']],
    [
      ['a', '...', 'z'],
      ['a', 'b'],
    ],
    [['x <*>.'], ['x y']],
    [['a.c'], ['abc']],
  ] as const) {
    assert.equal(matches(expected, actual), false)
  }
})

test('what differs from run to run becomes equal, and nothing else', () => {
  assert.deepEqual(alike('web-7c9d8f6b4-x2x4z   1/1  Running 2 (10s ago)  3m2s  10.244.1.7  node-2\n'), [
    'web-HASH-ID 1/1 Running 2 (AGE ago) AGE POD-IP NODE',
  ])
  assert.deepEqual(alike('  10.96.0.1 10.96.3.4 10.96.0.0/16 80:31234/TCP'), [
    '  10.96.0.1 CLUSTER-IP 10.96.0.0/16 80:NODEPORT/TCP',
  ])
  assert.deepEqual(alike('at 2026-01-02T03:04:05Z'), ['at TIME'])
  assert.deepEqual(alike('kube-root-ca.crt settings port 8080'), ['kube-root-ca.crt settings port 8080'])
})
