import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Draft, KindDefinition } from '../kind.ts'
import type { KubeObject } from '../types/meta.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { configMapKind } from './config-map.ts'
import { endpointSliceKind } from './endpoint-slice.ts'
import { endpointsKind } from './endpoints.ts'
import { ingressKind } from './ingress.ts'
import { ingressClassKind } from './ingress-class.ts'
import { ipAddressKind } from './ip-address.ts'
import { leaseKind } from './lease.ts'
import { networkPolicyKind } from './network-policy.ts'
import { nodeKind } from './node.ts'
import { secretKind } from './secret.ts'
import { serviceCidrKind } from './service-cidr.ts'

type Kind = KindDefinition<KubeObject>
/** A name, what is written, what was there before (if it is an update), and all that is said of it, in order. */
type Rule = readonly [name: string, body: object, old: object | undefined, texts: readonly string[]]

function settled(kind: Kind, body: object): Draft {
  const draft = structuredClone({ metadata: { name: 'x' }, ...body }) as Draft
  kind.default?.(draft)
  return draft
}

function check(kind: unknown, rules: readonly Rule[]): void {
  const definition = kind as Kind
  describe(`rules of ${definition.resource.kind}`, () => {
    for (const [name, body, old, texts] of rules) {
      it(name, () => {
        const before = old === undefined ? undefined : (settled(definition, old) as unknown as KubeObject)
        const object = settled(definition, body) as unknown as KubeObject
        assert.deepEqual((definition.validate?.(object, before) ?? []).map(fieldErrorText), texts)
      })
    }
  })
}

const NO_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
const NO_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'
const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const base64 = (text: string) => Buffer.from(text).toString('base64')

const ranges = (...cidrs: readonly string[]) => ({ spec: { cidrs } })
check(serviceCidrKind, [
  ['needs a range', ranges(), undefined, ['spec.cidrs: Required value: at least one CIDR required']],
  ['one', ranges('x'), undefined, [`spec.cidrs[0]: Invalid value: "x": ${NO_CIDR}`]],
  [
    'without host bits',
    ranges('10.0.0.1/24'),
    undefined,
    ['spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length'],
  ],
  [
    'canonical',
    ranges('FD00::/64'),
    undefined,
    ['spec.cidrs[0]: Invalid value: "FD00::/64": must be in canonical form ("fd00::/64")'],
  ],
  [
    'at most two',
    ranges('10.0.0.0/24', 'fd00::/64', '10.1.0.0/24'),
    undefined,
    ['spec.cidrs: Invalid value: {"CIDRs":["10.0.0.0/24","fd00::/64","10.1.0.0/24"]}: may only hold up to 2 values'],
  ],
  [
    'of two families',
    ranges('10.0.0.0/24', '10.1.0.0/24'),
    undefined,
    [
      'spec.cidrs: Invalid value: ["10.0.0.0/24","10.1.0.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  ],
  [
    'stays',
    ranges('10.1.0.0/24'),
    ranges('10.0.0.0/24'),
    ['spec.cidrs[0]: Invalid value: "10.1.0.0/24": field is immutable'],
  ],
  [
    'loses none',
    ranges('10.0.0.0/24'),
    ranges('10.0.0.0/24', 'fd00::/64'),
    ['spec.cidrs: Invalid value: ["10.0.0.0/24"]: field is immutable'],
  ],
  ['gets a second family', ranges('10.0.0.0/24', 'fd00::/64'), ranges('10.0.0.0/24'), []],
])

const parent = { resource: 'services', namespace: 'default', name: 'web' }
const address = (name: string, parentRef: object | undefined = parent) => ({ metadata: { name }, spec: { parentRef } })
check(ipAddressKind, [
  ['is an address', address('x'), undefined, [`metadata.name: Invalid value: "x": ${NO_IP}`]],
  [
    'canonical',
    address('FD00::1'),
    undefined,
    ['metadata.name: Invalid value: "FD00::1": must be in canonical form ("fd00::1")'],
  ],
  [
    'without leading zeros',
    address('10.0.0.01'),
    undefined,
    ['metadata.name: Invalid value: "10.0.0.01": must not have leading 0s'],
  ],
  ['has a parent', { metadata: { name: '10.0.0.1' }, spec: {} }, undefined, ['spec.parentRef: Required value']],
  [
    'that is named',
    address('10.0.0.1', {}),
    undefined,
    ['spec.parentRef.resource: Required value', 'spec.parentRef.name: Required value'],
  ],
  [
    'and stays',
    address('10.0.0.1', { ...parent, name: 'b' }),
    address('10.0.0.1'),
    ['spec.parentRef: Invalid value: {"resource":"services","namespace":"default","name":"b"}: field is immutable'],
  ],
])

const slice = (addressType: string, endpoint: object, ports: readonly object[] = []) => ({
  addressType,
  endpoints: [endpoint],
  ports,
})
const loopback = 'may not be in the loopback range (127.0.0.0/8, ::1/128)'
check(endpointSliceKind, [
  ['has a type', { endpoints: [] }, undefined, ['addressType: Required value']],
  [
    'a known one',
    { addressType: 'IPv5', endpoints: [] },
    undefined,
    ['addressType: Unsupported value: "IPv5": supported values: "FQDN", "IPv4", "IPv6"'],
  ],
  [
    'that stays',
    { addressType: 'IPv6', endpoints: [] },
    { addressType: 'IPv4', endpoints: [] },
    ['addressType: Invalid value: "IPv6": field is immutable'],
  ],
  [
    'has addresses',
    slice('IPv4', { addresses: [] }),
    undefined,
    ['endpoints[0].addresses: Required value: must contain at least 1 address'],
  ],
  [
    'of its type',
    slice('IPv4', { addresses: ['fd00::1', 'x', '127.0.0.1'] }),
    undefined,
    [
      'endpoints[0].addresses: Invalid value: "fd00::1": must be an IPv4 address',
      `endpoints[0].addresses[1]: Invalid value: "x": ${NO_IP}`,
      `endpoints[0].addresses[2]: Invalid value: "127.0.0.1": ${loopback}`,
    ],
  ],
  [
    'that are canonical, of IPv6',
    slice('IPv6', { addresses: ['FD00::1'] }),
    undefined,
    ['endpoints[0].addresses[0]: Invalid value: "FD00::1": must be in canonical form ("fd00::1")'],
  ],
  [
    'or domains',
    slice('FQDN', { addresses: ['host'] }),
    undefined,
    [
      'endpoints[0].addresses[0]: Invalid value: "host": should be a domain with at least two segments separated by dots',
    ],
  ],
  [
    'ports have distinct names',
    slice('IPv4', { addresses: ['10.0.0.1'] }, [
      { name: 'a', port: 1 },
      { name: 'a', port: 2, protocol: 'X' },
    ]),
    undefined,
    [
      'ports[1].name: Duplicate value: "a"',
      'ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
    ],
  ],
  [
    'hints name each zone once',
    slice('IPv4', { addresses: ['10.0.0.1'], hints: { forZones: [{ name: 'a' }, { name: 'a' }] } }),
    undefined,
    ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
  ],
  [
    'what was stored stays',
    slice('IPv4', { addresses: ['127.0.0.1'] }),
    slice('IPv4', { addresses: ['127.0.0.1'] }),
    [],
  ],
])

const subset = (part: object) => ({ subsets: [{ addresses: [{ ip: '10.0.0.1' }], ...part }] })
check(endpointsKind, [
  [
    'a subset has addresses',
    { subsets: [{}] },
    undefined,
    ['subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`'],
  ],
  [
    'that can be reached',
    subset({ notReadyAddresses: [{ ip: '127.0.0.1', hostname: 'A' }] }),
    undefined,
    [
      `subsets[0].notReadyAddresses[0].hostname: Invalid value: "A": ${LABEL}`,
      `subsets[0].notReadyAddresses[0].ip: Invalid value: "127.0.0.1": ${loopback}`,
    ],
  ],
  [
    'several ports have names',
    subset({ ports: [{ port: 0 }, { port: 1, name: 'b' }] }),
    undefined,
    [
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
    ],
  ],
])

const block = (ipBlock: object) => ({ spec: { podSelector: {}, ingress: [{ from: [{ ipBlock }] }] } })
const AT = 'spec.ingress[0].from[0].ipBlock'
check(networkPolicyKind, [
  ['a block has a range', block({ cidr: '' }), undefined, [`${AT}.cidr: Required value`]],
  [
    'read strictly',
    block({ cidr: '10.0.0.1/8' }),
    undefined,
    [`${AT}.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length`],
  ],
  ['but for what was there', block({ cidr: '10.0.0.1/8' }), block({ cidr: '10.0.0.1/8' }), []],
  [
    'exceptions are part of it',
    block({ cidr: '10.0.0.0/8', except: ['10.0.0.0/8', '11.0.0.0/16', '10.1.0.0/16'] }),
    undefined,
    [
      `${AT}.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of \`cidr\``,
      `${AT}.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of \`cidr\``,
    ],
  ],
  [
    'the last port is above the first',
    { spec: { podSelector: {}, ingress: [{ ports: [{ port: 80, endPort: 79 }, { endPort: 1 }] }] } },
    undefined,
    [
      'spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`',
      'spec.ingress[0].ports[1].endPort: Invalid value: 1: may not be specified when `port` is not specified',
    ],
  ],
])

const backend = { service: { name: 'web', port: { number: 80 } } }
check(ingressKind, [
  [
    'the annotation says what the field says',
    {
      metadata: { name: 'x', annotations: { 'kubernetes.io/ingress.class': 'a' } },
      spec: { ingressClassName: 'b', defaultBackend: backend },
    },
    undefined,
    [
      'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
    ],
  ],
  [
    'a Service may begin with a digit, a resource has a kind',
    {
      spec: {
        defaultBackend: { resource: { name: 'a' } },
        rules: [
          {
            http: {
              paths: [{ pathType: 'Exact', path: '/', backend: { service: { name: '1st', port: { number: 1 } } } }],
            },
          },
        ],
      },
    },
    undefined,
    ['spec.defaultBackend.resource.kind: Required value'],
  ],
])

check(ingressClassKind, [
  ['has a controller', { spec: {} }, undefined, ['spec.controller: Required value']],
  [
    'that stays',
    { spec: { controller: 'a.b/d' } },
    { spec: { controller: 'a.b/c' } },
    ['spec.controller: Invalid value: "a.b/d": field is immutable'],
  ],
])

check(leaseKind, [
  [
    'lasts',
    { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } },
    undefined,
    [
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
])

check(nodeKind, [
  [
    'taints have an effect, each once',
    {
      spec: {
        taints: [
          { key: 'a', effect: 'NoSchedule' },
          { key: 'a', effect: 'NoSchedule' },
          { key: 'b', effect: 'Odd' },
          { key: 'c' },
        ],
      },
    },
    undefined,
    [
      'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: taints must be unique by key and effect pair',
      'metadata.taints[2].effect: Unsupported value: "Odd": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      'metadata.taints[3].effect: Required value',
    ],
  ],
  [
    'its ranges and its provider stay',
    { spec: { podCIDRs: ['10.1.0.0/24'], providerID: 'b' } },
    { spec: { podCIDRs: ['10.0.0.0/24'], providerID: 'a' } },
    [
      'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
      'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    ],
  ],
])

const secret = (type: string, data: object = {}) => ({ type, data })
check(secretKind, [
  [
    'for an account',
    secret('kubernetes.io/service-account-token'),
    undefined,
    ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
  ],
  [
    'basic',
    secret('kubernetes.io/basic-auth'),
    undefined,
    ['data[username]: Required value', 'data[password]: Required value'],
  ],
  ['ssh', secret('kubernetes.io/ssh-auth'), undefined, ['data[ssh-privatekey]: Required value']],
  ['tls', secret('kubernetes.io/tls'), undefined, ['data[tls.crt]: Required value', 'data[tls.key]: Required value']],
  [
    'docker',
    secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64('abc') }),
    undefined,
    [
      `data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character 'a' looking for beginning of value`,
    ],
  ],
  ['of a type that stays', secret('b'), secret('a'), ['type: Invalid value: "b": field is immutable']],
])

check(configMapKind, [
  [
    'does not change when it is immutable',
    { data: { a: '2' } },
    { data: { a: '1' }, immutable: true },
    [
      'immutable: Forbidden: field is immutable when `immutable` is set',
      'data: Forbidden: field is immutable when `immutable` is set',
    ],
  ],
  [
    'has a limit, of what it holds',
    { data: { a: 'x'.repeat(1024 * 1024) }, binaryData: { b: base64('x') } },
    undefined,
    ['[]: Too long: may not be more than 1048576 bytes'],
  ],
])
