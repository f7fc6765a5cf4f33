import { isFairleadError } from '../base/error.ts'
import type { Draft } from '../kube/kind.ts'
import { decodeProtobuf, PROTOBUF_TYPE } from '../kube/schema/protobuf.ts'
import { badRequest, unsupportedMediaType } from './status-error.ts'

/** Objects nested deeper than this are refused, as code that walks them would run out of stack. */
const DEPTH_LIMIT = 250
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })

export const JSON_TYPE = 'application/json'
export const YAML_TYPE = 'application/yaml'

/** The media type without parameters, lower case; JSON when none is given. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? JSON_TYPE).split(';', 1)[0]?.trim().toLowerCase() || JSON_TYPE
}

/** Reads a body that must be one object, in JSON, YAML or protobuf. @throws StatusError 400 or 415. */
export async function readObject(bytes: Uint8Array, contentType: string | undefined): Promise<Draft> {
  const type = mediaTypeOf(contentType)
  if (type === PROTOBUF_TYPE) return readProtobuf(bytes)
  if (type !== JSON_TYPE && type !== YAML_TYPE) throw unsupportedMediaType([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE])
  const value = type === YAML_TYPE ? await readYaml(bytes) : readJson(bytes)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest(`the object provided is unrecognized (must be of type ${type}): it is no object`)
  }
  return value as Draft
}

function readProtobuf(bytes: Uint8Array): Draft {
  try {
    const object = decodeProtobuf(bytes)
    if (object === undefined) throw unsupportedMediaType([JSON_TYPE, YAML_TYPE])
    return object
  } catch (error) {
    if (isFairleadError(error, 'INVALID_INPUT') || error instanceof SyntaxError) throw badRequest(error.message)
    throw error
  }
}

/** Reads JSON of any shape. @throws StatusError 400 for what is no UTF-8, no JSON or nested too deeply. */
export function readJson(bytes: Uint8Array): unknown {
  const text = decodeText(bytes)
  if (text.trim() === '') throw badRequest('the body of the request is empty')
  const written = requireShallow(bytes)
  try {
    const value: unknown = requireSafe(text, JSON.parse(text))
    if (typeof value === 'object' && value !== null && countFields(value) !== written) repeating.add(value)
    return value
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw badRequest(`the object provided is unrecognized (must be of type application/json): ${error.message}`)
    }
    throw error
  }
}

/** What was read from a text that has more fields than came out of it. */
const repeating = new WeakSet<object>()

/**
 * Whether a field stands twice in the JSON that a value was read from. Counting costs next to nothing, so that only
 * those that have one are looked through for its name.
 */
export function repeatsFields(value: object): boolean {
  return repeating.has(value)
}

function countFields(value: unknown): number {
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object' && item !== null) count += countFields(item)
    return count
  }
  for (const item of Object.values(value as object)) {
    count++
    if (typeof item === 'object' && item !== null) count += countFields(item)
  }
  return count
}

/** Reads one YAML document of any shape. */
export async function readYaml(bytes: Uint8Array): Promise<unknown> {
  const text = decodeText(bytes)
  requireShallow(bytes)
  const { parseDocument } = await import('../base/yaml.ts')
  const document = parseDocument(text, { uniqueKeys: true, prettyErrors: false })
  const problem = document.errors[0]
  if (problem !== undefined) throw badRequest(`error converting YAML to JSON: yaml: ${problem.message}`)
  const value = resolved(() => document.toJS({ maxAliasCount: 100 }))
  requireTree(value, 0)
  return requireSafe(text, value)
}

/** Aliases that multiply each other, or that stand for nothing, fail with ReferenceError. */
function resolved(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error
    throw badRequest(`error converting YAML to JSON: yaml: ${error.message}`)
  }
}

/** An alias in YAML may stand for what it lies in: then there is no end to it. */
function requireTree(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > DEPTH_LIMIT) throw badRequest(`the body of the request is nested deeper than ${DEPTH_LIMIT} levels`)
  for (const item of Object.values(value)) requireTree(item, depth + 1)
}

function decodeText(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes)
  } catch (cause) {
    if (cause instanceof TypeError) throw badRequest('the body of the request is not valid UTF-8')
    throw cause
  }
}

/** A field of this name would change what an object is when it is copied. */
function requireSafe(text: string, value: unknown): unknown {
  if (text.includes('__proto__')) throw badRequest('strict decoding error: unknown field "__proto__"')
  return value
}

const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/** @returns How many fields are written there, if it is JSON. */
function requireShallow(bytes: Uint8Array): number {
  let depth = 0
  let fields = 0
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]
    if (byte === QUOTE) index = endOfString(bytes, index + 1)
    else if (byte === COLON) fields++
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > DEPTH_LIMIT) throw badRequest(`the body of the request is nested deeper than ${DEPTH_LIMIT} levels`)
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
  }
  return fields
}

/** Texts up to this length are as quickly walked through as searched. */
const SHORT_TEXT = 32

/** @returns Where the quotation mark is that ends a string, or the end of the bytes. */
function endOfString(bytes: Uint8Array, start: number): number {
  const near = Math.min(start + SHORT_TEXT, bytes.length)
  for (let index = start; index < near; index++) {
    if (bytes[index] === QUOTE) return index
    if (bytes[index] === BACKSLASH) index++
  }
  for (let index = bytes.indexOf(QUOTE, start); index >= 0; index = bytes.indexOf(QUOTE, index + 1)) {
    if (!isEscaped(bytes, index, start)) return index
  }
  return bytes.length
}

function isEscaped(bytes: Uint8Array, at: number, start: number): boolean {
  let first = at
  while (first > start && bytes[first - 1] === BACKSLASH) first--
  return (at - first) % 2 === 1
}
