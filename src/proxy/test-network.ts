/**
 * For tests: a node between its pods and the outside, each a network namespace of its own, with servers that tell who
 * they are and whom they see.
 */
import { execFileSync } from 'node:child_process'
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import { FairleadError } from '../base/error.ts'
import { close, isErrno } from '../linux/libc.ts'
import { connectTcp, listenTcp, openFreshUdp, openUdp } from '../linux/socket.ts'
import { writeSysctls } from '../linux/sysctl.ts'
import { TestNamespaces } from '../linux/test-namespaces.ts'

/** Addresses by place; `outside` is beyond the node, the others are its pods. */
export const ADDRESSES = {
  node: { ip: '192.168.0.1', ip6: 'fd00:192::1' },
  outside: { ip: '198.51.100.2', ip6: '2001:db8:2::2' },
  a: { ip: '10.244.1.2', ip6: 'fd00:10:244:1::2' },
  b: { ip: '10.244.1.3', ip6: 'fd00:10:244:1::3' },
  c: { ip: '10.244.1.4', ip6: 'fd00:10:244:1::4' },
} as const
export type Place = keyof typeof ADDRESSES
export const POD_CIDRS = ['10.244.1.0/24', 'fd00:10:244:1::/64']

const PEERS = ['outside', 'a', 'b', 'c'] as const
const PORT = 8080
const PATIENCE_MS = 3000

/** What a server said: its place, and the address it was asked from. */
export interface Answer {
  readonly from: string
  readonly seen: string
}

export class TestNetwork implements AsyncDisposable {
  readonly namespaces = new TestNamespaces()
  readonly #paths = new Map<Place, string>()
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket | UdpSocket>()

  constructor() {
    for (const place of ['node', ...PEERS] as const) this.#paths.set(place, this.namespaces.create(place))
    try {
      this.#wire()
      writeSysctls(this.path('node'), { 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 })
    } catch (error) {
      this.namespaces[Symbol.dispose]()
      throw error
    }
  }

  /** The path of a place's namespace. */
  path(place: Place): string {
    return this.#paths.get(place) ?? ''
  }

  nft(...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.namespaces.name('node'), 'nft', ...args], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    })
  }

  /** Starts a TCP and a UDP server on port 8080 of a place, on both families. */
  async serve(place: Place, port = PORT): Promise<void> {
    for (const host of [ADDRESSES[place].ip, ADDRESSES[place].ip6]) {
      const server = createServer((socket) => {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.on('data', () => socket.write(`${place} ${plain(socket.remoteAddress ?? '')}`))
      })
      this.#servers.push(server)
      const fd = listenTcp({ netns: this.path(place), host, port })
      await new Promise<void>((resolve) => server.listen({ fd }, resolve))
      const udp = await this.#udp(place, host, port)
      udp.on('message', (_, { address, port: to }) => udp.send(`${place} ${plain(address)}`, to, address))
    }
  }

  /** Opens a connection. Rejects with the system's error. */
  connect(place: Place, host: string, port: number, timeoutMs = PATIENCE_MS): Promise<Socket> {
    return connectTcp({ netns: this.path(place), host, port, timeoutMs }).then((socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      return socket
    })
  }

  /** Asks over a connection of its own. */
  async ask(place: Place, host: string, port: number): Promise<Answer> {
    const socket = await this.connect(place, host, port)
    const answer = await askOver(socket)
    socket.destroy()
    return answer
  }

  /** What becomes of a connection: who answers, or why nobody does. Silence for half a second is a drop. */
  async fate(place: Place, host: string, port: number): Promise<string> {
    try {
      const socket = await this.connect(place, host, port, 500)
      const { from } = await askOver(socket)
      socket.destroy()
      return from
    } catch (error) {
      if (isErrno(error, 'ECONNREFUSED') || String(error).includes('ECONNREFUSED')) return 'refused'
      if (error instanceof FairleadError && error.code === 'TIMEOUT') return 'dropped'
      throw error
    }
  }

  /** Asks by UDP; rejects when refused (ICMP) or when nobody answers. `socket` may be used for several questions. */
  async askUdp(place: Place, host: string, port: number, socket?: UdpSocket): Promise<Answer> {
    const udp = socket ?? (await this.udpClient(place, host, port))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer from ${host}:${port}`)), PATIENCE_MS)
      udp.once('message', (message) => {
        clearTimeout(timer)
        udp.removeAllListeners('error')
        resolve(parseAnswer(message.toString()))
      })
      udp.once('error', (error) => {
        clearTimeout(timer)
        udp.removeAllListeners('message')
        reject(error)
      })
      udp.send('?')
    })
  }

  /** A UDP socket that is connected, so that it hears of refusals. */
  async udpClient(place: Place, host: string, port: number): Promise<UdpSocket> {
    const udp = await this.#udp(place, host.includes(':') ? '::' : '0.0.0.0')
    await new Promise<void>((resolve) => udp.connect(port, host, resolve))
    return udp
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) {
      if ('destroy' in socket) socket.destroy()
      else socket.close()
    }
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))))
    this.namespaces[Symbol.dispose]()
  }

  async #udp(place: Place, host: string, port?: number): Promise<UdpSocket> {
    const netns = this.path(place)
    const fd = port === undefined ? openFreshUdp({ netns, host }) : openUdp({ netns, host, port })
    const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    await new Promise<void>((resolve, reject) => {
      udp.once('error', (error) => {
        close(fd)
        reject(error)
      })
      udp.bind({ fd }, () => {
        udp.removeAllListeners('error')
        resolve()
      })
    })
    this.#sockets.add(udp)
    return udp
  }

  #wire(): void {
    const node = this.namespaces.name('node')
    const lines = [`-n ${node} link set lo up`]
    for (const address of Object.values(ADDRESSES.node)) lines.push(`-n ${node} addr add ${address} dev lo`)
    for (const peer of PEERS) {
      const name = this.namespaces.name(peer)
      lines.push(
        `link add to-${peer} netns ${node} type veth peer name eth0 netns ${name}`,
        `-n ${name} link set lo up`,
        `-n ${name} link set eth0 up`,
        `-n ${node} link set to-${peer} up`,
      )
      const { ip, ip6 } = ADDRESSES[peer]
      lines.push(
        `-n ${node} addr add fe80::1/64 dev to-${peer} nodad`,
        `-n ${name} addr add ${ip} dev eth0`,
        `-n ${name} addr add ${ip6} dev eth0 nodad`,
        `-n ${name} route add default via ${ADDRESSES.node.ip} dev eth0 onlink`,
        `-n ${name} -6 route add default via fe80::1 dev eth0`,
        `-n ${node} route add ${ip} dev to-${peer} src ${ADDRESSES.node.ip}`,
        `-n ${node} -6 route add ${ip6} dev to-${peer} src ${ADDRESSES.node.ip6}`,
      )
    }
    lines.push(
      `-n ${node} route add default dev to-outside src ${ADDRESSES.node.ip}`,
      `-n ${node} -6 route add default dev to-outside src ${ADDRESSES.node.ip6}`,
    )
    for (const line of lines) execFileSync('ip', line.split(' '), { stdio: ['ignore', 'ignore', 'pipe'] })
  }
}

/** Asks over an open connection. */
export function askOver(socket: Socket): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer over the connection')), PATIENCE_MS)
    socket.once('data', (data) => {
      clearTimeout(timer)
      resolve(parseAnswer(data.toString()))
    })
    socket.write('?')
  })
}

function parseAnswer(text: string): Answer {
  const [from = '', seen = ''] = text.split(' ')
  return { from, seen }
}

function plain(address: string): string {
  return address.replace(/^::ffff:/, '')
}
