import { FairleadError } from '../../base/error.ts'
import type { Draft } from '../kind.ts'
import { isJsonObject } from '../patch/json.ts'
import { MAGIC } from './protobuf.ts'
import { type Field, findKindMessage, isUnion, type Message, messageOf, type Scalar, type Union } from './schema.ts'
import { WireWriter } from './wire-writer.ts'

/**
 * Writes an object as protobuf: four bytes `k8s\0`, then a runtime.Unknown with apiVersion, kind and the object itself.
 * Fields that its kind does not have are left out.
 * Source: k8s.io/apimachinery `runtime/serializer/protobuf`
 *
 * @returns `undefined` for kinds that have no such form: tables, and whatever users bring.
 * @throws FairleadError `INVALID_INPUT` for a value that does not fit its field.
 */
export function encodeProtobuf(object: Draft): Buffer | undefined {
  const { apiVersion, kind } = object
  const message = findKindMessage(String(apiVersion), String(kind))
  if (message === undefined) return undefined
  const unknown = new WireWriter()
  unknown.message(1, (typeMeta) => {
    typeMeta.text(1, String(apiVersion))
    typeMeta.text(2, String(kind))
  })
  unknown.message(2, (raw) => writeMessage(raw, message, object))
  return Buffer.concat([MAGIC, unknown.finish()])
}

function writeMessage(writer: WireWriter, message: Message, object: Draft): void {
  for (const [number, known] of message.numbered) {
    if ('inlined' in known) {
      const inlined = messageOf(known.inlined)
      writer.message(number, (part) => writeMessage(part, inlined, object))
      continue
    }
    const value = object[known.field.name]
    if (value !== undefined && value !== null) writeField(writer, number, { field: known.field, value })
  }
}

interface Given {
  readonly field: Field
  readonly value: unknown
}

function writeField(writer: WireWriter, number: number, { field, value }: Given): void {
  switch (field.shape) {
    case 'one':
      writeItem(writer, number, { field, value })
      break
    case 'list':
      if (!Array.isArray(value)) throw unfit(field, value)
      for (const item of value) writeItem(writer, number, { field, value: item })
      break
    case 'map':
      if (!isJsonObject(value)) throw unfit(field, value)
      for (const [key, item] of Object.entries(value)) {
        writer.message(number, (entry) => {
          entry.text(1, key)
          writeItem(entry, 2, { field, value: item })
        })
      }
      break
    default:
      field.shape satisfies never
  }
}

function writeItem(writer: WireWriter, number: number, { field, value }: Given): void {
  const { type } = field
  if (type.of === 'any') throw unfit(field, value)
  if (type.of === 'message') {
    const object = isJsonObject(value) ? (value as Draft) : undefined
    if (object === undefined) throw unfit(field, value)
    writer.message(number, (part) => writeMessage(part, messageOf(type.message), object))
  } else if (isUnion(type.scalar)) writer.message(number, (part) => writeUnion(part, type.scalar as Union, value))
  else writeScalar(writer, number, { field, value, scalar: type.scalar })
}

/** See `decodeUnion`. */
function writeUnion(writer: WireWriter, union: Union, value: unknown): void {
  const schema = messageOf('JSONSchemaProps')
  if (union === 'schemaOrBool') writer.number(1, value === false ? 0 : 1)
  if (isJsonObject(value)) {
    writer.message(union === 'schemaOrBool' ? 2 : 1, (part) => writeMessage(part, schema, value as Draft))
  } else if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item === 'string') writer.text(2, item)
      else writer.message(2, (part) => writeMessage(part, schema, item as Draft))
    }
  }
}

interface GivenScalar extends Given {
  readonly scalar: Exclude<Scalar, Union>
}

function writeScalar(writer: WireWriter, number: number, { field, value, scalar }: GivenScalar): void {
  switch (scalar) {
    case 'string':
      writer.text(number, String(value))
      break
    case 'bool':
      writer.number(number, value === true ? 1 : 0)
      break
    case 'int32':
    case 'int64':
      if (!Number.isInteger(value)) throw unfit(field, value)
      writer.number(number, Number(value))
      break
    case 'double':
      writer.double(number, Number(value))
      break
    case 'bytes':
      writer.bytes(number, Buffer.from(String(value), 'base64'))
      break
    case 'quantity':
      writer.message(number, (quantity) => quantity.text(1, String(value)))
      break
    case 'raw':
      writer.message(number, (raw) => raw.text(1, JSON.stringify(value)))
      break
    case 'strings':
      if (!Array.isArray(value)) throw unfit(field, value)
      writer.message(number, (strings) => {
        for (const item of value) strings.text(1, String(item))
      })
      break
    case 'time':
    case 'microTime':
      writer.message(number, (time) => writeTime(time, { field, value }))
      break
    case 'intOrString':
      writer.message(number, (part) => writeIntOrString(part, value))
      break
    default:
      scalar satisfies never
  }
}

/** Seconds and nanoseconds. */
function writeTime(writer: WireWriter, { field, value }: Given): void {
  const ms = Date.parse(String(value))
  if (Number.isNaN(ms)) throw unfit(field, value)
  const fraction = /\.(\d{1,9})/.exec(String(value))?.[1] ?? ''
  writer.number(1, Math.floor(ms / 1000))
  writer.number(2, Number(fraction.padEnd(9, '0')))
}

function writeIntOrString(writer: WireWriter, value: unknown): void {
  const isText = typeof value === 'string'
  writer.number(1, isText ? 1 : 0)
  writer.number(2, isText ? 0 : Number(value))
  writer.text(3, isText ? value : '')
}

function unfit({ name }: Field, value: unknown): FairleadError {
  return new FairleadError('INVALID_INPUT', `The field ${name} has no form in protobuf: ${JSON.stringify(value)}`)
}
