/**
 * Many datagrams per system call (recvmmsg(2), sendmmsg(2)). The memory that the kernel reads and writes is allocated
 * once and seen from JavaScript as buffers, so a packet costs no allocation.
 */
import koffi from 'koffi'
import { requireAddress } from '../base/ip.ts'
import { AF_INET, AF_INET6, errnoName, MSG_DONTWAIT, SyscallError } from './libc.ts'

const libc = koffi.load('libc.so.6')
const nativeReceive = libc.func('int recvmmsg(int fd, void *messages, uint count, int flags, void *timeout)')
const nativeSend = libc.func('int sendmmsg(int fd, void *messages, uint count, int flags)')

/** `struct mmsghdr` and its parts (sys/socket.h), the same on x86-64 and arm64. */
const HEADER = 64
const NAME_POINTER = 0
const NAME_LENGTH = 8
const VECTOR_POINTER = 16
const VECTOR_COUNT = 24
const RECEIVED = 56
const VECTOR = 16
/** `struct sockaddr_in6`. */
const ADDRESS = 28
/** Rounds up, so that everything begins at a multiple of 8. */
const ADDRESS_STEP = 32

export interface BatchOptions {
  /** Family of the socket. */
  readonly family: 4 | 6
  /** Packets per call. */
  readonly count: number
  /** Bytes kept of a packet that comes; the rest is cut off. */
  readonly receiveSize: number
  /** Bytes of a packet that goes. */
  readonly sendSize: number
}

/**
 * Packets that came, and packets to be sent to where they came from. Packet `i` of the last {@link receive} begins at
 * `i * receiveSize` of `input`; the next packet to be sent is written at {@link nextOffset} of `output`.
 */
export class DatagramBatch implements Disposable {
  readonly input: Buffer
  readonly output: Buffer
  /** How many wait to be sent. */
  waiting = 0
  readonly #options: BatchOptions
  readonly #memory: unknown
  readonly #all: Buffer
  readonly #incoming: Place
  readonly #outgoing: Place
  readonly #incomingPointer: bigint
  readonly #outgoingPointer: bigint
  readonly #names: { readonly offset: number; readonly addresses: readonly bigint[] }
  /** Whose address each outgoing header points to. */
  readonly #targets: Int32Array
  readonly #receiveFlags: number

  constructor(options: BatchOptions) {
    const { count, receiveSize, sendSize, family } = options
    this.#options = options
    this.#receiveFlags = MSG_DONTWAIT
    // One name more than packets: for who was not received here.
    const names = (count + 1) * ADDRESS_STEP
    const sizes = [names, count * HEADER, count * HEADER, count * VECTOR, count * VECTOR, count * receiveSize]
    const starts: number[] = []
    let total = 0
    for (const size of [...sizes, count * sendSize]) {
      starts.push(total)
      total += (size + 7) & ~7
    }
    const [nameStart = 0, inStart = 0, outStart = 0, inVectors = 0, outVectors = 0, input = 0, output = 0] = starts
    this.#memory = koffi.alloc('uint8', total)
    const base = koffi.address(this.#memory) as bigint
    this.#all = Buffer.from(koffi.view(this.#memory, total) as ArrayBuffer)
    this.#all.fill(0)
    this.input = this.#all.subarray(input, input + count * receiveSize)
    this.output = this.#all.subarray(output, output + count * sendSize)
    const addresses = Array.from({ length: count + 1 }, (_, i) => base + BigInt(nameStart + i * ADDRESS_STEP))
    this.#names = { offset: nameStart, addresses }
    this.#incoming = { headers: inStart, vectors: inVectors, data: input, size: receiveSize }
    this.#outgoing = { headers: outStart, vectors: outVectors, data: output, size: sendSize }
    this.#incomingPointer = base + BigInt(inStart)
    this.#outgoingPointer = base + BigInt(outStart)
    this.#targets = Int32Array.from({ length: count }, (_, i) => i)
    for (const place of [this.#incoming, this.#outgoing]) this.#prepare(place, base, family === 4 ? 16 : ADDRESS)
  }

  /**
   * Takes what has come, at most `count` packets, without waiting. What waits to be sent must be sent before.
   *
   * @returns How many came.
   */
  receive(fd: number): number {
    const received = nativeReceive(fd, this.#incomingPointer, this.#options.count, this.#receiveFlags, null) as number
    if (received >= 0) return received
    const errno = errnoName(koffi.errno())
    // A refusal of an earlier packet by the network is reported on the socket; it says nothing of packets to come.
    if (errno === 'EAGAIN' || errno === 'EINTR' || errno === 'ECONNREFUSED') return 0
    throw new SyscallError('receive on', `socket ${fd}`, errno)
  }

  lengthOf(packet: number): number {
    return this.#all.readUInt32LE(this.#incoming.headers + packet * HEADER + RECEIVED)
  }

  /** Who sent a packet: the bytes of the address, valid until the next {@link receive}. */
  addressOf(packet: number): Buffer {
    const at = this.#names.offset + packet * ADDRESS_STEP
    return this.#options.family === 4 ? this.#all.subarray(at + 4, at + 8) : this.#all.subarray(at + 8, at + 24)
  }

  portOf(packet: number): number {
    return this.#all.readUInt16BE(this.#names.offset + packet * ADDRESS_STEP + 2)
  }

  get nextOffset(): number {
    return this.waiting * this.#options.sendSize
  }

  get isFull(): boolean {
    return this.waiting === this.#options.count
  }

  /** The packet at {@link nextOffset} is to go to the sender of packet `to`. */
  replyTo(to: number, length: number): void {
    const index = this.waiting++
    this.#all.writeUInt32LE(length, this.#outgoing.vectors + index * VECTOR + 8)
    if (this.#targets[index] === to) return
    this.#targets[index] = to
    this.#all.writeBigUInt64LE(this.#names.addresses[to] ?? 0n, this.#outgoing.headers + index * HEADER + NAME_POINTER)
  }

  /** The packet at {@link nextOffset} is to go to someone else; one such packet can wait at a time. */
  sendTo(address: string, port: number, length: number): void {
    const spare = this.#options.count
    const at = this.#names.offset + spare * ADDRESS_STEP
    const { family } = this.#options
    this.#all.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, at)
    this.#all.writeUInt16BE(port, at + 2)
    this.#all.set(requireAddress(address), family === 4 ? at + 4 : at + 8)
    this.replyTo(spare, length)
  }

  /** Sends what waits. What the network refuses is left out, as any datagram may be lost. */
  flush(fd: number): void {
    let rest = this.waiting
    this.waiting = 0
    let pointer = this.#outgoingPointer
    for (let sent = 0, retries = 0; rest > 0; ) {
      const count = nativeSend(fd, pointer, rest, 0) as number
      // The first of those is refused or does not fit for now.
      if (count <= 0 && errnoName(koffi.errno()) === 'EAGAIN' && retries++ < MAX_RETRIES) continue
      const done = Math.max(1, count)
      sent += done
      rest -= done
      if (rest > 0) pointer = this.#outgoingPointer + BigInt(sent * HEADER)
    }
  }

  [Symbol.dispose](): void {
    koffi.free(this.#memory)
  }

  #prepare(place: Place, base: bigint, nameLength: number): void {
    const all = this.#all
    for (let i = 0; i < this.#options.count; i++) {
      const header = place.headers + i * HEADER
      const vector = place.vectors + i * VECTOR
      all.writeBigUInt64LE(this.#names.addresses[i] ?? 0n, header + NAME_POINTER)
      all.writeUInt32LE(nameLength, header + NAME_LENGTH)
      all.writeBigUInt64LE(base + BigInt(vector), header + VECTOR_POINTER)
      all.writeBigUInt64LE(1n, header + VECTOR_COUNT)
      all.writeBigUInt64LE(base + BigInt(place.data + i * place.size), vector)
      all.writeBigUInt64LE(BigInt(place.size), vector + 8)
    }
  }
}

const MAX_RETRIES = 100

interface Place {
  readonly headers: number
  readonly vectors: number
  readonly data: number
  readonly size: number
}
