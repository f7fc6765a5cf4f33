import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node } from '../../kube/types/core.ts'
import { leaseAnnotations, leaseOf } from './lease.ts'

function node(annotations: Record<string, string>, podCIDRs?: string[]): Node {
  const metadata = { name: 'a', annotations }
  return { apiVersion: 'v1', kind: 'Node', metadata, spec: podCIDRs === undefined ? {} : { podCIDRs } }
}

const annotations = leaseAnnotations({
  4: { vtepMac: '0e:00:00:00:00:01', publicIp: '192.168.0.1' },
  6: { vtepMac: '0e:00:00:00:00:02', publicIp: 'fd00::1' },
})

test('annotations are those of Flannel', () => {
  assert.deepEqual(annotations, {
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/backend-data': '{"VNI":1,"VtepMAC":"0e:00:00:00:00:01"}',
    'flannel.alpha.coreos.com/public-ip': '192.168.0.1',
    'flannel.alpha.coreos.com/backend-v6-data': '{"VNI":1,"VtepMAC":"0e:00:00:00:00:02"}',
    'flannel.alpha.coreos.com/public-ipv6': 'fd00::1',
  })
})

test('a lease is read back, one per family', () => {
  const dual = node(annotations, ['fd00:10:244:1::/64', '10.244.1.7/24'])
  const [mac4, mac6] = ['0e:00:00:00:00:01', '0e:00:00:00:00:02']
  assert.deepEqual(leaseOf(dual, 4), {
    nodeName: 'a',
    podCidr: '10.244.1.0/24',
    vtepMac: mac4,
    publicIp: '192.168.0.1',
  })
  assert.deepEqual(leaseOf(dual, 6), {
    nodeName: 'a',
    podCidr: 'fd00:10:244:1::/64',
    vtepMac: mac6,
    publicIp: 'fd00::1',
  })
  const single: Node = { ...node(annotations), spec: { podCIDR: '10.244.1.0/24' } }
  assert.equal(leaseOf(single, 4)?.podCidr, '10.244.1.0/24')
})

test('what is no lease of this overlay is none', () => {
  const cidrs = ['10.244.1.0/24']
  const changed = (change: Record<string, string>) => leaseOf(node({ ...annotations, ...change }, cidrs), 4)
  assert.notEqual(changed({}), undefined)
  assert.equal(leaseOf(node({}, cidrs), 4), undefined)
  assert.equal(leaseOf(node(annotations), 4), undefined, 'no range yet')
  assert.equal(leaseOf(node(annotations, cidrs), 6), undefined, 'no range of the family')
  assert.equal(changed({ 'flannel.alpha.coreos.com/backend-type': 'host-gw' }), undefined)
  assert.equal(changed({ 'flannel.alpha.coreos.com/public-ip': 'fd00::1' }), undefined)
  for (const data of ['', '{', 'null', '7', '{"VNI":2,"VtepMAC":"0e:00:00:00:00:01"}', '{"VNI":1,"VtepMAC":"x"}']) {
    assert.equal(changed({ 'flannel.alpha.coreos.com/backend-data': data }), undefined, data)
  }
})
