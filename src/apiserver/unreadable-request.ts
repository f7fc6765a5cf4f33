import { systemErrorCode } from '../base/error.ts'
import { badRequest, requestTimedOut, type StatusError, tooManyHeaders } from './status-error.ts'

/** What is sent to a client whose bytes are no request, before its connection is closed. */
export function unreadableAnswer(error: unknown): string {
  const { status } = refusalOf(error)
  const body = JSON.stringify(status)
  const head = [
    `HTTP/1.1 ${status.code} ${PHRASES[status.code] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

function refusalOf(error: unknown): StatusError {
  switch (systemErrorCode(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return tooManyHeaders()
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return requestTimedOut()
    default:
      return badRequest('the request is no HTTP/1.1')
  }
}
