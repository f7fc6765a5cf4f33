import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { decodeProtobuf } from './protobuf.ts'
import { type Field, type Message, messageNames, messageOf, type Scalar } from './schema.ts'

/** An encoder to hold against: objects of a message, as Go would write them. */
function encode(message: Message, object: Readonly<Record<string, unknown>>): Buffer {
  const parts: Buffer[] = []
  for (const [number, known] of message.numbered) {
    if ('inlined' in known) {
      const inlined = messageOf(known.inlined)
      const own = Object.fromEntries(Object.entries(object).filter(([name]) => inlined.fields.has(name)))
      parts.push(delimited(number, encode(inlined, own)))
      continue
    }
    const { field } = known
    const value = object[field.name]
    if (value === undefined) continue
    if (field.shape === 'list')
      for (const item of value as readonly unknown[]) parts.push(encodeField(number, field, item))
    else if (field.shape === 'map') {
      for (const [key, item] of Object.entries(value as object)) {
        parts.push(delimited(number, Buffer.concat([delimited(1, Buffer.from(key)), encodeField(2, field, item)])))
      }
    } else parts.push(encodeField(number, field, value))
  }
  return Buffer.concat(parts)
}

function encodeField(number: number, { type }: Field, value: unknown): Buffer {
  if (type.of === 'message') return delimited(number, encode(messageOf(type.message), value as Record<string, unknown>))
  if (type.of === 'any') return Buffer.alloc(0)
  return encodeScalar(number, type.scalar, value)
}

function encodeScalar(number: number, scalar: Scalar, value: unknown): Buffer {
  if (scalar === 'bool') return Buffer.concat([varint((number << 3) | 0), varint(value === true ? 1 : 0)])
  if (scalar === 'int32' || scalar === 'int64') return Buffer.concat([varint((number << 3) | 0), varint(Number(value))])
  if (scalar === 'bytes') return delimited(number, Buffer.from(String(value), 'base64'))
  if (scalar === 'quantity') return delimited(number, delimited(1, Buffer.from(String(value))))
  if (scalar === 'raw') return delimited(number, delimited(1, Buffer.from(JSON.stringify(value))))
  if (scalar === 'time' || scalar === 'microTime') {
    const seconds = Buffer.concat([varint(8), varint(Date.parse(String(value).slice(0, 19).concat('Z')) / 1000)])
    const micros = scalar === 'microTime' ? Number(String(value).slice(20, 26)) : 0
    return delimited(number, Buffer.concat([seconds, varint(16), varint(micros * 1000)]))
  }
  if (scalar === 'intOrString') {
    const isText = typeof value === 'string'
    const parts = [varint(8), varint(isText ? 1 : 0), varint(16), varint(isText ? 0 : Number(value))]
    return delimited(number, Buffer.concat([...parts, delimited(3, Buffer.from(isText ? value : ''))]))
  }
  return delimited(number, Buffer.from(String(value)))
}

function delimited(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.byteLength), bytes])
}

function varint(value: number): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0))
    rest >>= 7n
  } while (rest > 0n)
  return Buffer.from(bytes)
}

const text = fc.string({ minLength: 1, maxLength: 8 })
const seconds = fc
  .integer({ min: 0, max: 4_000_000_000 })
  .map((value) => new Date(value * 1000).toISOString().slice(0, 19))

const SCALARS: Readonly<Record<Scalar, fc.Arbitrary<unknown>>> = {
  string: text,
  bool: fc.boolean(),
  int32: fc.integer(),
  int64: fc.maxSafeInteger(),
  bytes: fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64')),
  time: seconds.map((time) => `${time}Z`),
  microTime: fc
    .tuple(seconds, fc.integer({ min: 0, max: 999_999 }))
    .map(([time, micros]) => `${time}.${String(micros).padStart(6, '0')}Z`),
  quantity: fc.constantFrom('1', '250m', '1Gi'),
  intOrString: fc.oneof(fc.integer({ min: 0, max: 70_000 }), text),
  raw: fc.dictionary(text, fc.constant({}), { noNullPrototype: true }),
}

function objectOf(message: Message, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const entries = [...message.fields.values()].flatMap((field): [string, fc.Arbitrary<unknown>][] => {
    const value = arbitraryOf(field, depth)
    return value === undefined ? [] : [[field.name, value]]
  })
  return fc.record(Object.fromEntries(entries), { requiredKeys: [], noNullPrototype: true })
}

function arbitraryOf(field: Field, depth: number): fc.Arbitrary<unknown> | undefined {
  const { type, shape } = field
  if (type.of === 'any' || (type.of === 'message' && depth === 0)) return undefined
  const one = type.of === 'message' ? objectOf(messageOf(type.message), depth - 1) : SCALARS[type.scalar]
  if (shape === 'list') return fc.array(one, { minLength: 1, maxLength: 3 })
  if (shape === 'map') return fc.dictionary(text, one, { minKeys: 1, maxKeys: 3, noNullPrototype: true })
  return field.zeroIsAbsent ? one.filter((value) => value !== 0 && value !== false) : one
}

function envelope(kind: string, raw: Uint8Array): Buffer {
  const typeMeta = Buffer.concat([delimited(1, Buffer.from('v1')), delimited(2, Buffer.from(kind))])
  return Buffer.concat([Buffer.from('k8s\0'), delimited(1, typeMeta), delimited(2, raw)])
}

test('every message that the schema names is described', () => {
  for (const name of messageNames()) {
    const { fields, numbered } = messageOf(name)
    assert.ok(fields.size > 0, name)
    assert.ok(!numbered.has(Number.NaN), name)
    for (const { type } of fields.values()) if (type.of === 'message') messageOf(type.message)
  }
})

test('what Go would write is read back', () => {
  for (const kind of ['Service', 'Deployment', 'EndpointSlice', 'Lease', 'Node', 'Secret', 'Event', 'Pod']) {
    const message = messageOf(kind)
    fc.assert(
      fc.property(objectOf(message, 3), (object) => {
        const decoded = decodeProtobuf(envelope(kind, encode(message, object)))
        assert.deepEqual(decoded, { kind, apiVersion: 'v1', ...object })
      }),
      { numRuns: 20 },
    )
  }
})

test('rubbish is refused as such', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeProtobuf(envelope('Pod', bytes))
      } catch (error) {
        assert.ok(isFairleadError(error, 'INVALID_INPUT') || error instanceof SyntaxError, String(error))
      }
    }),
  )
})
