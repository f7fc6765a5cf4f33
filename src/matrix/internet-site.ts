import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { FLAG, RCODE, TYPE } from '../dns/wire/codes.ts'
import { decodeMessage, encodeMessage } from '../dns/wire/message.ts'
import { listenTcp, openUdp } from '../linux/socket.ts'
import { EXTERNAL_NAME } from './scene.ts'

/** What the site on the internet says, so that nobody else's answer is taken for it. */
export const SITE_POD = EXTERNAL_NAME

const TTL_SECONDS = 30

/** The internet's end of an ExternalName: who knows the name, and who serves it. Both at one address. */
export class InternetSite implements AsyncDisposable {
  readonly #server: Server
  readonly #names: Socket

  private constructor(server: Server, names: Socket) {
    this.#server = server
    this.#names = names
  }

  /**
   * Serves the name (UDP port 53) and HTTP (port 80) inside a namespace.
   *
   * @throws FairleadError `PORT_TAKEN`
   */
  static async open(netns: string, address: string): Promise<InternetSite> {
    const server = createServer((request, response) => {
      const { remoteAddress = '', remotePort = 0 } = request.socket
      response.setHeader('connection', 'close')
      response.end(JSON.stringify({ pod: SITE_POD, node: 'internet', client: `${remoteAddress}:${remotePort}` }))
    })
    const names = createSocket('udp4')
    names.on('message', (bytes, from) => {
      const answer = answerTo(bytes, address)
      if (answer !== undefined) names.send(answer, from.port, from.address)
    })
    const listening = once(server, 'listening')
    server.listen({ fd: listenTcp({ netns, host: address, port: 80 }) })
    await listening
    const bound = once(names, 'listening')
    names.bind({ fd: openUdp({ netns, host: address, port: 53 }) })
    await bound
    return new InternetSite(server, names)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#names.close()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

/** Knows one name. */
function answerTo(bytes: Buffer, address: string): Buffer | undefined {
  const asked = decodeMessage(bytes)
  if (asked?.question === undefined) return undefined
  const { id, question } = asked
  const isOurs = question.name.toLowerCase() === EXTERNAL_NAME
  const answers =
    isOurs && question.type === TYPE.A
      ? [{ name: question.name, ttl: TTL_SECONDS, data: { kind: 'A', address } as const }]
      : []
  const flags = FLAG.QR | FLAG.AA | FLAG.RD | (isOurs ? RCODE.NOERROR : RCODE.NXDOMAIN)
  return encodeMessage({ id, flags, question, answers })
}
