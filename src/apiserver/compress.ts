import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { ApiResponse } from './request.ts'

/** Smaller answers are sent as they are (kube-apiserver, `defaultGzipThresholdBytes`). */
const WORTH_BYTES = 128 * 1024
/** The fastest; the others take several times as long for little (kube-apiserver uses it as well). */
const LEVEL = 1

const TYPES = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/com.github.proto-openapi']

const compress = promisify(gzip)

/**
 * The answer as it is sent to a client that takes gzip: compressed when it is large and of our own making. Watches, logs
 * and what others have answered are left alone. It is done beside the event loop.
 */
export async function compressed(answer: ApiResponse, acceptEncoding: string | undefined): Promise<ApiResponse> {
  const { headers, body } = answer
  if (!(body instanceof Uint8Array) || body.byteLength <= WORTH_BYTES || !takesGzip(acceptEncoding)) return answer
  const type = String(headers['content-type'] ?? '')
  if (headers['content-encoding'] !== undefined || !TYPES.some((known) => type.startsWith(known))) return answer
  const vary = [headers.vary ?? [], 'Accept-Encoding'].flat().join(', ')
  return {
    ...answer,
    headers: { ...headers, 'content-encoding': 'gzip', vary },
    body: await compress(body, { level: LEVEL }),
  }
}

/** `gzip`, alone or among others; upstream heeds no weights either, but a weight of nothing is a no (RFC 9110, 12.5.3). */
function takesGzip(accepted = ''): boolean {
  return accepted.split(',').some((part) => {
    const [name = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    return name === 'gzip' && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  })
}
