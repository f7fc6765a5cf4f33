import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import { FairleadError } from '../../src/base/error.ts'
import type { EchoAnswer, Target, Vantage } from '../../src/cluster/vantage.ts'
import { connectTcp, openFreshUdp } from '../../src/linux/socket.ts'

const TIMEOUT_MS = 5_000
/** A datagram may be lost: whoever waits for an answer asks again. */
const REPEAT_MS = 100

/** Requests over one connection or one socket: to the kernel, all of them are one conversation. */
export interface Conversation extends Disposable {
  ask(): Promise<EchoAnswer>
}

export async function tcpConversation(from: Vantage, { host, port }: Target): Promise<Conversation> {
  const socket = await connectTcp({ netns: from.netns, host, port, timeoutMs: TIMEOUT_MS })
  socket.setEncoding('utf8')
  return {
    ask: () => askOver(socket, host),
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

function askOver(socket: Socket, host: string): Promise<EchoAnswer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const settle = (error?: Error) => {
      socket.off('data', onData).off('error', settle).off('close', onClose)
      clearTimeout(timer)
      if (error !== undefined) reject(error)
    }
    const onClose = () => settle(new FairleadError('CHECK_FAILED', 'The connection was closed'))
    const onData = (data: string) => {
      text += data
      const answer = /\{.*\}\n/.exec(text)?.[0]
      if (answer === undefined) return
      settle()
      resolve(JSON.parse(answer) as EchoAnswer)
    }
    const timer = setTimeout(() => settle(new FairleadError('TIMEOUT', 'No answer')), TIMEOUT_MS)
    socket.on('data', onData).on('error', settle).on('close', onClose)
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  })
}

export async function udpConversation(from: Vantage, { host, port }: Target): Promise<Conversation> {
  const fd = openFreshUdp({ netns: from.netns, host: '0.0.0.0' })
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind({ fd }, resolve))
  return {
    ask: () => askRepeatedly(socket, { host, port, protocol: 'UDP' }),
    [Symbol.dispose]: () => socket.close(),
  }
}

function askRepeatedly(socket: UdpSocket, { host, port }: Target): Promise<EchoAnswer> {
  return new Promise((resolve, reject) => {
    const send = () => socket.send('hello', port, host)
    const repeat = setInterval(send, REPEAT_MS)
    const timer = setTimeout(() => settle(() => reject(new FairleadError('TIMEOUT', 'No answer'))), TIMEOUT_MS)
    const settle = (end: () => void) => {
      clearInterval(repeat)
      clearTimeout(timer)
      socket.off('message', onMessage)
      end()
    }
    const onMessage = (data: Buffer) => settle(() => resolve(JSON.parse(data.toString('utf8')) as EchoAnswer))
    socket.on('message', onMessage)
    send()
  })
}
