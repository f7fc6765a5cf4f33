import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFairleadError } from '../../base/error.ts'
import { KINDS } from '../registry.ts'
import { apiVersionOf } from '../resource.ts'
import { encodeProtobuf } from './encode-protobuf.ts'
import { decodeProtobuf } from './protobuf.ts'
import { type Field, findKindMessage, type Message, messageNames, messageOf, type Scalar } from './schema.ts'
import { WireWriter } from './wire-writer.ts'

const text = fc.string({ minLength: 1, maxLength: 8 })
const seconds = fc
  .integer({ min: 0, max: 4_000_000_000 })
  .map((value) => new Date(value * 1000).toISOString().slice(0, 19))

function schemaOf(): fc.Arbitrary<unknown> {
  return fc.record({ type: text, minimum: fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)) })
}

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
  double: fc.double({ noNaN: true }).filter((value) => !Object.is(value, -0)),
  strings: fc.array(text),
  schemaOrArray: fc.oneof(schemaOf(), fc.array(schemaOf(), { minLength: 1, maxLength: 2 })),
  schemaOrBool: fc.oneof(schemaOf(), fc.boolean()),
  schemaOrStrings: fc.oneof(schemaOf(), fc.array(text, { minLength: 1 })),
}

function objectOf(message: Message, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const entries = travelling(message).flatMap((field): [string, fc.Arbitrary<unknown>][] => {
    const value = arbitraryOf(field, depth)
    return value === undefined ? [] : [[field.name, value]]
  })
  return fc.record(Object.fromEntries(entries), { requiredKeys: [], noNullPrototype: true })
}

/** Some fields are only in JSON. */
function travelling({ numbered }: Message): readonly Field[] {
  return [...numbered.values()].flatMap((known) =>
    'field' in known ? [known.field] : travelling(messageOf(known.inlined)),
  )
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
  const unknown = new WireWriter()
  unknown.message(1, (typeMeta) => {
    typeMeta.text(1, 'v1')
    typeMeta.text(2, kind)
  })
  unknown.bytes(2, raw)
  return Buffer.concat([Buffer.from('k8s\0'), unknown.finish()])
}

test('every message that the schema names is described', () => {
  for (const name of messageNames()) {
    const { fields, numbered } = messageOf(name)
    assert.ok(fields.size > 0 || name === 'CustomResourceSubresourceStatus', name)
    assert.ok(!numbered.has(Number.NaN), name)
    for (const { type } of fields.values()) if (type.of === 'message') messageOf(type.message)
  }
})

test('objects of every kind, and lists of them, come back as they were', () => {
  for (const { resource, listKind } of KINDS) {
    const apiVersion = apiVersionOf(resource)
    for (const kind of [resource.kind, listKind]) {
      const message = findKindMessage(apiVersion, kind)
      assert.ok(message !== undefined, kind)
      fc.assert(
        fc.property(objectOf(message, kind === listKind ? 2 : 3), (object) => {
          const whole = { kind, apiVersion, ...object }
          assert.deepEqual(decodeProtobuf(encodeProtobuf(whole) ?? assert.fail(kind)), whole)
        }),
        { numRuns: 20 },
      )
    }
  }
})

test('kinds that users bring have no such form, whatever their name', () => {
  assert.equal(encodeProtobuf({ apiVersion: 'serving.example.com/v1', kind: 'Service', metadata: {} }), undefined)
  assert.equal(encodeProtobuf({ apiVersion: 'meta.k8s.io/v1', kind: 'Table', rows: [] }), undefined)
})

test('fields that are gone or not yet known are passed over, as by upstream: client-go 1.20 writes clusterName', () => {
  const raw = new WireWriter()
  raw.message(1, (metadata) => {
    metadata.text(1, 'web')
    metadata.text(15, '')
    metadata.message(99, (unknown) => unknown.text(1, 'x'))
  })
  assert.deepEqual(decodeProtobuf(envelope('Namespace', raw.finish())), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'web' },
  })
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
