import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram'
import type { AddressInfo, Server } from 'node:net'

/** Waits until a server listens, on every address of both families; the port. */
export async function listening(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, resolve)
  })
  return portOf(server.address())
}

/** 0 asks for any port that is free. */
export function portOf(address: AddressInfo | string | null): number {
  return address === null || typeof address === 'string' ? 0 : address.port
}

/** Answers each datagram with what `answer` returns; `undefined` for no answer. */
export async function serveUdp(
  port: number,
  answer: (text: string, from: RemoteInfo) => string | undefined,
): Promise<UdpSocket> {
  const socket = createSocket('udp6')
  socket.on('message', (data: Buffer, from: RemoteInfo) => {
    const reply = answer(data.toString('utf8'), from)
    if (reply !== undefined) socket.send(reply, from.port, from.address)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, resolve)
  })
  socket.on('error', (error) => say(error.message))
  return socket
}

/** `10.244.0.6:40000` or `[fd00::6]:40000`; an IPv4 address reaches a socket of both families as `::ffff:1.2.3.4`. */
export function hostPort(address: string | undefined, port: number | undefined): string {
  const plain = (address ?? '').replace(/^::ffff:/, '')
  return plain.includes(':') ? `[${plain}]:${port}` : `${plain}:${port}`
}

/** A line of the container's log. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
