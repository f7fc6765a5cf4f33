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

/** What is wrong with the metadata or the status of a Service with a good spec. */
function problemsOf(change: object): readonly string[] {
  const service = { ...settled({ type: 'LoadBalancer', ports: PORTS }), ...change } as Service
  return (serviceKind.validate?.(service, undefined) ?? []).map(fieldErrorText)
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
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
    [
      { type: 'LoadBalancer', ports: PORTS, loadBalancerSourceRanges: ['10.0.0.0/40'] },
      'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/40": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
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
      { type: 'LoadBalancer', ports: PORTS, externalTrafficPolicy: 'Local', healthCheckNodePort: 70_000 },
      'spec.healthCheckNodePort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      { type: 'NodePort', ports: PORTS, externalTrafficPolicy: 'Odd' },
      'spec.externalTrafficPolicy: Unsupported value: "Odd": supported values: "Cluster", "Local"',
    ],
    [
      { type: 'Odd', ports: PORTS },
      'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    [
      { ports: PORTS, sessionAffinity: 'Odd' },
      'spec.sessionAffinity: Unsupported value: "Odd": supported values: "ClientIP", "None"',
    ],
    [
      { ports: PORTS, sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } },
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400',
    ],
    [
      { ports: [{ port: 80, name: 'A' }] },
      "spec.ports[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
    [
      { ports: [{ port: 80, targetPort: 70_000 }] },
      'spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      { ports: [{ port: 80, appProtocol: 'a/b/c' }] },
      "spec.ports[0].appProtocol: Invalid value: \"a/b/c\": a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    ],
    [
      { type: 'LoadBalancer', clusterIP: 'None', ports: PORTS },
      'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for LoadBalancer services',
    ],
    [
      { type: 'ExternalName', externalName: 'a.b', ipFamilies: ['IPv4'] },
      'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
    ],
    [
      { type: 'ExternalName', externalName: 'a.b', ipFamilyPolicy: 'SingleStack' },
      'spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services',
    ],
    [
      { type: 'ExternalName', externalName: 'A_b' },
      "spec.externalName: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
    [
      { ports: PORTS, clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.2'] },
      'spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`',
    ],
    [
      { ports: PORTS, clusterIP: 'None', clusterIPs: ['None', '10.0.0.1'] },
      'spec.clusterIPs: Invalid value: ["None","10.0.0.1"]: \'None\' must be the first and only value',
    ],
    [
      { ports: PORTS, clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1', 'fd00::1', '10.0.0.2'] },
      'spec.clusterIPs: Invalid value: ["10.0.0.1","fd00::1","10.0.0.2"]: may only hold up to 2 values',
    ],
    [
      { ports: PORTS, ipFamilies: ['IPv5'] },
      'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
    ],
    [
      { ports: PORTS, ipFamilyPolicy: 'Odd' },
      'spec.ipFamilyPolicy: Unsupported value: "Odd": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
    ],
    [
      { ports: PORTS, externalIPs: ['x'] },
      'spec.externalIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { ports: PORTS, externalIPs: ['0.0.0.0'] },
      'spec.externalIPs[0]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0 or ::)',
    ],
    [
      { ports: PORTS, externalIPs: ['fe80::1'] },
      'spec.externalIPs[0]: Invalid value: "fe80::1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    ],
    [
      { ports: PORTS, externalIPs: ['224.0.0.1'] },
      'spec.externalIPs[0]: Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    ],
    [
      { type: 'LoadBalancer', ports: PORTS, loadBalancerClass: '' },
      'spec.loadBalancerClass: Invalid value: "": name part must be non-empty',
    ],
    [
      { ports: PORTS, selector: { a: '-' } },
      "spec.selector: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
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

test('annotations and addresses of load balancers have rules too', () => {
  const annotated = (annotations: object) => problemsOf({ metadata: { name: 'web', annotations } })
  const ranges = 'service.beta.kubernetes.io/load-balancer-source-ranges'
  assert.deepEqual(annotated({ [ranges]: ' 10.0.0.0/8 , 10.1.0.0/40' }), [
    `metadata.annotations[${ranges}]: Invalid value: "10.1.0.0/40": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`,
  ])
  const [mode, hints] = ['service.kubernetes.io/topology-mode', 'service.kubernetes.io/topology-aware-hints']
  assert.deepEqual(annotated({ [mode]: 'Auto', [hints]: 'Disabled' }), [
    `metadata.annotations[${mode}]: Invalid value: "Auto": must match annotations[${hints}] when both are specified`,
  ])
  const balanced = (...ingress: readonly object[]) => problemsOf({ status: { loadBalancer: { ingress } } })
  const at = 'status.loadBalancer.ingress[0]'
  assert.deepEqual(balanced({ ip: 'x', ipMode: 'VIP' }), [
    `${at}.ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`,
  ])
  assert.deepEqual(balanced({ ip: '192.0.2.1' }), [
    `${at}.ipMode: Required value: must be specified when \`ip\` is set`,
  ])
  assert.deepEqual(balanced({ ipMode: 'VIP' }), [
    `${at}.ipMode: Forbidden: may not be specified when \`ip\` is not set`,
  ])
  assert.deepEqual(balanced({ ip: '192.0.2.1', ipMode: 'Odd' }), [
    `${at}.ipMode: Unsupported value: "Odd": supported values: "Proxy", "VIP"`,
  ])
  assert.deepEqual(balanced({ hostname: '192.0.2.1' }), [
    `${at}.hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address`,
  ])
  const inner = { ...settled({ ports: PORTS }), status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } }
  assert.deepEqual((serviceKind.validate?.(inner as Service, undefined) ?? []).map(fieldErrorText), [
    'status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "LoadBalancer"',
  ])
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

test('a headless Service with fields that mean nothing is taken with a warning', () => {
  const headless = settled({ clusterIP: 'None', ports: PORTS, externalIPs: ['192.0.2.1'], sessionAffinity: 'ClientIP' })
  assert.deepEqual(serviceKind.warnings?.(headless), [
    'spec.externalIPs is ignored when spec.clusterIP is "None"',
    'spec.SessionAffinity is ignored when spec.clusterIP is "None"',
  ])
  assert.deepEqual(serviceKind.warnings?.(settled({ ports: PORTS })), [])
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
    [{ ...local, healthCheckNodePort: 30_002 }, local, 'spec.healthCheckNodePort: Forbidden: field is immutable'],
    [
      { ...dual, ipFamilies: ['IPv4'] },
      dual,
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": must be set to \'SingleStack\' when releasing the secondary ipFamily',
    ],
    [
      { ...dual, ipFamilies: ['IPv4', 'IPv4'] },
      dual,
      'spec.ipFamilies[0]: Invalid value: ["IPv4","IPv4"]: may not change once set',
    ],
    [
      { ...STORED, clusterIP: 'None', clusterIPs: ['None'] },
      STORED,
      'spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set',
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
