import { isFairleadError } from '../base/error.ts'
import { decodeJsonLines } from '../kube/json-lines.ts'
import type { Draft } from '../kube/kind.ts'
import { apiVersionOf } from '../kube/resource.ts'
import { PROTOBUF_TYPE } from '../kube/schema/protobuf.ts'
import { findKindMessage } from '../kube/schema/schema.ts'
import type { HandleRequest } from './handler.ts'
import type { KindTable } from './kind-table.ts'
import { type ApiRequest, type ApiResponse, jsonResponse } from './request.ts'
import { targetOf } from './request-target.ts'
import { notAcceptable } from './status-error.ts'

const JSON_RANGES = new Set(['application/json', 'application/*', '*/*', 'application/yaml'])
const WATCH_TYPE = `${PROTOBUF_TYPE};stream=watch`

/**
 * Answers in protobuf those who take nothing else. Whoever takes JSON as well gets JSON, which costs nothing here: that
 * is how objects lie in the store.
 *
 * Tables, and objects of kinds that users bring, have no such form: 406, before anything is done.
 */
export function speakProtobuf(handle: HandleRequest, kinds: KindTable): HandleRequest {
  return async (request) => {
    const wanted = protobufWanted(request.headers.accept)
    if (wanted === undefined) return handle(request)
    if (!hasForm(kinds, request, wanted.as)) {
      const { status } = notAcceptable()
      return jsonResponse(status.code, status)
    }
    const { encodeProtobuf } = await import('../kube/schema/encode-protobuf.ts')
    const accept = wanted.as === undefined ? 'application/json' : `application/json;as=${wanted.as}`
    return translated(await handle({ ...request, headers: { ...request.headers, accept } }), encodeProtobuf)
  }
}

interface Wanted {
  /** The `as` parameter: `PartialObjectMetadata` and the like. */
  readonly as: string | undefined
}

function protobufWanted(accept: string | undefined): Wanted | undefined {
  if (accept === undefined || !accept.includes(PROTOBUF_TYPE)) return undefined
  const ranges = accept.split(',').map((range) => range.split(';').map((part) => part.trim()))
  if (ranges.some(([type = '']) => JSON_RANGES.has(type))) return undefined
  const range = ranges.find(([type]) => type === PROTOBUF_TYPE)
  return range && { as: range.find((parameter) => parameter.startsWith('as='))?.slice(3) }
}

function hasForm(kinds: KindTable, { url }: ApiRequest, as: string | undefined): boolean {
  if (as !== undefined) return as.startsWith('PartialObjectMetadata')
  const { route } = targetOf(url)
  const kind = route.kind === 'resource' ? kinds.find(route.group, route.version, route.plural) : undefined
  return kind === undefined || findKindMessage(apiVersionOf(kind.resource), kind.resource.kind) !== undefined
}

type Encode = (object: Draft) => Buffer | undefined

/** What is no JSON (logs, health) or no object of the API (version) stays as it is. */
async function translated(response: ApiResponse, encode: Encode): Promise<ApiResponse> {
  const { headers, body } = response
  if (headers['content-type'] !== 'application/json') return response
  if (!(body instanceof Uint8Array)) {
    return { ...response, headers: { ...headers, 'content-type': WATCH_TYPE }, body: frames(body, encode) }
  }
  const bytes = encodeKnown(JSON.parse(Buffer.from(body).toString()) as Draft, encode)
  return bytes === undefined
    ? response
    : { ...response, headers: { ...headers, 'content-type': PROTOBUF_TYPE }, body: bytes }
}

/** Objects from before a rule was there may hold what has no form; they are shown in JSON, which clients tell by its type. */
function encodeKnown(object: Draft, encode: Encode): Buffer | undefined {
  try {
    return encode(object)
  } catch (error) {
    if (isFairleadError(error, 'INVALID_INPUT')) return undefined
    throw error
  }
}

/** Events of a watch, each after its length (four bytes, the highest first): meta/v1 WatchEvent with an object within. */
async function* frames(lines: AsyncIterable<Uint8Array>, encode: Encode): AsyncGenerator<Uint8Array, void, void> {
  const { WireWriter } = await import('../kube/schema/wire-writer.ts')
  for await (const value of decodeJsonLines(lines)) {
    const { type, object } = value as { readonly type: string; readonly object: Draft }
    const event = new WireWriter()
    event.text(1, type)
    event.message(2, (extension) => extension.bytes(1, encode(object) ?? Buffer.from(JSON.stringify(object))))
    const bytes = event.finish()
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.byteLength)
    yield Buffer.concat([length, bytes])
  }
}
