/** Sends one real packet from inside a namespace, and says what came of it. */
import { createSocket } from 'node:dgram'
import { FairleadError, systemErrorCode } from '../../base/error.ts'
import { SOL_SOCKET, SyscallError, setSocketOption, setSocketOptionInt } from '../../linux/libc.ts'
import { connectTcp, openFreshUdp } from '../../linux/socket.ts'
import type { Flow } from '../hop.ts'
import { datagram, type Nonce } from './watch-point.ts'

/** As the sender sees it. `forbidden`: its own machine did not let it out, which the sender of a datagram is told. */
export type Fate = 'answered' | 'refused' | 'unreachable' | 'silent' | 'forbidden'

export interface Sending {
  readonly netns: string
  readonly flow: Flow
  readonly nonce: Nonce
  /** Bound to the flow's source; else the kernel chooses. */
  readonly bind: boolean
  /** Until nobody answers. */
  readonly patienceMs: number
  /** Ends the wait: it is known that nobody will answer. */
  readonly hopeless: AbortSignal
}

const SO_LINGER = 13
const IPPROTO_TCP = 6
/** Source: include/uapi/linux/tcp.h */
const TCP_REPAIR = 19
const TCP_REPAIR_QUEUE = 20
const TCP_QUEUE_SEQ = 21
const TCP_SEND_QUEUE = 2

export function send(sending: Sending): Promise<Fate> {
  return sending.flow.protocol === 'UDP' ? sendDatagram(sending) : openConnection(sending)
}

async function openConnection({ netns, flow, nonce, bind, patienceMs, hopeless }: Sending): Promise<Fate> {
  try {
    const socket = await connectTcp({
      netns,
      host: flow.destination,
      port: flow.port,
      timeoutMs: patienceMs,
      signal: hopeless,
      ...(bind ? { localAddress: flow.source } : {}),
      prepare: (fd) => chooseSequence(fd, nonce.number),
    })
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.resetAndDestroy()
    await closed
    return 'answered'
  } catch (error) {
    return fateOf(error, hopeless)
  }
}

/** The connection begins with this number, and ends with a reset: also when this process is killed. */
function chooseSequence(fd: number, number: number): void {
  const reset = Buffer.alloc(8)
  reset.writeInt32LE(1)
  setSocketOption(fd, SOL_SOCKET, SO_LINGER, reset)
  setSocketOptionInt(fd, IPPROTO_TCP, TCP_REPAIR, 1)
  setSocketOptionInt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE)
  setSocketOptionInt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, number | 0)
  setSocketOptionInt(fd, IPPROTO_TCP, TCP_REPAIR, 0)
}

function sendDatagram({ netns, flow, nonce, bind, patienceMs, hopeless }: Sending): Promise<Fate> {
  const six = flow.destination.includes(':')
  const host = bind ? flow.source : six ? '::' : '0.0.0.0'
  const socket = createSocket(six ? 'udp6' : 'udp4')
  return new Promise<Fate>((resolve, reject) => {
    // An answer that came while this process was busy is heard before the time is said to be over.
    const timer = setTimeout(() => setImmediate(() => resolve('silent')), patienceMs)
    const settle = (fate: Fate) => {
      clearTimeout(timer)
      resolve(fate)
    }
    hopeless.addEventListener('abort', () => settle('silent'), { once: true })
    const fail = (error: unknown) => {
      clearTimeout(timer)
      try {
        resolve(fateOf(error, hopeless))
      } catch (failure) {
        reject(failure)
      }
    }
    socket.once('error', fail)
    socket.once('message', () => settle('answered'))
    socket.bind({ fd: openFreshUdp({ netns, host }) }, () => {
      socket.connect(flow.port, flow.destination, (error?: Error) => {
        if (error) fail(error)
        else socket.send(datagram(nonce.number), (failure) => failure && fail(failure))
      })
    })
  }).finally(() => socket.close())
}

function fateOf(error: unknown, hopeless: AbortSignal): Fate {
  if (hopeless.aborted) return 'silent'
  if (error instanceof FairleadError && error.code === 'TIMEOUT') return 'silent'
  const code = error instanceof SyscallError ? error.errno : systemErrorCode(error)
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'unreachable'
  if (code === 'EPERM' || code === 'EACCES') return 'forbidden'
  if (code === 'ECONNRESET') return 'answered'
  throw error
}
