import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import type { HostPort } from '../corefile/arguments.ts'

/** A page: its code and text. */
export type Page = () => { readonly code: number; readonly text: string; readonly type?: string }

/** The small web servers of `health`, `ready` and `prometheus`; one for each address, with a page for each path. */
export class StatusPages implements AsyncDisposable {
  readonly #servers: Server[] = []

  /** @throws FairleadError `PORT_TAKEN` */
  async open(address: HostPort, pages: Readonly<Record<string, Page>>): Promise<number> {
    const server = createServer((request, response) => answer(pages, request, response))
    server.listen(address.port, address.host === '' ? undefined : address.host)
    try {
      await once(server, 'listening')
    } catch (cause) {
      if (systemErrorCode(cause) !== 'EADDRINUSE') throw cause
      const place = `${address.host}:${address.port}`
      throw new FairleadError('PORT_TAKEN', `Cannot listen on ${place}/tcp: the port is in use`, { cause })
    }
    this.#servers.push(server)
    return (server.address() as { port: number }).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}

function answer(pages: Readonly<Record<string, Page>>, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').split('?')[0] ?? '/'
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined
  const { code, text, type = 'text/plain; charset=utf-8' } = page?.() ?? { code: 404, text: '404 page not found\n' }
  response.writeHead(code, { 'content-type': type })
  response.end(text)
}
