import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainName, type NamedObjects, zoneOfObjects } from './explain-name.ts'
import { DEFAULT_ZONE_OPTIONS } from './zone/name-record.ts'

const service = (name: string, spec: object) => ({
  apiVersion: 'v1' as const,
  kind: 'Service' as const,
  metadata: { name, namespace: 'shop' },
  spec: { ports: [{ name: 'http', port: 80, protocol: 'TCP' as const }], ...spec },
})
const OBJECTS: NamedObjects = {
  namespaces: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }],
  services: [
    service('web', { type: 'ClusterIP', clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'] }),
    service('empty', { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'] }),
    service('out', { type: 'ExternalName', externalName: 'www.example.com' }),
  ],
  endpointSlices: [],
  pods: [],
}
const settings = {
  ...DEFAULT_ZONE_OPTIONS,
  zones: ['cluster.local', 'in-addr.arpa'],
  fallthrough: ['in-addr.arpa'],
  localAddresses: [],
}
const zone = zoneOfObjects(OBJECTS, settings)
const resolver = { searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local'], options: ['ndots:5'] }

/** Each name with what its questions hear. */
const path = (name: string, forwards: readonly string[] = [], options = resolver.options) =>
  explainName({ zone, forwards }, { ...resolver, options }, name).steps.map(
    (step) => `${step.name}: ${step.questions.map(({ verdict }) => verdict).join(', ')}`,
  )

test('the way of a name: who is asked for what, what is heard, and which object says so', () => {
  assert.deepEqual(path('web'), ['web.shop.svc.cluster.local: records, no data'])
  const { steps, addresses } = explainName({ zone, forwards: [] }, resolver, 'web')
  assert.deepEqual(addresses, ['10.96.0.5'])
  const [question] = steps[0]?.questions ?? []
  assert.deepEqual(
    [question?.type, question?.rcode, question?.answeredBy, question?.objects],
    ['A', 'NOERROR', 'kubernetes', ['service/shop/web']],
  )
  assert.deepEqual(path('web.shop'), [
    'web.shop.shop.svc.cluster.local: no such name, no such name',
    'web.shop.svc.cluster.local: records, no data',
  ])
  assert.deepEqual(path('web.shop.svc.cluster.local.'), ['web.shop.svc.cluster.local: records, no data'])
})

test('names elsewhere, aliases that lead there, and names of nobody', () => {
  assert.deepEqual(path('example.com', ['']).at(-1), 'example.com: asked elsewhere, asked elsewhere')
  assert.equal(path('example.com', ['']).length, 4)
  assert.deepEqual(path('example.com').at(-1), 'example.com: nobody, nobody')
  assert.deepEqual(path('out'), ['out.shop.svc.cluster.local: alias elsewhere, alias elsewhere'])
  assert.deepEqual(path('a.b.c', [''], []), ['a.b.c: asked elsewhere, asked elsewhere'], 'ndots 1')
  assert.deepEqual(path('empty').slice(0, 1), ['empty.shop.svc.cluster.local: no such name, no such name'])
})
