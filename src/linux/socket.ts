/**
 * Sockets in a network namespace. A socket stays in the namespace where it was opened, so the descriptor is opened there
 * and handed to Node.js, which reads and writes it as any other.
 */
import { randomInt } from 'node:crypto'
import { Socket } from 'node:net'
import { FairleadError, isFairleadError } from '../base/error.ts'
import { requireAddress } from '../base/ip.ts'
import {
  AF_INET,
  AF_INET6,
  bind,
  close,
  connect,
  getSocketName,
  isErrno,
  listen,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  setSocketOptionInt,
  socket,
} from './libc.ts'
import { inNetns } from './netns.ts'
import { decodeSocketAddress, encodeSocketAddress, formatSocketAddress, type SocketAddress } from './socket-address.ts'

const SO_REUSEADDR = 2
const SO_REUSEPORT = 15
const SOL_IPV6 = 41
const IPV6_V6ONLY = 26
const DEFAULT_BACKLOG = 4096

export interface SocketPlace {
  /** Path of the namespace; the caller's own when left out. */
  readonly netns?: string | undefined
  /** An IP address. */
  readonly host: string
  /** 0 lets the kernel choose; {@link socketAddress} says which. */
  readonly port: number
}

export interface ConnectOptions extends SocketPlace {
  readonly timeoutMs: number
  /** Source address. */
  readonly localAddress?: string
  readonly localPort?: number
  readonly signal?: AbortSignal
  /** Sets what must be set before it connects. */
  readonly prepare?: (fd: number) => void
}

/**
 * Connects to an address from inside a namespace.
 *
 * @throws FairleadError `TIMEOUT` when nobody answered in time; otherwise the system's own error (`ECONNREFUSED`,
 *   `EHOSTUNREACH`, ...) as Node.js or libc.ts gives it.
 */
export async function connectTcp(options: ConnectOptions): Promise<Socket> {
  const fd = openSocket(options, SOCK_STREAM | SOCK_NONBLOCK)
  try {
    if (options.localAddress !== undefined) {
      const local = { host: options.localAddress, port: options.localPort ?? 0 }
      bindSocket(fd, local)
    }
    options.prepare?.(fd)
    connect(fd, encodeSocketAddress(options), formatSocketAddress(options))
  } catch (error) {
    if (!isErrno(error, 'EINPROGRESS')) {
      close(fd)
      throw error
    }
  }
  return established(new Socket({ fd }), options)
}

/**
 * A listening TCP socket inside a namespace, for `server.listen({ fd })`, which takes over its closing.
 *
 * @throws FairleadError `PORT_TAKEN`
 */
export function listenTcp(place: SocketPlace, backlog = DEFAULT_BACKLOG): number {
  // Without it, a listener could not come back while old connections linger.
  const prepare = (fd: number) => setSocketOptionInt(fd, SOL_SOCKET, SO_REUSEADDR, 1)
  return bound(place, SOCK_STREAM, { prepare, finish: (fd) => listen(fd, backlog) })
}

export interface UdpOptions {
  /**
   * Whether other sockets of this user may be bound to the same place; each packet goes to one of them, chosen by who
   * sent it (socket(7), SO_REUSEPORT). The `first` must find the place free; those that `join` share it.
   */
  readonly sharing?: 'first' | 'join'
}

/**
 * A UDP socket inside a namespace, for `dgram.createSocket(...).bind({ fd })`, which takes over its closing.
 *
 * @throws FairleadError `PORT_TAKEN`
 */
export function openUdp(place: SocketPlace, { sharing }: UdpOptions = {}): number {
  const share = (fd: number) => setSocketOptionInt(fd, SOL_SOCKET, SO_REUSEPORT, 1)
  // SO_REUSEADDR would share the port with any socket, the last of which gets all.
  const prepare = (fd: number) => sharing === 'join' && share(fd)
  return bound(place, SOCK_DGRAM, { prepare, finish: (fd) => sharing === 'first' && share(fd) })
}

/** Below what the kernel gives out by itself and what Kubernetes takes for NodePorts. */
const [FIRST_FRESH_PORT, FRESH_PORTS] = [10_000, 20_000]
let freshPort = randomInt(FRESH_PORTS)

/**
 * As `openUdp`, on the next port in turn: the kernel draws ports by lot, and a flow on a port that another one has just
 * had goes where connection tracking remembers that one to go.
 *
 * @throws FairleadError `PORT_TAKEN` when all are
 */
export function openFreshUdp(place: Omit<SocketPlace, 'port'>): number {
  return atFreshPort((port) => openUdp({ ...place, port }))
}

/**
 * As `listenTcp`, on a port that stays free while its server restarts: one that the kernel drew by lot could be drawn
 * again, for a client of that very server.
 *
 * @throws FairleadError `PORT_TAKEN` when all are
 */
export function listenFreshTcp(place: Omit<SocketPlace, 'port'>): number {
  return atFreshPort((port) => listenTcp({ ...place, port }))
}

function atFreshPort(open: (port: number) => number): number {
  for (let tried = 1; ; tried += 1) {
    freshPort = (freshPort + 1) % FRESH_PORTS
    try {
      return open(FIRST_FRESH_PORT + freshPort)
    } catch (error) {
      if (tried === FRESH_PORTS || !isFairleadError(error, 'PORT_TAKEN')) throw error
    }
  }
}

/** Where a socket is bound. */
export function socketAddress(fd: number): SocketAddress {
  return decodeSocketAddress(getSocketName(fd))
}

interface BindSteps {
  readonly prepare: (fd: number) => unknown
  readonly finish: (fd: number) => unknown
}

function bound(place: SocketPlace, type: number, { prepare, finish }: BindSteps): number {
  const fd = openSocket(place, type | SOCK_NONBLOCK)
  try {
    prepare(fd)
    bindSocket(fd, place)
    finish(fd)
    return fd
  } catch (error) {
    close(fd)
    throw error
  }
}

function openSocket(place: SocketPlace, type: number): number {
  const family = requireAddress(place.host).length === 4 ? AF_INET : AF_INET6
  const fd = inNetns(place.netns, () => socket(family, type))
  if (family === AF_INET6) setSocketOptionInt(fd, SOL_IPV6, IPV6_V6ONLY, 1)
  return fd
}

function bindSocket(fd: number, address: SocketAddress): void {
  const text = formatSocketAddress(address)
  try {
    bind(fd, encodeSocketAddress(address), text)
  } catch (cause) {
    if (!isErrno(cause, 'EADDRINUSE')) throw cause
    throw new FairleadError('PORT_TAKEN', `Cannot use ${text}: the port is in use`, { cause })
  }
}

/** Waits until the handshake is done: an empty write is finished as soon as the kernel takes data. */
function established(socket: Socket, options: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const settle = (error?: unknown) => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      socket.off('error', settle)
      if (error === undefined || error === null) {
        resolve(socket)
        return
      }
      socket.on('error', () => {})
      socket.destroy()
      reject(error)
    }
    const onAbort = () => settle(options.signal?.reason)
    const text = `Cannot connect to ${formatSocketAddress(options)}: no answer within ${options.timeoutMs} ms`
    const timer = setTimeout(() => settle(new FairleadError('TIMEOUT', text)), options.timeoutMs)
    socket.on('error', settle)
    options.signal?.addEventListener('abort', onAbort, { once: true })
    if (options.signal?.aborted) onAbort()
    else socket.write(Buffer.alloc(0), settle)
  })
}
