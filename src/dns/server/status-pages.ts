import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { errorMessage, FairleadError, systemErrorCode } from '../../base/error.ts'
import type { HostPort } from '../corefile/arguments.ts'

interface PageText {
  readonly code: number
  readonly text: string
  readonly type?: string
}

/** A page: its code and text. */
export type Page = () => PageText | Promise<PageText>

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
  const write = ({ code, text, type = 'text/plain; charset=utf-8' }: PageText) => {
    response.writeHead(code, { 'content-type': type })
    response.end(text)
  }
  const said = page?.() ?? { code: 404, text: '404 page not found\n' }
  if (said instanceof Promise) said.then(write, (error: unknown) => write({ code: 500, text: errorMessage(error) }))
  else write(said)
}
