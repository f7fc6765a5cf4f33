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
  PORTS,
  remove,
  SERVICES,
  type UpdateRule,
} from './service-rules.test-kit.ts'

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const NOT_EXTERNAL = 'Forbidden: may not be set for ExternalName services'
const MODE = 'service.kubernetes.io/topology-mode'
const HINTS = 'service.kubernetes.io/topology-aware-hints'
const EXTERNAL = { type: 'ExternalName', externalName: 'example.com' }

const RULES: readonly CreateRule[] = [
  [
    'an unknown type',
    { type: 'Odd' },
    [
      [
        'NotSupported',
        'spec.type',
        'Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
      ],
    ],
  ],
  [
    'a headless load balancer',
    { type: 'LoadBalancer', clusterIP: 'None' },
    [['Invalid', 'spec.clusterIPs[0]', `Invalid value: "None": may not be set to 'None' for LoadBalancer services`]],
  ],
  [
    'headless with node ports',
    { type: 'NodePort', clusterIP: 'None' },
    [['Invalid', 'spec.clusterIPs[0]', `Invalid value: "None": may not be set to 'None' for NodePort services`]],
  ],
  ['no external name', { type: 'ExternalName' }, [['Required', 'spec.externalName', 'Required value']]],
  ['only a dot', { type: 'ExternalName', externalName: '.' }, [['Required', 'spec.externalName', 'Required value']]],
  [
    'an external name that is none',
    { type: 'ExternalName', externalName: 'A_b' },
    [['Invalid', 'spec.externalName', `Invalid value: "A_b": ${SUBDOMAIN}`]],
  ],
  [
    'an external name with an address',
    { ...EXTERNAL, clusterIP: '10.96.0.9' },
    [['Forbidden', 'spec.clusterIPs', NOT_EXTERNAL]],
  ],
  ['a headless external name', { ...EXTERNAL, clusterIP: 'None' }, [['Forbidden', 'spec.clusterIPs', NOT_EXTERNAL]]],
  [
    'an external name with families',
    { ...EXTERNAL, ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' },
    [
      ['Forbidden', 'spec.ipFamilies', NOT_EXTERNAL],
      ['Forbidden', 'spec.ipFamilyPolicy', NOT_EXTERNAL],
    ],
  ],
  ['a selector', { selector: { a: '-' } }, [['Invalid', 'spec.selector', `Invalid value: "-": ${VALUE}`]]],
]

const CHANGES: readonly UpdateRule[] = [
  [
    'to an external name, with another address',
    { clusterIP: '10.96.0.9' },
    { ...EXTERNAL, clusterIP: '10.96.0.8', clusterIPs: ['10.96.0.8'] },
    [['Forbidden', 'spec.clusterIPs', NOT_EXTERNAL]],
  ],
  [
    'to an external name, with other families',
    {},
    { ...EXTERNAL, ipFamilies: ['IPv6'], ipFamilyPolicy: 'PreferDualStack' },
    [
      ['Forbidden', 'spec.ipFamilies', NOT_EXTERNAL],
      ['Forbidden', 'spec.ipFamilyPolicy', NOT_EXTERNAL],
    ],
  ],
  [
    'from a balancer, with another health check port',
    { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_300 },
    { type: 'NodePort', healthCheckNodePort: 30_301 },
    [
      [
        'Invalid',
        'spec.healthCheckNodePort',
        "Invalid value: 30301: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      ],
    ],
  ],
  [
    'from a balancer, with another class',
    { type: 'LoadBalancer', loadBalancerClass: 'example.com/a' },
    { type: 'NodePort', loadBalancerClass: 'example.com/b' },
    [
      ['Forbidden', 'spec.loadBalancerClass', "Forbidden: may only be used when `type` is 'LoadBalancer'"],
      ['Forbidden', 'spec.loadBalancerClass', "Forbidden: may only be used when `type` is 'LoadBalancer'"],
    ],
  ],
  [
    'from a balancer, told otherwise about node ports',
    { type: 'LoadBalancer' },
    { type: 'NodePort', allocateLoadBalancerNodePorts: false },
    [['Forbidden', 'spec.allocateLoadBalancerNodePorts', "Forbidden: may only be used when `type` is 'LoadBalancer'"]],
  ],
  [
    'from node ports, with another policy',
    { type: 'NodePort' },
    { type: 'ClusterIP', externalTrafficPolicy: 'Local' },
    [
      [
        'Invalid',
        'spec.externalTrafficPolicy',
        'Invalid value: "Local": may only be set for externally-accessible services',
      ],
    ],
  ],
  [
    'from an external name, without ports',
    { ...EXTERNAL, ports: [] },
    { type: 'ClusterIP' },
    [['Required', 'spec.ports', 'Required value']],
  ],
]

describe('types of Services', () => {
  let bench: TestBench
  before(async () => {
    bench = await openDualStack()
  })
  after(() => bench[Symbol.asyncDispose]())

  it('are refused, each with its reason', () => checkCreateRules(bench, RULES))
  it('are not changed to what is refused', () => checkUpdateRules(bench, CHANGES))

  it('may be named as hosts are, also with a digit first', async () => {
    const named = (name: string) => bench.call('POST', `${SERVICES}?dryRun=All`, manifest({}, { name }))
    assert.equal((await named('1st')).status, 201)
    const refused = async (name: string) => (await named(name)).body.details.causes
    const cause = (message: string) => [{ reason: 'FieldValueInvalid', field: 'metadata.name', message }]
    assert.deepEqual(await refused('a.b'), cause('Invalid value: "a.b": must not contain dots'))
    assert.deepEqual(await refused('A'), cause(`Invalid value: "A": ${LABEL}`))
    const long = 'a'.repeat(64)
    assert.deepEqual(await refused(long), cause(`Invalid value: "${long}": must be no more than 63 characters`))
  })

  it('have one topology annotation, or two that say the same', async () => {
    const answer = await bench.call(
      'POST',
      SERVICES,
      manifest({}, { annotations: { [MODE]: 'Auto', [HINTS]: 'Disabled' } }),
    )
    assert.deepEqual(causesOf(answer), [
      [
        'Invalid',
        `metadata.annotations[${MODE}]`,
        `Invalid value: "Auto": must match annotations[${HINTS}] when both are specified`,
      ],
    ])
    await create(bench, {}, { annotations: { [MODE]: 'Auto', [HINTS]: 'Auto' } })
    await remove(bench)
  })

  const full = {
    ClusterIP: { type: 'ClusterIP', clusterIP: '10.96.0.9' },
    NodePort: { type: 'NodePort', clusterIP: '10.96.0.9', ports: [{ port: 80, nodePort: 30_400 }] },
    LoadBalancer: {
      type: 'LoadBalancer',
      clusterIP: '10.96.0.9',
      loadBalancerClass: 'example.com/a',
      externalTrafficPolicy: 'Local',
      healthCheckNodePort: 30_401,
      ports: [{ port: 80, nodePort: 30_400 }],
    },
    ExternalName: { ...EXTERNAL, ports: PORTS },
  }
  const fields = {
    ClusterIP: ['clusterIP', 'ipFamilies', 'ipFamilyPolicy'],
    NodePort: ['clusterIP', 'ipFamilies', 'ipFamilyPolicy', 'externalTrafficPolicy'],
    LoadBalancer: [
      'allocateLoadBalancerNodePorts',
      'clusterIP',
      'externalTrafficPolicy',
      'healthCheckNodePort',
      'ipFamilies',
      'ipFamilyPolicy',
      'loadBalancerClass',
    ],
    ExternalName: [],
  }
  type Type = keyof typeof full
  const types = Object.keys(full) as Type[]
  for (const from of types) {
    for (const to of types.filter((type) => type !== from)) {
      it(`change from ${from} to ${to} by the type alone, and lose what no longer applies`, async () => {
        const first = (await create(bench, full[from])).spec
        const { spec } = await change(bench, { type: to, externalName: to === 'ExternalName' ? 'example.com' : null })
        const kept = Object.keys(spec).filter((field) => fields.LoadBalancer.includes(field))
        const expected = new Set<string>(fields[to])
        // A balancer that was none before is of no class, and checks no health of its own unless it was Local.
        if (to === 'LoadBalancer')
          for (const field of ['loadBalancerClass', 'healthCheckNodePort']) expected.delete(field)
        assert.deepEqual(kept.toSorted(), [...expected].toSorted())
        assert.equal(spec.ports[0]!.nodePort !== undefined, to === 'NodePort' || to === 'LoadBalancer')
        if (from !== 'ExternalName' && to !== 'ExternalName') assert.equal(spec.clusterIP, first.clusterIP)
        if (from === 'NodePort' && to === 'LoadBalancer') assert.equal(spec.ports[0]!.nodePort, 30_400)
        if (from === 'LoadBalancer' && to === 'NodePort') assert.equal(spec.externalTrafficPolicy, 'Local')
        await remove(bench)
        const free = await create(bench, { ...full.LoadBalancer })
        assert.equal(free.spec.healthCheckNodePort, 30_401)
        await remove(bench)
      })
    }
  }

  it('lose the state of their load balancer with it', async () => {
    await create(bench, { type: 'LoadBalancer' })
    const status = { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } }
    const patch = { status }
    const written = await bench.call('PATCH', `${SERVICES}/web/status`, patch, 'application/merge-patch+json')
    assert.deepEqual(written.body.status.loadBalancer.ingress, [{ ip: '203.0.113.7', ipMode: 'VIP' }])
    assert.deepEqual((await change(bench, { type: 'NodePort' })).status, { loadBalancer: {} })
    await remove(bench)
  })
})
