import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { encodeObject } from '../object-bytes.ts'
import type { TestBench } from '../test-bench.ts'
import { manifest, openDualStack, SERVICES } from './service-rules.test-kit.ts'

const HINTS = 'service.kubernetes.io/topology-aware-hints'
const EXTERNAL_IPS = 'spec.externalIPs is deprecated and may no longer be implemented in some clusters'

const WARNINGS: readonly (readonly [name: string, spec: object, warnings: readonly string[]])[] = [
  ['nothing', {}, []],
  [
    'headless, with what means nothing',
    { clusterIP: 'None', loadBalancerIP: '203.0.113.9', externalIPs: ['192.0.2.1'], sessionAffinity: 'ClientIP' },
    [
      'spec.loadBalancerIP is ignored for headless services',
      'spec.externalIPs is ignored for headless services',
      'spec.SessionAffinity is ignored for headless services',
    ],
  ],
  ['external addresses', { externalIPs: ['192.0.2.1'] }, [EXTERNAL_IPS]],
  [
    'an external address in capitals',
    { externalIPs: ['2001:DB8::1'] },
    [
      'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
      EXTERNAL_IPS,
    ],
  ],
  [
    'an address with zeros',
    { clusterIP: 'fd00:10:96:0::9', ipFamilies: ['IPv6'] },
    ['spec.clusterIPs[0]: IPv6 address "fd00:10:96:0::9" should be in RFC 5952 canonical format ("fd00:10:96::9")'],
  ],
  [
    'a wish for an address that is odd',
    { type: 'LoadBalancer', loadBalancerIP: '203.0.113.009' },
    ['spec.loadBalancerIP: non-standard IP address "203.0.113.009" is invalid: use "203.0.113.9"'],
  ],
  [
    'a range in capitals',
    { type: 'LoadBalancer', loadBalancerSourceRanges: ['2001:DB8::/32'] },
    [
      'spec.loadBalancerSourceRanges[0]: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")',
    ],
  ],
  [
    'external addresses of an external name',
    { type: 'ExternalName', externalName: 'a.b', externalIPs: ['192.0.2.1'] },
    ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
  ],
  [
    'an external name of another type',
    { externalName: 'a.b' },
    ['spec.externalName is ignored when spec.type is not "ExternalName"'],
  ],
  [
    'the old name of a distribution',
    { trafficDistribution: 'PreferClose' },
    ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
  ],
]

describe('warnings about a Service', () => {
  let bench: TestBench
  before(async () => {
    bench = await openDualStack()
  })
  after(() => bench[Symbol.asyncDispose]())

  async function warningsOf(method: 'POST' | 'PUT', path: string, body: object): Promise<readonly string[]> {
    const answer = await bench.transport.request({
      method,
      path: `${path}?dryRun=All`,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const chunks: Uint8Array[] = []
    for await (const chunk of answer.body) chunks.push(chunk)
    assert.ok(answer.status < 300, Buffer.concat(chunks).toString())
    const given = answer.headers.warning
    return (given?.split(/, (?=299 - )/) ?? []).map((line) => JSON.parse(line.replace(/^299 - /, '')))
  }

  for (const [name, spec, warnings] of WARNINGS) {
    it(`say what is odd about it: ${name}`, async () => {
      assert.deepEqual(await warningsOf('POST', SERVICES, manifest(spec)), warnings)
    })
  }

  it('name the annotation that is old', async () => {
    assert.deepEqual(await warningsOf('POST', SERVICES, manifest({}, { annotations: { [HINTS]: 'Auto' } })), [
      `annotation ${HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead`,
    ])
  })

  it('come with what older versions took, which stays', async () => {
    const spec = {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.009',
      clusterIPs: ['10.96.0.009'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None',
      externalIPs: ['::ffff:192.0.2.1'],
      externalTrafficPolicy: 'Cluster',
      loadBalancerSourceRanges: ['10.0.0.1/8', '10.0.0.0/08'],
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80, nodePort: 30_800 }],
    }
    const metadata = { name: 'old', namespace: 'default', uid: 'u', creationTimestamp: '2020-01-01T00:00:00Z' }
    const value = encodeObject({ kind: 'Service', apiVersion: 'v1', metadata, spec, status: { loadBalancer: {} } })
    await bench.store.transact([], [{ type: 'put', key: '/registry/core/services/default/old', value }])
    const stored = await bench.call('GET', `${SERVICES}/old`)
    assert.equal(stored.status, 200)
    const body = { ...stored.body, metadata: { ...stored.body.metadata, labels: { a: 'b' } } }
    assert.deepEqual(await warningsOf('PUT', `${SERVICES}/old`, body), [
      'spec.clusterIPs[0]: non-standard IP address "10.96.0.009" is invalid: use "10.96.0.9"',
      'spec.externalIPs[0]: non-standard IP address "::ffff:192.0.2.1" is invalid: use "192.0.2.1"',
      EXTERNAL_IPS,
      'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
      'spec.loadBalancerSourceRanges[1]: non-standard CIDR value "10.0.0.0/08" is invalid: use "10.0.0.0/8"',
    ])
  })
})
