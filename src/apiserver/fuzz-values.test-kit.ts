/** For the fuzz run: values and objects, from those that fit their schema to those of no shape at all. */

import fc from 'fast-check'
import { type Field, type Message, messageOf, type Scalar } from '../kube/schema/schema.ts'

export const NAMES = [
  'a',
  'b',
  'web',
  'kubernetes',
  'default',
  '10.96.0.7',
  'node-1',
  'cluster-admin',
  'A_b',
  '..',
  'x'.repeat(254),
]
export const NAMESPACES = ['default', 'kube-system', 'nowhere', 'team', '']

/** Words that mean something somewhere, so that rules behind the first check are reached. */
const WORDS = [
  ...NAMES,
  ...['TCP', 'UDP', 'SCTP', 'ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName', 'None', 'Local', 'Cluster'],
  ...['Always', 'Never', 'OnFailure', 'RollingUpdate', 'Recreate', 'OnDelete', 'In', 'NotIn', 'Exists', 'DoesNotExist'],
  ...[
    'IPv4',
    'IPv6',
    'SingleStack',
    'PreferDualStack',
    'RequireDualStack',
    '10.96.0.10',
    'fd00::1',
    '10.0.0.0/8',
    '::/0',
  ],
  ...[
    'Opaque',
    'kubernetes.io/tls',
    'app',
    'app=web',
    '1',
    '100m',
    '1Gi',
    '-5',
    '2026-01-01T00:00:00Z',
    'True',
    'False',
  ],
  ...[
    '* * * * *',
    'NoSchedule',
    'Prefix',
    'Exact',
    'Indexed',
    'get',
    '*',
    'Role',
    'ClusterRole',
    'User',
    'spec.nodeName',
  ],
  ...[
    'v1',
    'apps/v1',
    'Pod',
    'Service',
    '/',
    '%',
    '日本',
    '\u0000',
    '',
    'x'.repeat(300),
    '__proto__',
    'constructor',
    'toString',
  ],
]
const NUMBERS = [-1, 0, 1, 2, 3, 80, 443, 8080, 30080, 32767, 65_535, 65_536, 2 ** 31, 2 ** 53, 1e300, 0.5]

export const word = fc.constantFrom(...WORDS)
const number = fc.constantFrom(...NUMBERS)

/** JSON of no particular shape. */
export const anyJson = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(word, number, fc.boolean(), fc.constant(null), fc.constant([]), fc.constant({})) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
)

const scalars: Readonly<Record<Scalar, fc.Arbitrary<unknown>>> = {
  string: word,
  bool: fc.boolean(),
  int32: number,
  int64: number,
  bytes: fc.constantFrom('', 'YQ==', 'no base64'),
  time: fc.constantFrom('2026-01-01T00:00:00Z', '', 'yesterday'),
  microTime: fc.constantFrom('2026-01-01T00:00:00.000000Z', ''),
  quantity: fc.constantFrom<unknown>('1', '100m', '1Gi', '-1', 'x', 5),
  intOrString: fc.constantFrom<unknown>(0, 1, 80, '50%', 'http', '-1', 65_536),
  raw: anyJson,
  double: number,
  strings: fc.array(word, { maxLength: 2 }),
  schemaOrArray: anyJson,
  schemaOrBool: anyJson,
  schemaOrStrings: anyJson,
}

const DEPTH = 6

/** An object like its description says, with some fields left out and a few that do not fit. */
export function objectOf(message: Message, depth = 0): fc.Arbitrary<Record<string, unknown>> {
  const fields = [...message.fields.values()]
  const few = depth === 0 ? fields.length : Math.min(fields.length, depth < 3 ? 5 : 3)
  return fc
    .subarray(fields, { maxLength: few })
    .chain((chosen) => fc.tuple(...chosen.map((field) => fc.tuple(fc.constant(field.name), fieldValue(field, depth)))))
    .map((entries) => Object.fromEntries(entries))
}

function fieldValue(field: Field, depth: number): fc.Arbitrary<unknown> {
  const fitting = shaped(field, depth)
  return fc.oneof({ weight: 30, arbitrary: fitting }, { weight: 1, arbitrary: anyJson })
}

function shaped(field: Field, depth: number): fc.Arbitrary<unknown> {
  const one = itemOf(field, depth)
  if (field.shape === 'list') return fc.array(one, { maxLength: 2 })
  return field.shape === 'map' ? fc.dictionary(word, one, { maxKeys: 2 }) : one
}

function itemOf({ type }: Field, depth: number): fc.Arbitrary<unknown> {
  if (type.of === 'any') return anyJson
  if (type.of === 'scalar') return scalars[type.scalar]
  return depth >= DEPTH ? fc.constant({}) : objectOf(messageOf(type.message), depth + 1)
}
