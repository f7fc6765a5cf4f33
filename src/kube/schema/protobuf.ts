import { FairleadError } from '../../base/error.ts'
import type { Draft } from '../kind.ts'
import { type Field, findKindMessage, isUnion, type Message, messageOf, type Scalar, type Union } from './schema.ts'
import { WireReader, type WireValue } from './wire-reader.ts'

/**
 * Reads objects as protobuf, which typed Go clients send (kubectl since 1.32 among them): four bytes `k8s\0`, then a
 * runtime.Unknown with apiVersion, kind and the object itself.
 * Source: k8s.io/apimachinery `runtime/serializer/protobuf`, protobuf encoding specification
 */
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf'

/** What every object begins with. */
export const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])
const decoder = new TextDecoder('utf-8', { fatal: true })
/** Messages nest no deeper in anything that makes sense. */
const DEPTH_LIMIT = 60

/**
 * The object in the form that JSON has; `undefined` when its kind is not taken in this format.
 *
 * Fields that nobody knows are passed over.
 *
 * @throws FairleadError `INVALID_INPUT` for malformed content.
 */
export function decodeProtobuf(bytes: Uint8Array): Draft | undefined {
  if (!MAGIC.equals(bytes.subarray(0, MAGIC.length))) throw malformed('it does not begin with k8s\\0')
  let apiVersion = ''
  let kind = ''
  let raw: Uint8Array = new Uint8Array()
  for (const { number, value } of new WireReader(bytes.subarray(4))) {
    if (number === 1) ({ apiVersion, kind } = readTypeMeta(value))
    else if (number === 2) raw = bytesOf(value)
  }
  const message = findKindMessage(apiVersion, kind)
  return message && { kind, apiVersion, ...decodeMessage(message, raw, 0) }
}

function readTypeMeta(value: WireValue): { apiVersion: string; kind: string } {
  const texts = ['', '', '']
  for (const { number, value: text } of new WireReader(bytesOf(value))) texts[number] = textOf(text)
  return { apiVersion: texts[1] ?? '', kind: texts[2] ?? '' }
}

function decodeMessage(message: Message, bytes: Uint8Array, depth: number): Draft {
  if (depth > DEPTH_LIMIT) throw malformed(`it nests deeper than ${DEPTH_LIMIT} messages`)
  const out: Draft = {}
  for (const { number, value } of new WireReader(bytes)) {
    const known = message.numbered.get(number)
    // As upstream's decoders do: client-go up to 1.24 writes fields that are gone, clusterName (15) in every ObjectMeta.
    if (known === undefined) continue
    if ('inlined' in known) Object.assign(out, decodeMessage(messageOf(known.inlined), bytesOf(value), depth + 1))
    else addField(out, known.field, value, depth)
  }
  return out
}

function addField(out: Draft, field: Field, ...[value, depth]: readonly [WireValue, number]): void {
  const { name, shape } = field
  if (shape === 'list') {
    const list = (out[name] ?? []) as unknown[]
    list.push(...decodeRepeated(field, value, depth))
    out[name] = list
  } else if (shape === 'map') {
    const { key, value: item } = decodeEntry(field, value, depth)
    out[name] = { ...(out[name] as Draft | undefined), [key]: item }
  } else {
    const decoded = decodeValue(field, value, depth)
    // Go writes the zero value of a field that is not optional; in JSON it is left out.
    const zero = decoded === 0 || decoded === false
    if (!isOmitted(decoded) && !(zero && field.zeroIsAbsent)) out[name] = decoded
  }
}

function isOmitted(value: unknown): boolean {
  return value === '' || value === null || value === undefined
}

/** One item, or several numbers packed into one value. */
function decodeRepeated(field: Field, value: WireValue, depth: number): readonly unknown[] {
  const packed = field.type.of === 'scalar' && isPackable(field.type.scalar) && value instanceof Uint8Array
  if (!packed) return [decodeValue(field, value, depth)]
  return new WireReader(value).varints().map((number) => Number(BigInt.asIntN(64, number)))
}

function isPackable(scalar: Scalar): boolean {
  return scalar === 'int32' || scalar === 'int64' || scalar === 'bool'
}

function decodeEntry(field: Field, entry: WireValue, depth: number): { key: string; value: unknown } {
  let key = ''
  let value: unknown = field.type.of === 'message' ? {} : ''
  for (const part of new WireReader(bytesOf(entry))) {
    if (part.number === 1) key = textOf(part.value)
    else if (part.number === 2) value = decodeValue(field, part.value, depth)
  }
  return { key, value }
}

function decodeValue({ name, type }: Field, value: WireValue, depth: number): unknown {
  if (type.of === 'message') return decodeMessage(messageOf(type.message), bytesOf(value), depth + 1)
  if (type.of === 'any') {
    if (bytesOf(value).byteLength === 0) return undefined
    throw malformed(`the field ${name} is not taken in this format, send JSON`)
  }
  return isUnion(type.scalar) ? decodeUnion(type.scalar, value, depth) : decodeScalar(type.scalar, value)
}

/** A schema, or what may stand in its place: schemas, names, or yes and no. */
function decodeUnion(union: Union, value: WireValue, depth: number): unknown {
  const schema = (part: WireValue) => decodeMessage(messageOf('JSONSchemaProps'), bytesOf(part), depth + 1)
  const list: unknown[] = []
  let allows = false
  for (const { number, value: part } of new WireReader(bytesOf(value))) {
    if (number === (union === 'schemaOrBool' ? 2 : 1)) return schema(part)
    if (union === 'schemaOrBool') allows = integerOf(part) !== 0n
    else list.push(union === 'schemaOrArray' ? schema(part) : textOf(part))
  }
  return union === 'schemaOrBool' ? allows : list
}

function decodeScalar(scalar: Exclude<Scalar, Union>, value: WireValue): unknown {
  switch (scalar) {
    case 'string':
      return textOf(value)
    case 'bool':
      return integerOf(value) !== 0n
    case 'int32':
    case 'int64':
      return Number(BigInt.asIntN(64, integerOf(value)))
    case 'bytes':
      return Buffer.from(bytesOf(value)).toString('base64')
    case 'quantity':
      return firstField(value, (text) => textOf(text)) ?? '0'
    case 'raw':
      return firstField(value, (text): unknown => JSON.parse(textOf(text)))
    case 'double':
      return doubleOf(integerOf(value))
    case 'strings':
      return [...new WireReader(bytesOf(value))].filter(({ number }) => number === 1).map((part) => textOf(part.value))
    case 'time':
      return decodeTime(value, 0)
    case 'microTime':
      return decodeTime(value, 6)
    case 'intOrString':
      return decodeIntOrString(value)
    default:
      return scalar satisfies never
  }
}

function firstField<T>(value: WireValue, read: (value: WireValue) => T): T | undefined {
  for (const part of new WireReader(bytesOf(value))) {
    if (part.number === 1) return read(part.value)
  }
  return undefined
}

/** Seconds and nanoseconds; nothing at all is no time. */
function decodeTime(value: WireValue, digits: 0 | 6): string | undefined {
  let seconds: bigint | undefined
  let nanos = 0n
  for (const part of new WireReader(bytesOf(value))) {
    if (part.number === 1) seconds = BigInt.asIntN(64, integerOf(part.value))
    else if (part.number === 2) nanos = BigInt.asIntN(64, integerOf(part.value))
  }
  if (seconds === undefined) return undefined
  const date = new Date(Number(seconds) * 1000)
  if (Number.isNaN(date.getTime())) throw malformed(`a time of ${seconds} seconds`)
  const fraction = digits === 0 ? '' : `.${String(nanos / 1000n).padStart(6, '0')}`
  return `${date.toISOString().slice(0, 19)}${fraction}Z`
}

function decodeIntOrString(value: WireValue): number | string {
  let isText = false
  let number = 0
  let text = ''
  for (const part of new WireReader(bytesOf(value))) {
    if (part.number === 1) isText = integerOf(part.value) === 1n
    else if (part.number === 2) number = Number(BigInt.asIntN(64, integerOf(part.value)))
    else if (part.number === 3) text = textOf(part.value)
  }
  return isText ? text : number
}

function doubleOf(bits: bigint): number {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(bits)
  return bytes.readDoubleLE()
}

function textOf(value: WireValue): string {
  try {
    return decoder.decode(bytesOf(value))
  } catch (cause) {
    if (cause instanceof TypeError) throw malformed('a text is not UTF-8')
    throw cause
  }
}

function bytesOf(value: WireValue): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw malformed('a number stands where bytes are wanted')
}

function integerOf(value: WireValue): bigint {
  if (typeof value === 'bigint') return value
  throw malformed('bytes stand where a number is wanted')
}

function malformed(why: string): FairleadError {
  return new FairleadError('INVALID_INPUT', `The protobuf object cannot be read: ${why}`)
}
