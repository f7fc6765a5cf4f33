import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Flags } from './flags.ts'
import { listening, say } from './serving.ts'

/**
 * Serves what variables say: `SERVE_PORT_9001=text` over HTTP, `SERVE_TLS_PORT_9002=text` over HTTPS with `CERT_FILE` and
 * `KEY_FILE`.
 */
export async function serveEnvironment(flags: Flags): Promise<void> {
  const json = flags.boolean('json-response', false)
  for (const [name, value = ''] of Object.entries(process.env)) {
    const match = /^SERVE_(TLS_|SCTP_)?PORT_(\d+)$/.exec(name)
    if (match === null) continue
    const [, kind, port] = match
    if (kind === 'SCTP_') say(`${name} is left out: Node.js has no sockets for SCTP`)
    else await serve(kind === 'TLS_', Number(port), listener(value, json))
  }
}

function listener(value: string, json: boolean): RequestListener {
  return (request, response) => {
    // As Go finds it out from the content: the API server's proxy rewrites links in HTML.
    const type = /^\s*</.test(value) ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8'
    response.setHeader('content-type', json ? 'application/json' : type)
    response.end(json ? JSON.stringify({ Method: request.method, Body: value }) : value)
  }
}

async function serve(tls: boolean, port: number, answer: RequestListener): Promise<void> {
  const { CERT_FILE: cert, KEY_FILE: key } = process.env
  if (!tls) {
    say(`Serving on port ${await listening(createServer(answer), port)}`)
    return
  }
  if (cert === undefined || key === undefined) {
    say(`port ${port} is left out: TLS needs CERT_FILE and KEY_FILE`)
    return
  }
  await listening(createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer), port)
}
