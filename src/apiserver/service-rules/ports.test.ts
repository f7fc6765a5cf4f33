import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { TestBench } from '../test-bench.ts'
import {
  type CreateRule,
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

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const QUALIFIED =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const RANGE = 'must be between 1 and 65535, inclusive'
const CHARACTERS = 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'
const TAKEN = 'provided port is already allocated'
const OUTSIDE = 'provided port is not in the valid range. The range of valid ports is 30000-32767'

const one = (port: object) => ({ ports: [{ port: 80, ...port }] })
const two = (first: object, second: object) => ({
  ports: [
    { name: 'a', port: 80, ...first },
    { name: 'b', port: 81, ...second },
  ],
})

const RULES: readonly CreateRule[] = [
  ['ports are needed', { ports: [] }, [['Required', 'spec.ports', 'Required value']]],
  ['ports are needed, not null', { ports: null }, [['Required', 'spec.ports', 'Required value']]],
  [
    'of several ports each has a name',
    { ports: [{ port: 80 }, { port: 81 }] },
    [
      ['Required', 'spec.ports[0].name', 'Required value'],
      ['Required', 'spec.ports[1].name', 'Required value'],
    ],
  ],
  ['a name is a label', one({ name: 'A_b' }), [['Invalid', 'spec.ports[0].name', `Invalid value: "A_b": ${LABEL}`]]],
  [
    'a name has no dots',
    one({ name: 'a.b' }),
    [['Invalid', 'spec.ports[0].name', 'Invalid value: "a.b": must not contain dots']],
  ],
  [
    'a name is not too long',
    one({ name: 'a'.repeat(64) }),
    [['Invalid', 'spec.ports[0].name', `Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`]],
  ],
  ['names are distinct', two({}, { name: 'a' }), [['Duplicate', 'spec.ports[1].name', 'Duplicate value: "a"']]],
  [
    'port 0',
    one({ port: 0 }),
    [
      ['Invalid', 'spec.ports[0].port', `Invalid value: 0: ${RANGE}`],
      ['Invalid', 'spec.ports[0].targetPort', `Invalid value: 0: ${RANGE}`],
    ],
  ],
  [
    'port 65536',
    one({ port: 65_536, targetPort: 80 }),
    [['Invalid', 'spec.ports[0].port', `Invalid value: 65536: ${RANGE}`]],
  ],
  ['port -1', one({ port: -1, targetPort: 80 }), [['Invalid', 'spec.ports[0].port', `Invalid value: -1: ${RANGE}`]]],
  [
    'protocol',
    one({ protocol: 'ICMP' }),
    [['NotSupported', 'spec.ports[0].protocol', 'Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"']],
  ],
  [
    'target port by number',
    one({ targetPort: 65_536 }),
    [['Invalid', 'spec.ports[0].targetPort', `Invalid value: 65536: ${RANGE}`]],
  ],
  [
    'target port by name: characters',
    one({ targetPort: 'a_b' }),
    [['Invalid', 'spec.ports[0].targetPort', `Invalid value: "a_b": ${CHARACTERS}`]],
  ],
  [
    'target port by name: length',
    one({ targetPort: 'a'.repeat(16) }),
    [['Invalid', 'spec.ports[0].targetPort', `Invalid value: "${'a'.repeat(16)}": must be no more than 15 characters`]],
  ],
  [
    'target port by name: a letter',
    one({ targetPort: '80' }),
    [['Invalid', 'spec.ports[0].targetPort', 'Invalid value: "80": must contain at least one letter (a-z)']],
  ],
  [
    'target port by name: hyphens',
    one({ targetPort: 'a--b-' }),
    [
      ['Invalid', 'spec.ports[0].targetPort', 'Invalid value: "a--b-": must not contain consecutive hyphens'],
      ['Invalid', 'spec.ports[0].targetPort', 'Invalid value: "a--b-": must not begin or end with a hyphen'],
    ],
  ],
  [
    'application protocol',
    one({ appProtocol: 'a b' }),
    [['Invalid', 'spec.ports[0].appProtocol', `Invalid value: "a b": ${QUALIFIED}`]],
  ],
  [
    'application protocol: empty',
    one({ appProtocol: '' }),
    [
      ['Invalid', 'spec.ports[0].appProtocol', 'Invalid value: "": name part must be non-empty'],
      ['Invalid', 'spec.ports[0].appProtocol', `Invalid value: "": ${QUALIFIED}`],
    ],
  ],
  [
    'the same port twice',
    two({}, { port: 80 }),
    [
      [
        'Duplicate',
        'spec.ports[1]',
        'Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
      ],
    ],
  ],
  [
    'a node port of an inner Service',
    one({ nodePort: 30_080 }),
    [['Forbidden', 'spec.ports[0].nodePort', "Forbidden: may not be used when `type` is 'ClusterIP'"]],
  ],
  [
    'a node port below the range',
    { type: 'NodePort', ...one({ nodePort: 80 }) },
    [['Invalid', 'spec.ports[0].nodePort', `Invalid value: 80: ${OUTSIDE}`]],
  ],
  [
    'a node port above the range',
    { type: 'LoadBalancer', ...one({ nodePort: 32_768 }) },
    [['Invalid', 'spec.ports[0].nodePort', `Invalid value: 32768: ${OUTSIDE}`]],
  ],
  [
    'a node port twice in one Service',
    { type: 'NodePort', ...two({ nodePort: 30_080 }, { nodePort: 30_080 }) },
    [['Invalid', 'spec.ports[1].nodePort', `Invalid value: 30080: ${TAKEN}`]],
  ],
  [
    'a node port twice, for two protocols of different ports',
    { type: 'NodePort', ...two({ nodePort: 30_080 }, { nodePort: 30_080, protocol: 'UDP' }) },
    [['Invalid', 'spec.ports[1].nodePort', `Invalid value: 30080: ${TAKEN}`]],
  ],
]

const TAKEN_PORT = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_100 }] }

const CHANGES: readonly UpdateRule[] = [
  [
    'a node port outside the range',
    TAKEN_PORT,
    one({ nodePort: 29_999 }),
    [['Invalid', 'spec.ports[0].nodePort', `Invalid value: 29999: ${OUTSIDE}`]],
  ],
  [
    'a node port of another Service',
    TAKEN_PORT,
    one({ nodePort: 30_200 }),
    [['Invalid', 'spec.ports[0].nodePort', `Invalid value: 30200: ${TAKEN}`]],
  ],
  [
    'a new node port while becoming an inner Service',
    TAKEN_PORT,
    { type: 'ClusterIP', externalTrafficPolicy: undefined, ...one({ nodePort: 30_101 }) },
    [['Forbidden', 'spec.ports[0].nodePort', "Forbidden: may not be used when `type` is 'ClusterIP'"]],
  ],
]

describe('ports of a Service', () => {
  let bench: TestBench
  before(async () => {
    bench = await openDualStack()
    const other = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_200, protocol: 'UDP' }] }
    assert.equal((await bench.call('POST', SERVICES, manifest(other, { name: 'other' }))).status, 201)
  })
  after(() => bench[Symbol.asyncDispose]())

  it('are refused, each with its reason', () => checkCreateRules(bench, RULES))
  it('are not changed to what is refused', () => checkUpdateRules(bench, CHANGES))

  it('a number that another Service has is taken for every protocol', async () => {
    const answer = await bench.call('POST', SERVICES, manifest({ type: 'NodePort', ...one({ nodePort: 30_200 }) }))
    assert.equal(answer.status, 422)
    assert.equal(
      answer.body.message,
      `Service "web" is invalid: spec.ports[0].nodePort: Invalid value: 30200: ${TAKEN}`,
    )
  })

  it('two ports of one protocol on one node port are no field of anybody’s, in an update', async () => {
    const stored = await create(bench, TAKEN_PORT)
    const spec = { ...stored.spec, ...two({ nodePort: 30_100 }, { nodePort: 30_100 }) }
    const answer = await bench.call('PUT', `${SERVICES}/web`, { ...stored, spec })
    assert.equal(answer.status, 500)
    assert.deepEqual([answer.body.message, answer.body.reason], ['duplicate nodePort: {TCP 30100}', undefined])
    await remove(bench)
  })

  it('TCP and UDP of one port share a node port, given or chosen', async () => {
    const dns = (extra: object) => ({
      type: 'NodePort',
      ports: [
        { name: 'udp', port: 53, protocol: 'UDP', ...extra },
        { name: 'tcp', port: 53, protocol: 'TCP', ...extra },
      ],
    })
    for (const extra of [{}, { nodePort: 30_053 }]) {
      const { spec } = await create(bench, dns(extra))
      assert.equal(spec.ports[0]!.nodePort, spec.ports[1]!.nodePort)
      await remove(bench)
    }
  })

  it('keep their node ports by name when an update leaves them out', async () => {
    const first = await create(bench, { type: 'NodePort', ...two({}, {}) })
    const [a, b] = first.spec.ports.map((port: { nodePort: number }) => port.nodePort)
    const swapped = await replace(bench, {
      type: 'NodePort',
      ports: [
        { name: 'b', port: 8081 },
        { name: 'a', port: 8080 },
      ],
    })
    assert.deepEqual(
      swapped.spec.ports.map((port: { nodePort: number }) => port.nodePort),
      [b, a],
    )
    await remove(bench)
  })

  it('of every kind that is good are taken', async () => {
    const good: readonly object[] = [
      one({ targetPort: 'http', appProtocol: 'kubernetes.io/h2c', protocol: 'SCTP' }),
      one({ targetPort: '' }),
      two({ nodePort: 0 }, { targetPort: 0 }),
      { type: 'LoadBalancer', ...one({ port: 10_250 }) },
      { type: 'ExternalName', externalName: 'example.com', ports: [] },
      { clusterIP: 'None', ports: [] },
    ]
    for (const spec of good) {
      await create(bench, spec)
      await remove(bench)
    }
  })
})
