import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Draft } from '../kind.ts'
import type { Service } from '../types/core.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { serviceKind } from './service.ts'

function settled(spec: object, old?: object): Service {
  const draft: Draft = structuredClone({ metadata: { name: 'web' }, spec }) as Draft
  const before = old === undefined ? undefined : settled(old)
  serviceKind.default?.(draft)
  serviceKind.prepare?.(draft, before)
  return draft as unknown as Service
}

function problems(spec: object, old?: object): readonly string[] {
  const before = old === undefined ? undefined : settled(old)
  return (serviceKind.validate?.(settled(spec, old), before) ?? []).map(fieldErrorText)
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

test('each rule names its field and its reason', () => {
  const rules: readonly (readonly [object, string])[] = [
    [{}, 'spec.ports: Required value'],
    [{ ports: [{ port: 80 }, { port: 81 }] }, 'spec.ports[0].name: Required value'],
    [{ ports: [{ port: 0 }] }, 'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
    [
      { ports: [{ port: 80, targetPort: 'a_b' }] },
      'spec.ports[0].targetPort: Invalid value: "a_b": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
    [
      { ports: [{ port: 80, protocol: 'ICMP' }] },
      'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
    [
      {
        ports: [
          { port: 80, name: 'a' },
          { port: 80, name: 'b' },
        ],
      },
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
    ],
    [
      {
        ports: [
          { port: 80, name: 'a' },
          { port: 81, name: 'a' },
        ],
      },
      'spec.ports[1].name: Duplicate value: "a"',
    ],
    [
      { ports: [{ port: 80, nodePort: 30_000 }] },
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    ],
    [
      {
        type: 'NodePort',
        ports: [
          { name: 'a', port: 80, nodePort: 30_000 },
          { name: 'b', port: 81, nodePort: 30_000 },
        ],
      },
      'spec.ports[1].nodePort: Duplicate value: 30000',
    ],
    [
      { type: 'NodePort', clusterIP: 'None', ports: PORTS },
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services',
    ],
    [
      { type: 'LoadBalancer', ports: [{ port: 10_250 }] },
      'spec.ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet',
    ],
    [{ type: 'ExternalName' }, 'spec.externalName: Required value'],
    [
      { type: 'ExternalName', externalName: 'a.b', clusterIP: '10.0.0.1' },
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
    ],
    [
      { ports: PORTS, clusterIP: 'x' },
      'spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { ports: PORTS, clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1', '10.0.0.2'] },
      'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
    ],
    [
      { ports: PORTS, clusterIPs: ['10.0.0.1'] },
      'spec.clusterIPs: Invalid value: ["10.0.0.1"]: must be empty when `clusterIP` is not specified',
    ],
    [
      { ports: PORTS, clusterIP: '10.0.0.1', ipFamilies: ['IPv6'] },
      'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
    ],
    [{ ports: PORTS, ipFamilies: ['IPv4', 'IPv4'] }, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'],
    [
      { ports: PORTS, sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 0 } } },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400',
    ],
    [
      { ports: PORTS, externalIPs: ['127.0.0.1'] },
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
    [
      { ports: PORTS, loadBalancerClass: 'a/b' },
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      { ports: PORTS, allocateLoadBalancerNodePorts: false },
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      { ports: PORTS, loadBalancerSourceRanges: ['10.0.0.0/8'] },
      "spec.loadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      { type: 'LoadBalancer', ports: PORTS, loadBalancerSourceRanges: ['10.0.0.0/40'] },
      'spec.loadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/40": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
    [
      { ports: PORTS, externalTrafficPolicy: 'Local' },
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
    [
      { type: 'NodePort', ports: PORTS, healthCheckNodePort: 30_001 },
      "spec.healthCheckNodePort: Invalid value: 30001: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
    [
      { ports: PORTS, internalTrafficPolicy: 'Odd' },
      'spec.internalTrafficPolicy: Unsupported value: "Odd": supported values: "Cluster", "Local"',
    ],
    [
      { ports: PORTS, trafficDistribution: 'Far' },
      'spec.trafficDistribution: Unsupported value: "Far": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"',
    ],
  ]
  for (const [spec, expected] of rules)
    assert.ok(problems(spec).includes(expected), `${expected}\n got ${problems(spec).join('\n')}`)
})

test('good Services of every type are taken', () => {
  const good: readonly object[] = [
    { ports: PORTS },
    { clusterIP: 'None' },
    {
      clusterIP: 'None',
      ports: [
        { port: 53, protocol: 'UDP', name: 'u' },
        { port: 53, name: 't' },
      ],
    },
    { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080, targetPort: 'http', appProtocol: 'kubernetes.io/h2c' }] },
    { type: 'LoadBalancer', externalTrafficPolicy: 'Local', loadBalancerClass: 'example.com/x', ports: PORTS },
    { type: 'ExternalName', externalName: 'example.com.' },
    {
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9', 'fd00::9'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
      ports: PORTS,
    },
  ]
  for (const spec of good) assert.deepEqual(problems(spec), [], JSON.stringify(spec))
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
  assert.deepEqual(
    [same.clusterIP, same.clusterIPs, same.ipFamilies, same.ports?.[0]?.nodePort],
    ['10.96.0.9', ['10.96.0.9'], ['IPv4'], 30_080],
  )
  const inner = settled({ ...STORED, type: 'ClusterIP' }, STORED).spec
  assert.deepEqual(
    [inner.ports?.[0]?.nodePort, inner.externalTrafficPolicy, inner.clusterIP],
    [undefined, undefined, '10.96.0.9'],
  )
  const named = settled({ ...STORED, type: 'ExternalName', externalName: 'a.b' }, STORED).spec
  assert.deepEqual(
    [named.clusterIP, named.clusterIPs, named.ipFamilies, named.ipFamilyPolicy],
    [undefined, undefined, undefined, undefined],
  )
})

test('what may not change is refused', () => {
  const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_001, ports: PORTS }
  const dual = {
    ...STORED,
    clusterIPs: ['10.96.0.9', 'fd00::9'],
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'RequireDualStack',
  }
  const rules: readonly (readonly [object, object, string])[] = [
    [
      { ...STORED, clusterIP: '10.96.0.8' },
      STORED,
      'spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: may not change once set',
    ],
    [
      { ...STORED, ipFamilies: ['IPv6'] },
      STORED,
      'spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set',
    ],
    [
      { ...dual, clusterIPs: ['10.96.0.9'] },
      dual,
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to \'SingleStack\' when releasing the secondary clusterIP',
    ],
    [
      { ...local, healthCheckNodePort: 30_002 },
      local,
      'spec.healthCheckNodePort: Invalid value: 30002: cannot change healthCheckNodePort on loadBalancer service with externalTraffic=Local during update',
    ],
    [
      { ...local, loadBalancerClass: 'a/b' },
      local,
      'spec.loadBalancerClass: Invalid value: "a/b": may not change once set',
    ],
  ]
  for (const [spec, old, expected] of rules)
    assert.ok(problems(spec, old).includes(expected), `${expected}\n got ${problems(spec, old).join('\n')}`)
  assert.deepEqual(problems({ ...STORED, clusterIP: '10.96.0.8', type: 'ExternalName', externalName: 'a' }, STORED), [
    'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
  ])
})
