import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KeptFields } from './kept-fields.ts'
import { planService } from './plan-service.ts'
import { aService, aSlice } from './test-objects.ts'

const NODE = { name: 'a', addresses: ['192.168.0.1'], podCidrs: ['10.244.0.0/24'] }

test('what is kept leads to the same plan, and little else is', () => {
  const kept = new KeptFields()
  const lb = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', sessionAffinity: 'ClientIP' } as const
  const plain = aService('web', { clusterIP: '10.96.0.1', ...lb, selector: { app: 'web' }, labels: { app: 'web' } })
  const service = {
    ...plain,
    metadata: {
      ...plain.metadata,
      annotations: { 'fairlead.dev/load-balancing': 'maglev', 'example.com/note': 'x'.repeat(1000) },
      managedFields: [],
    },
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } },
  }
  const slice = aSlice('web', [
    { ip: '10.244.0.2', node: 'a' },
    { ip: '10.244.1.2', node: 'b', ready: false },
  ])
  const [small, smallSlice] = [kept.service(service), kept.slice(slice)]
  assert.deepEqual(planService(small, [smallSlice], NODE), planService(service, [slice], NODE))
  assert.deepEqual(small.metadata.annotations, { 'fairlead.dev/load-balancing': 'maglev' })
  assert.equal(small.metadata.labels, undefined)
  assert.ok(!('selector' in small.spec) && !('managedFields' in small.metadata))
  assert.equal(kept.slice(aSlice('web', ['10.244.0.3'], 'y')).ports, smallSlice.ports, 'equal ports are one object')
})
