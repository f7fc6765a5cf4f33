import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node, Pod, Taint, Toleration } from '../../kube/types/core.ts'
import { evictionDelay } from './eviction-delay.ts'

const gone: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }
const slow: Taint = { key: 'slow', value: 'very', effect: 'NoExecute' }
const soft: Taint = { key: 'soft', effect: 'NoSchedule' }

function delay(taints: readonly Taint[], tolerations: readonly Toleration[]): number | undefined {
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: { taints } }
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [], tolerations } }
  return evictionDelay(pod, node)
}

const forever: Toleration = { operator: 'Exists' }
const briefly: Toleration = { key: gone.key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }
const CASES: readonly (readonly [string, readonly Taint[], readonly Toleration[], number | undefined])[] = [
  ['no taints', [], [], undefined],
  ['a taint of another effect', [soft], [], undefined],
  ['an untolerated taint', [gone], [], 0],
  ['a tolerated one', [gone], [forever], undefined],
  ['one tolerated for a time', [gone], [briefly], 300_000],
  [
    'the shortest time of several',
    [gone, slow],
    [briefly, { key: 'slow', operator: 'Exists', tolerationSeconds: 5 }],
    5000,
  ],
  ['one of two untolerated', [gone, slow], [briefly], 0],
  ['a time below zero', [gone], [{ ...briefly, tolerationSeconds: -1 }], 0],
  ['the first that matches counts', [gone], [forever, briefly], undefined],
]

for (const [what, taints, tolerations, expected] of CASES) {
  test(`eviction: ${what}`, () => assert.equal(delay(taints, tolerations), expected))
}
