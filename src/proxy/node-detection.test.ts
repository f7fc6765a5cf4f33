import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '../kube/types/core.ts'
import { detectedNode } from './node-detection.ts'

const NODE: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n' },
  spec: { podCIDRs: ['10.244.1.0/24'] },
  status: {
    addresses: [
      { type: 'InternalIP', address: '192.168.0.1' },
      { type: 'InternalIP', address: 'fd00::1' },
    ],
  },
}

test("a proxy's settings take the place of what its Node says", () => {
  const plain = detectedNode('n', NODE, {})
  assert.deepEqual(plain.addresses, ['192.168.0.1', 'fd00::1'])
  assert.deepEqual(plain.podCidrs, ['10.244.1.0/24'])
  assert.deepEqual(detectedNode('n', NODE, { detectLocal: { mode: 'NodeCIDR' } }), plain)
  for (const mode of ['BridgeInterface', 'InterfaceNamePrefix'] as const) {
    const podInterfaces = { name: 'cni0', isPrefix: mode === 'InterfaceNamePrefix' }
    assert.deepEqual(detectedNode('n', NODE, { detectLocal: { mode, name: 'cni0' } }), { ...plain, podInterfaces })
  }
  const cluster = { detectLocal: { mode: 'ClusterCIDR', cidrs: ['10.244.0.0/16'] } } as const
  assert.deepEqual(detectedNode('n', NODE, cluster).podCidrs, ['10.244.0.0/16'])
  assert.deepEqual(detectedNode('n', NODE, { bindAddress: 'FD00::9' }).addresses, ['fd00::9', '192.168.0.1'])
  assert.deepEqual(detectedNode('n', undefined, { bindAddress: '10.0.0.1' }).addresses, ['10.0.0.1'])
})
