import type { IncomingMessage } from 'node:http'
import { StatusError } from '../status-error.ts'

const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  422: 'Invalid',
  503: 'ServiceUnavailable',
}
const LIMIT = 16 * 1024

/** What a kubelet says in plain text, as the Status that the client gets. */
export async function failedAnswer(message: IncomingMessage): Promise<StatusError> {
  const { statusCode = 500 } = message
  let text = ''
  for await (const chunk of message.setEncoding('utf8')) {
    text += chunk
    if (text.length > LIMIT) break
  }
  // The kubelet refuses the API server itself: that is not the client's fault.
  const code = statusCode === 401 ? 500 : statusCode
  return new StatusError(code, REASONS[code] ?? 'InternalError', text.trim() || `the kubelet answered ${statusCode}`)
}
