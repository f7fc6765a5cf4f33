import { createHash, createHmac } from 'node:crypto'
import { percentEncode } from './percent-encode.ts'

/** The algorithm's name, as it stands in `Authorization`. */
export const ACS3_ALGORITHM = 'ACS3-HMAC-SHA256'

/** What `Authorization: ACS3-HMAC-SHA256 Credential=…,SignedHeaders=…,Signature=…` says. */
export interface Acs3Authorization {
  readonly accessKeyId: string
  /** Lower case, in the order in which they were signed. */
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

/** What of a request is signed by ACS3. */
export interface Acs3Request {
  readonly method: string
  readonly path: string
  readonly query: ReadonlyMap<string, string>
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** Reads an `Authorization` header; `undefined` when it is of another scheme or not well-formed. */
export function parseAcs3Authorization(header: string): Acs3Authorization | undefined {
  const match = /^ACS3-HMAC-SHA256 +Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$/.exec(header)
  const [, accessKeyId, headers, signature] = match ?? []
  if (accessKeyId === undefined || headers === undefined || signature === undefined) return undefined
  return { accessKeyId, signedHeaders: headers.split(';'), signature }
}

/** What is signed (Alibaba Cloud, "V3 request body and signature"). */
export function acs3StringToSign(request: Acs3Request, signedHeaders: readonly string[]): string {
  const query = [...request.query]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&')
  const headers = signedHeaders.map((name) => `${name}:${(request.headers.get(name) ?? '').trim()}\n`).join('')
  const canonical = [request.method, request.path, query, headers, signedHeaders.join(';'), sha256(request.body)]
  return `${ACS3_ALGORITHM}\n${sha256(canonical.join('\n'))}`
}

/** The signature in hex. */
export function acs3Signature(stringToSign: string, secret: string): string {
  return createHmac('sha256', secret).update(stringToSign).digest('hex')
}

/** SHA-256 in hex: what `x-acs-content-sha256` must say of the body. */
export function sha256(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex')
}
