/** For tests: a server on 127.0.0.1 that others ask. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server, type Socket as Stream } from 'node:net'
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls'
import { systemErrorCode } from '../../base/error.ts'
import { openFreshUdp, openUdp } from '../../linux/socket.ts'
import { FLAG, RCODE, TYPE } from '../wire/codes.ts'
import { decodeMessage, encodeMessage } from '../wire/message.ts'
import type { DnsRecord } from '../wire/record.ts'

/**
 * Every name is 192.0.2.1, but for `several.*`, which has three addresses, `no.*`, which is not there, `large.*`, which fits by TCP only, and `forged.*`, which is
 * answered wrongly before it is answered, `refused.*`, and `last.*`, after which a stream is closed.
 */
export class TestUpstream implements AsyncDisposable {
  readonly port: number
  /** Where questions came from. */
  readonly ports: number[] = []
  /** How many came by TCP or TLS. */
  connections = 0
  /** Options of EDNS0 with which a name was asked for last: `code hex`. */
  readonly options = new Map<string, readonly string[]>()
  readonly #names: string[] = []
  readonly #streams = new Set<Stream>()
  readonly #udp: Socket
  readonly #tcp: Server
  #closed = false

  private constructor(udp: Socket, tcp: Server) {
    this.#udp = udp
    this.#tcp = tcp
    this.port = udp.address().port
    udp.on('message', (data, from) => this.#answerUdp(data, from))
    tcp.on(tcp instanceof TlsServer ? 'secureConnection' : 'connection', (socket) => this.#accept(socket))
  }

  /** @param tls PEM, for streams by TLS instead of TCP. */
  static async open(port = 0, tls?: { readonly cert: string; readonly key: string }): Promise<TestUpstream> {
    const host = '127.0.0.1'
    // A port that stays free while nobody listens, and that both protocols have free.
    for (;;) {
      const udp = createSocket('udp4').bind({ fd: port === 0 ? openFreshUdp({ host }) : openUdp({ host, port }) })
      const tcp = tls === undefined ? createServer() : createTlsServer(tls)
      try {
        await once(tcp.listen(udp.address().port, host), 'listening')
        return new TestUpstream(udp, tcp)
      } catch (error) {
        udp.close()
        if (port !== 0 || systemErrorCode(error) !== 'EADDRINUSE') throw error
      }
    }
  }

  /** How many of them are open. */
  get open(): number {
    return this.#streams.size
  }

  /** How often a name was asked for. */
  asked(name: string): number {
    return this.#names.filter((other) => other === name).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#udp.close()
    this.#tcp.close()
    for (const stream of this.#streams) stream.destroy()
    await once(this.#tcp, 'close')
  }

  #accept(socket: Stream): void {
    this.connections++
    this.#streams.add(socket)
    socket.once('close', () => this.#streams.delete(socket))
    socket.on('error', () => socket.destroy())
    let received = Buffer.alloc(0)
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data])
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0)
        const { name, bytes } = this.#answer(received.subarray(2, end), false)
        received = received.subarray(end)
        const length = Buffer.alloc(2)
        length.writeUInt16BE(bytes.length)
        socket.write(Buffer.concat([length, bytes]))
        if (name.startsWith('last.')) socket.end()
      }
    })
  }

  #answerUdp(data: Buffer, from: RemoteInfo): void {
    const { name, bytes } = this.#answer(data, true)
    this.ports.push(from.port)
    if (name.startsWith('forged.')) {
      const wrongId = Buffer.from(bytes)
      wrongId.writeUInt16BE(wrongId.readUInt16BE(0) ^ 1, 0)
      this.#udp.send(wrongId, from.port, from.address)
      const otherName = Buffer.from(bytes)
      otherName.write('x', 13)
      this.#udp.send(otherName, from.port, from.address)
    }
    this.#udp.send(bytes, from.port, from.address)
  }

  #answer(data: Buffer, isUdp: boolean): { readonly name: string; readonly bytes: Buffer } {
    const { id = 0, question, edns } = decodeMessage(data) ?? {}
    const { name = '', type = TYPE.A } = question ?? {}
    this.#names.push(name)
    this.options.set(
      name,
      (edns?.options ?? []).map((option) => `${option.code} ${Buffer.from(option.data).toString('hex')}`),
    )
    const large = name.startsWith('large.')
    const count = large ? 20 : name.startsWith('several.') ? 3 : 1
    const answers = code(name) !== RCODE.NOERROR ? [] : large && isUdp ? [] : records(name, type, count)
    const soa: DnsRecord = {
      name: 'example.com',
      ttl: 60,
      data: {
        kind: 'SOA',
        primary: 'ns.example.com',
        mailbox: 'h.example.com',
        serial: 1,
        refresh: 1,
        retry: 1,
        expire: 1,
        minimum: 60,
      },
    }
    const flags = FLAG.QR | FLAG.RA | (large && isUdp ? FLAG.TC : 0) | code(name)
    const asked = { name, type, class: 1 }
    return {
      name,
      bytes: encodeMessage({ id, flags, question: asked, answers, authorities: answers.length === 0 ? [soa] : [] }),
    }
  }
}

function code(name: string): number {
  if (name.startsWith('refused.')) return RCODE.REFUSED
  return name.startsWith('no.') ? RCODE.NXDOMAIN : RCODE.NOERROR
}

function records(name: string, type: number, count: number): DnsRecord[] {
  if (type === TYPE.A) {
    const addresses = Array.from({ length: name.startsWith('several.') ? count : 1 }, (_, i) => `192.0.2.${i + 1}`)
    return addresses.map((address) => ({ name, ttl: 60, data: { kind: 'A', address } }))
  }
  if (type !== TYPE.TXT) return []
  return Array.from({ length: count }, (_, i) => ({
    name,
    ttl: 60,
    data: { kind: 'TXT', strings: [`${i}`.padEnd(100, '.')] },
  }))
}
