import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { TestBench } from '../test-bench.ts'
import {
  type CreateRule,
  causesOf,
  change,
  checkCreateRules,
  checkUpdateRules,
  create,
  manifest,
  openDualStack,
  remove,
  replace,
  SERVICES,
  type UpdateRule,
} from './service-rules.test-kit.ts'

const ONLY = "Forbidden: may only be used when `type` is 'LoadBalancer'"
const NO_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
const QUALIFIED =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges'
const BALANCER = { type: 'LoadBalancer' }
const LOCAL = { ...BALANCER, externalTrafficPolicy: 'Local' }

const affinity = (timeoutSeconds: unknown) => ({
  sessionAffinity: 'ClientIP',
  sessionAffinityConfig: { clientIP: { timeoutSeconds } },
})
const timeout = (shown: number) =>
  [
    'Invalid',
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
    `Invalid value: ${shown}: must be greater than 0 and less than 86400`,
  ] as const

const RULES: readonly CreateRule[] = [
  [
    'session affinity',
    { sessionAffinity: 'Odd' },
    [['NotSupported', 'spec.sessionAffinity', 'Unsupported value: "Odd": supported values: "ClientIP", "None"']],
  ],
  ['no time of affinity', affinity(0), [timeout(0)]],
  ['less than none', affinity(-1), [timeout(-1)]],
  ['more than a day', affinity(86_401), [timeout(86_401)]],
  [
    'external policy of an inner Service',
    { externalTrafficPolicy: 'Local' },
    [
      [
        'Invalid',
        'spec.externalTrafficPolicy',
        'Invalid value: "Local": may only be set for externally-accessible services',
      ],
    ],
  ],
  [
    'unknown external policy',
    { type: 'NodePort', externalTrafficPolicy: 'Odd' },
    [['NotSupported', 'spec.externalTrafficPolicy', 'Unsupported value: "Odd": supported values: "Cluster", "Local"']],
  ],
  [
    'unknown internal policy',
    { internalTrafficPolicy: 'Odd' },
    [['NotSupported', 'spec.internalTrafficPolicy', 'Unsupported value: "Odd": supported values: "Cluster", "Local"']],
  ],
  [
    'empty internal policy',
    { internalTrafficPolicy: '' },
    [['NotSupported', 'spec.internalTrafficPolicy', 'Unsupported value: "": supported values: "Cluster", "Local"']],
  ],
  [
    'unknown distribution',
    { trafficDistribution: 'Far' },
    [
      [
        'NotSupported',
        'spec.trafficDistribution',
        'Unsupported value: "Far": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
      ],
    ],
  ],
  [
    'health check port without need',
    { ...BALANCER, healthCheckNodePort: 30_500 },
    [
      [
        'Invalid',
        'spec.healthCheckNodePort',
        "Invalid value: 30500: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ],
    ],
  ],
  [
    'node ports of balancers, of none',
    { allocateLoadBalancerNodePorts: true },
    [['Forbidden', 'spec.allocateLoadBalancerNodePorts', ONLY]],
  ],
  ['class of none', { loadBalancerClass: 'a/b' }, [['Forbidden', 'spec.loadBalancerClass', ONLY]]],
  [
    'class',
    { ...BALANCER, loadBalancerClass: 'a b' },
    [['Invalid', 'spec.loadBalancerClass', `Invalid value: "a b": ${QUALIFIED}`]],
  ],
  [
    'source ranges of none',
    { loadBalancerSourceRanges: ['10.0.0.0/8'] },
    [['Forbidden', 'spec.LoadBalancerSourceRanges', ONLY]],
  ],
  [
    'source ranges',
    {
      ...BALANCER,
      loadBalancerSourceRanges: ['x', '10.0.0.0/33', '10.0.0.1/8', '010.0.0.0/8', '10.0.0.0/08', '::ffff:10.0.0.0/104'],
    },
    [
      ['Invalid', 'spec.LoadBalancerSourceRanges[0]', `Invalid value: "x": ${NO_CIDR}`],
      ['Invalid', 'spec.LoadBalancerSourceRanges[1]', `Invalid value: "10.0.0.0/33": ${NO_CIDR}`],
      [
        'Invalid',
        'spec.LoadBalancerSourceRanges[2]',
        'Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
      ],
      [
        'Invalid',
        'spec.LoadBalancerSourceRanges[3]',
        'Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length',
      ],
      [
        'Invalid',
        'spec.LoadBalancerSourceRanges[4]',
        'Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length',
      ],
      [
        'Invalid',
        'spec.LoadBalancerSourceRanges[5]',
        'Invalid value: "::ffff:10.0.0.0/104": must not have an IPv4-mapped IPv6 address',
      ],
    ],
  ],
]

const CHANGES: readonly UpdateRule[] = [
  [
    'health check port',
    { ...LOCAL, healthCheckNodePort: 30_501 },
    { healthCheckNodePort: 30_502 },
    [['Forbidden', 'spec.healthCheckNodePort', 'Forbidden: field is immutable']],
  ],
  [
    'class',
    { ...BALANCER, loadBalancerClass: 'example.com/a' },
    { loadBalancerClass: 'example.com/b' },
    [['Invalid', 'spec.loadBalancerClass', 'Invalid value: "example.com/b": may not change once set']],
  ],
  [
    'class given later',
    BALANCER,
    { loadBalancerClass: 'example.com/b' },
    [['Invalid', 'spec.loadBalancerClass', 'Invalid value: "example.com/b": may not change once set']],
  ],
  [
    'class taken away',
    { ...BALANCER, loadBalancerClass: 'example.com/a' },
    { loadBalancerClass: undefined },
    [['Invalid', 'spec.loadBalancerClass', 'Invalid value: null: may not change once set']],
  ],
]

describe('traffic of a Service', () => {
  let bench: TestBench
  before(async () => {
    bench = await openDualStack()
    const other = manifest({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_600 }] }, { name: 'other' })
    assert.equal((await bench.call('POST', SERVICES, other)).status, 201)
  })
  after(() => bench[Symbol.asyncDispose]())

  it('is refused, each with its reason', () => checkCreateRules(bench, RULES))
  it('is not changed to what is refused', () => checkUpdateRules(bench, CHANGES))

  it('comes from ranges that an annotation names, too', async () => {
    const annotated = (ranges: string, spec: object) =>
      bench.call('POST', `${SERVICES}?dryRun=All`, manifest(spec, { annotations: { [RANGES]: ranges } }))
    const field = `metadata.annotations[${RANGES}]`
    assert.deepEqual(causesOf(await annotated(' 10.0.0.0/8 , 10.1.0.0/40', BALANCER)), [
      ['Invalid', field, `Invalid value: "10.1.0.0/40": ${NO_CIDR}`],
    ])
    assert.deepEqual(causesOf(await annotated('10.0.0.0/8', {})), [['Forbidden', field, ONLY]])
    assert.equal((await annotated('  ', BALANCER)).status, 201)
    assert.equal((await annotated(' 10.0.0.0/8 ,10.1.0.0/16 ', BALANCER)).status, 201)
  })

  it('is checked by a port of its own as long as it must be, which nobody else gets', async () => {
    const { spec } = await create(bench, LOCAL)
    assert.ok(spec.healthCheckNodePort >= 30_086 && spec.healthCheckNodePort <= 32_767)
    assert.equal((await replace(bench, LOCAL)).spec.healthCheckNodePort, spec.healthCheckNodePort)
    const second = manifest({ ...LOCAL, healthCheckNodePort: spec.healthCheckNodePort }, { name: 'second' })
    const taken = await bench.call('POST', SERVICES, second)
    const why = `failed to allocate requested HealthCheck NodePort ${spec.healthCheckNodePort}: provided port is already allocated`
    assert.deepEqual(
      [taken.status, taken.body.reason, taken.body.message],
      [500, 'InternalError', `Internal error occurred: ${why}`],
    )
    assert.equal((await change(bench, { externalTrafficPolicy: 'Cluster' })).spec.healthCheckNodePort, undefined)
    assert.equal((await bench.call('POST', SERVICES, second)).status, 201)
    assert.equal((await bench.call('DELETE', `${SERVICES}/second`)).status, 200)
    await remove(bench)
  })

  it('reaches balancers without node ports, and those that were asked for', async () => {
    const none = { ...BALANCER, allocateLoadBalancerNodePorts: false }
    const ports = [
      { name: 'a', port: 80 },
      { name: 'b', port: 81, nodePort: 30_700 },
    ]
    const made = (await create(bench, { ...none, ports })).spec.ports
    assert.deepEqual(
      made.map((port: { nodePort?: number }) => port.nodePort),
      [undefined, 30_700],
    )
    const all = (await change(bench, { allocateLoadBalancerNodePorts: true })).spec.ports
    assert.ok(all[0]!.nodePort >= 30_000)
    const kept = (await change(bench, { allocateLoadBalancerNodePorts: false })).spec.ports
    assert.deepEqual(kept, all)
    await remove(bench)
  })

  it('has the defaults of upstream', async () => {
    const plain = (await create(bench, {})).spec
    const { clusterIP, clusterIPs, ...rest } = plain
    assert.deepEqual(rest, {
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
      type: 'ClusterIP',
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      internalTrafficPolicy: 'Cluster',
    })
    assert.deepEqual(clusterIPs, [clusterIP])
    await remove(bench)
    const defaults: readonly (readonly [object, object])[] = [
      [{ type: 'NodePort' }, { externalTrafficPolicy: 'Cluster' }],
      [{ externalIPs: ['192.0.2.1'] }, { externalTrafficPolicy: 'Cluster' }],
      [BALANCER, { externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true }],
      [{ sessionAffinity: 'ClientIP' }, { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } } }],
      [{ sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, { sessionAffinityConfig: undefined }],
      [
        { type: 'ExternalName', externalName: 'a.b' },
        { internalTrafficPolicy: undefined, clusterIP: undefined },
      ],
    ]
    for (const [spec, expected] of defaults) {
      const made = (await create(bench, spec)).spec
      for (const [field, value] of Object.entries(expected)) assert.deepEqual(made[field], value, field)
      await remove(bench)
    }
  })

  it('is good in every way that is allowed', async () => {
    const good: readonly object[] = [
      { trafficDistribution: 'PreferSameNode', internalTrafficPolicy: 'Local' },
      { trafficDistribution: 'PreferSameZone' },
      { type: 'ExternalName', externalName: 'example.com.', selector: { a: 'b' }, sessionAffinity: 'ClientIP' },
      { ...BALANCER, loadBalancerSourceRanges: [' 10.0.0.0/8 '], loadBalancerIP: '203.0.113.9' },
      { ...affinity(86_400) },
      { externalIPs: ['192.0.2.1'], externalTrafficPolicy: 'Local' },
    ]
    for (const spec of good) {
      await create(bench, spec)
      await remove(bench)
    }
  })
})
