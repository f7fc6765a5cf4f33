import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Draft } from '../kind.ts'
import type { Service } from '../types/core.ts'
import { serviceKind } from './service.ts'
import { linkServiceFields } from './service-linked-fields.ts'

function settled(spec: object, old?: object): Service {
  const draft: Draft = structuredClone({ metadata: { name: 'web' }, spec }) as Draft
  const before = old === undefined ? undefined : settled(old)
  serviceKind.default?.(draft)
  linkServiceFields(draft.spec as Draft, before?.spec as Draft | undefined)
  serviceKind.prepare?.(draft, before)
  return draft as unknown as Service
}

const PORTS = [{ port: 80 }]

test('a Service is defaulted as upstream does it, once and for all', () => {
  const plain = settled({ ports: PORTS })
  assert.deepEqual(plain.spec, {
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    sessionAffinity: 'None',
    type: 'ClusterIP',
    internalTrafficPolicy: 'Cluster',
  })
  const balanced = settled({ type: 'LoadBalancer', ports: PORTS, sessionAffinity: 'ClientIP' }).spec
  assert.equal(balanced.allocateLoadBalancerNodePorts, true)
  assert.equal(balanced.externalTrafficPolicy, 'Cluster')
  assert.deepEqual(balanced.sessionAffinityConfig, { clientIP: { timeoutSeconds: 10_800 } })
  assert.deepEqual(settled(balanced).spec, balanced)
  assert.equal(settled({ ports: PORTS, externalIPs: ['192.0.2.1'] }).spec.externalTrafficPolicy, 'Cluster')
})

test('empty is the same as left out where upstream cannot tell them apart', () => {
  const spec = {
    type: '',
    clusterIP: '',
    sessionAffinity: '',
    ports: [{ port: 80, protocol: '', name: '', nodePort: 0 }],
  }
  assert.deepEqual(settled(spec).spec, settled({ ports: PORTS }).spec)
})

const STORED = {
  type: 'NodePort',
  clusterIP: '10.96.0.9',
  clusterIPs: ['10.96.0.9'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
  ports: [{ port: 80, nodePort: 30_080 }],
}

test('an update keeps what it leaves out and drops what the new type cannot have', () => {
  const same = settled({ type: 'NodePort', ports: PORTS }, STORED).spec
  assert.deepEqual([same.clusterIP, same.clusterIPs, same.ports?.[0]?.nodePort], ['10.96.0.9', ['10.96.0.9'], 30_080])
  const inner = settled({ ...STORED, type: 'ClusterIP' }, STORED).spec
  assert.deepEqual(
    [inner.ports?.[0]?.nodePort, inner.externalTrafficPolicy, inner.clusterIP],
    [undefined, undefined, '10.96.0.9'],
  )
  const internal = { internalTrafficPolicy: 'Cluster' }
  const named = settled({ ...STORED, ...internal, type: 'ExternalName', externalName: 'a.b' }, STORED).spec
  assert.deepEqual(
    [named.clusterIP, named.clusterIPs, named.ipFamilies, named.ipFamilyPolicy, named.internalTrafficPolicy],
    [undefined, undefined, undefined, undefined, undefined],
  )
})
