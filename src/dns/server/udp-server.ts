import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import { formatAddress } from '../../base/ip.ts'
import type { Log } from '../../base/log.ts'
import type { DatagramBatch } from '../../linux/datagram-batch.ts'
import { UDP_SIZE } from '../wire/codes.ts'
import { Question } from '../wire/question.ts'
import type { Asker } from './asker.ts'
import type { Responder } from './responder.ts'

export interface UdpServerOptions {
  readonly host: string
  readonly port: number
  readonly responder: Responder
  readonly log: Log
  /** Packets one by one, as where batches are not to be had. @default false */
  readonly plain?: boolean
  /** For sockets of several threads at the same place, among which the kernel shares out packets. */
  readonly sharing?: 'first' | 'join' | undefined
}

/** Packets per system call. */
const BATCH = 64
/** Answered in one go; then timers, watches and other connections have their turn. */
const ROUND = 1024
const RECEIVE_SIZE = 2048
/** Room for a response, and for reading the TTLs of its end. */
const SEND_SIZE = UDP_SIZE + 48
const RECEIVE_BUFFER = 4 << 20

/** A part of this machine's own means that not every one has. */
interface BatchSocket {
  readonly fd: number
  readonly batch: DatagramBatch
}

/**
 * Answers by UDP. Node.js tells that a packet has come and hands it over; the others that wait are taken from the same
 * socket in batches before control goes back, so that a busy server pays a system call for 64 packets and an idle one
 * answers at once. Without the means for batches all packets come by Node.js.
 */
export class UdpServer implements AsyncDisposable {
  readonly port: number
  readonly isBatched: boolean
  readonly #socket: Socket
  readonly #batched: BatchSocket | undefined
  readonly #responder: Responder
  readonly #log: Log
  readonly #question = new Question()
  readonly #out = Buffer.alloc(SEND_SIZE)
  readonly #family: 4 | 6
  readonly #batchAsker: Asker | undefined
  #current = 0
  /** What is left of this round. */
  #left = ROUND
  #roundEnds = false
  #closed = false

  private constructor(options: UdpServerOptions, socket: Socket, batched: BatchSocket | undefined) {
    this.#socket = socket
    this.#batched = batched
    this.#responder = options.responder
    this.#log = options.log
    this.#family = options.host.includes(':') ? 6 : 4
    this.port = socket.address().port
    this.isBatched = batched !== undefined
    this.#batchAsker = batched === undefined ? undefined : this.#askerOfBatch(batched.batch)
    socket.on('message', (data, from) => this.#take(data, from))
    socket.on('error', (error) => this.#log.warn({ err: error }, 'UDP socket failed'))
  }

  /** @throws FairleadError `PORT_TAKEN` */
  static async open(options: UdpServerOptions): Promise<UdpServer> {
    const { host, port, log } = options
    const batched = options.plain === true ? undefined : await openBatched(options)
    const socket = plainSocket(options, batched !== undefined)
    try {
      // A socket that is bound already listens before `bind` returns.
      const listening = once(socket, 'listening')
      if (batched === undefined) socket.bind(port, host)
      else socket.bind({ fd: batched.fd })
      await listening
    } catch (cause) {
      socket.close()
      if (systemErrorCode(cause) !== 'EADDRINUSE') throw cause
      throw new FairleadError('PORT_TAKEN', `Cannot listen on ${host}:${port}/udp: the port is in use`, { cause })
    }
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER)
    } catch (error) {
      log.debug({ err: error }, 'Receive buffer keeps its size')
    }
    return new UdpServer(options, socket, batched)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
    this.#batched?.batch[Symbol.dispose]()
  }

  /** A packet that Node.js hands over. */
  #take(data: Buffer, from: RemoteInfo): void {
    const state = this.#question.read(data, 0, data.length)
    const asker: Asker = { address: from.address, port: from.port, protocol: 'udp', family: this.#family }
    const length = this.#responder.respond(state, this.#question, asker, { out: this.#out, at: 0 })
    if (length instanceof Promise) this.#sendLater(length, from.port, from.address)
    else if (length > 0) this.#send(this.#out.subarray(0, length), from.port, from.address)
    if (this.#batched !== undefined) this.#drain(this.#batched)
  }

  #send(bytes: Buffer, port: number, address: string): void {
    const { batch, fd } = this.#batched ?? {}
    if (batch === undefined || fd === undefined || address.includes('%')) {
      this.#socket.send(Buffer.from(bytes), port, address, () => {})
      return
    }
    bytes.copy(batch.output, batch.nextOffset)
    batch.sendTo(address, port, bytes.length)
    batch.flush(fd)
  }

  #sendLater(coming: Promise<Buffer>, port: number, address: string): void {
    coming.then(
      (bytes) => {
        if (!this.#closed) this.#send(bytes, port, address)
      },
      (error: unknown) => this.#log.error({ err: error }, 'Cannot send an answer'),
    )
  }

  /** Takes and answers what else has come. */
  #drain({ fd, batch }: BatchSocket): void {
    this.#endRound()
    while (this.#left > 0) {
      const count = batch.receive(fd)
      this.#left -= count
      for (let i = 0; i < count; i++) this.#answer(batch, i)
      batch.flush(fd)
      if (count < BATCH) return
    }
  }

  #endRound(): void {
    if (this.#roundEnds) return
    this.#roundEnds = true
    setImmediate(() => {
      this.#roundEnds = false
      this.#left = ROUND
    })
  }

  #answer(batch: DatagramBatch, packet: number): void {
    this.#current = packet
    const state = this.#question.read(batch.input, packet * RECEIVE_SIZE, batch.lengthOf(packet))
    const place = { out: batch.output, at: batch.nextOffset }
    const asker = this.#batchAsker as Asker
    const length = this.#responder.respond(state, this.#question, asker, place)
    if (length instanceof Promise) this.#sendLater(length, asker.port, asker.address)
    else if (length > 0) batch.replyTo(packet, length)
  }

  /** Whoever sent the packet that is answered now. */
  #askerOfBatch(batch: DatagramBatch): Asker {
    const current = () => this.#current
    return {
      get address() {
        return formatAddress(batch.addressOf(current()))
      },
      get port() {
        return batch.portOf(current())
      },
      protocol: 'udp',
      family: this.#family,
    }
  }
}

/** Node.js shares a place since 22.12. */
function plainSocket({ host, sharing }: UdpServerOptions, isBatched: boolean): Socket {
  const isShared = sharing !== undefined && !isBatched
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (isShared && (major < 22 || (major === 22 && minor < 12))) {
    throw new FairleadError('INVALID_INPUT', 'Several threads need batches of packets, or Node.js 22.12 or newer')
  }
  // Older types do not know it.
  const shared: Pick<SocketOptions, 'ipv6Only'> & { readonly reusePort: boolean } = { reusePort: isShared }
  return host.includes(':')
    ? createSocket({ ...shared, type: 'udp6', ipv6Only: true })
    : createSocket({ ...shared, type: 'udp4' })
}

async function openBatched({ host, port, log, sharing }: UdpServerOptions): Promise<BatchSocket | undefined> {
  const modules = await loadBatches(log)
  if (modules === undefined) return undefined
  const family = host.includes(':') ? 6 : 4
  const fd = modules.openUdp({ host, port }, sharing === undefined ? {} : { sharing })
  const sizes = { count: BATCH, receiveSize: RECEIVE_SIZE, sendSize: SEND_SIZE }
  return { fd, batch: new modules.DatagramBatch({ family, ...sizes }) }
}

/** Not every machine has the library that calls the kernel. */
async function loadBatches(log: Log) {
  try {
    const [{ DatagramBatch }, { openUdp }] = await Promise.all([
      import('../../linux/datagram-batch.ts'),
      import('../../linux/socket.ts'),
    ])
    return { DatagramBatch, openUdp }
  } catch (error) {
    log.warn({ err: error }, 'No batches of packets on this machine: packets are taken one by one')
    return undefined
  }
}
