import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { FairleadError } from '../base/error.ts'
import { hostPort } from '../base/ip.ts'

/** What is answered at a path. */
export type TextPages = Readonly<Record<string, () => Promise<{ readonly type: string; readonly body: string }>>>

export interface ServedPages extends AsyncDisposable {
  /** `127.0.0.1:10258`; `undefined` when it is served nowhere. */
  readonly address: string | undefined
}

/**
 * Answers GET at some paths.
 *
 * @param place `0.0.0.0:10258`, `:10258`; empty or `0`: nowhere.
 * @param flag By which people choose the place.
 * @throws FairleadError `INVALID_INPUT`, `PORT_TAKEN`
 */
export async function servePages(place: string, flag: string, pages: TextPages): Promise<ServedPages> {
  if (place === '' || place === '0') return { address: undefined, [Symbol.asyncDispose]: async () => {} }
  const { host, port } = placeOf(place, flag)
  const server = createServer((request, response) => {
    const page = pages[request.url?.split('?')[0] ?? '']
    if (page === undefined) return void response.writeHead(404, { 'content-type': 'text/plain' }).end('not found')
    page().then(
      ({ type, body }) => response.writeHead(200, { 'content-type': type }).end(body),
      (error: unknown) => response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error)),
    )
  })
  await listen(server, { host, port, flag })
  const { port: bound } = server.address() as AddressInfo
  return {
    address: hostPort(host, bound),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function placeOf(place: string, flag: string): { readonly host: string; readonly port: number } {
  const at = place.lastIndexOf(':')
  const [host, port] = [place.slice(0, at).replace(/^\[|\]$/g, ''), place.slice(at + 1)]
  if (at < 0 || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new FairleadError('INVALID_INPUT', `${flag} has the value '${place}': give an address and a port, as :10258`)
  }
  return { host: host === '' ? '0.0.0.0' : host, port: Number(port) }
}

function listen(
  server: Server,
  { host, port, flag }: { readonly host: string; readonly port: number; readonly flag: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const text = `Cannot listen on ${hostPort(host, port)}: ${cause.message}`
      reject(new FairleadError('PORT_TAKEN', text, { cause, hint: `Choose another with ${flag}` }))
    })
    server.listen({ host, port }, () => resolve())
  })
}
