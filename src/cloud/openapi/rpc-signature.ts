import { createHmac } from 'node:crypto'
import { percentEncode } from './percent-encode.ts'

/**
 * What is signed of an RPC request: signature version 1.0, method HMAC-SHA1. All parameters count, of the query and the
 * form, but `Signature`. (Alibaba Cloud, "Request signatures of RPC APIs")
 */
export function rpcStringToSign(method: string, parameters: ReadonlyMap<string, string>): string {
  const canonical = [...parameters]
    .filter(([name]) => name !== 'Signature')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&')
  return `${method}&%2F&${percentEncode(canonical)}`
}

/** The `Signature` parameter that belongs to a request. */
export function rpcSignature(stringToSign: string, secret: string): string {
  return createHmac('sha1', `${secret}&`).update(stringToSign).digest('base64')
}
