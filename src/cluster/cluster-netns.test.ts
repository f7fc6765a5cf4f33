import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isClusterNetns } from './cluster-netns.ts'

test('isClusterNetns() knows the fabric, nodes and pods of its cluster', () => {
  for (const member of ['vpc', 'internet', 'node-1', 'node-12', 'pod-0123abcd']) {
    assert.ok(isClusterNetns('dev', `fl-dev-${member}`), member)
  }
})

test('isClusterNetns() leaves alone a cluster whose name begins alike', () => {
  for (const name of [
    'fl-dev-2-vpc',
    'fl-dev-pod-vpc',
    'fl-dev-node-1-vpc',
    'fl-developer-vpc',
    'fl-dev-',
    'dev-vpc',
  ]) {
    assert.ok(!isClusterNetns('dev', name), name)
  }
})
