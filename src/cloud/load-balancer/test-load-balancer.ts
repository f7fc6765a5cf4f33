import { execFileSync } from 'node:child_process'
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { connectTcp, listenTcp, openFreshUdp, openUdp } from '../../linux/socket.ts'
import { TestNamespaces } from '../../linux/test-namespaces.ts'
import { createVpc, removeVpc, type Vpc } from '../fabric/vpc-fabric.ts'
import type { HealthCheck } from '../slb/model.ts'
import { KernelDataPlane, removeLoadBalancers } from './kernel-data-plane.ts'
import { FAMILIES } from './layer4/layout.ts'
import type { BackendPlan, ListenerPlan } from './plan.ts'

/** The machine's clock, but what shall be done later is done when the test says. */
export class HeldClock implements Clock {
  readonly #held = new Set<{ readonly ms: number; readonly callback: () => void }>()

  now(): number {
    return systemClock.now()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal)
  }

  after(ms: number, callback: () => void): () => void {
    const one = { ms, callback }
    this.#held.add(one)
    return () => this.#held.delete(one)
  }

  /** Does what waits for so many milliseconds; returns how much that was. */
  release(ms: number): number {
    const due = [...this.#held].filter((one) => one.ms === ms)
    for (const one of due) {
      this.#held.delete(one)
      one.callback()
    }
    return due.length
  }
}

/** Where a connection comes from. */
export interface Caller {
  readonly netns?: string
  readonly localAddress?: string
  readonly localPort?: number
  readonly timeoutMs?: number
}

/** For tests: a VPC with nodes that answer with their own name, the internet, and a data plane between them. */
export class TestLoadBalancer implements AsyncDisposable {
  readonly vpc: Vpc
  readonly internet: string
  readonly directory: string
  readonly #temporary: string
  readonly #cluster: string
  readonly #namespaces = new TestNamespaces()
  readonly #nodes = new Map<string, string>()
  readonly #open: (Server | HttpServer | UdpSocket)[] = []
  readonly #sockets = new Set<Socket>()
  readonly #planes: KernelDataPlane[] = []

  /** @param below Where in its temporary directory the data plane keeps its files. */
  constructor(name: string, below = '') {
    this.#cluster = `t${process.pid}-${name}`
    this.vpc = createVpc({ cluster: this.#cluster })
    this.internet = this.vpc.attachInternet().netns
    this.#temporary = mkdtempSync(join(tmpdir(), 'fairlead-lb-'))
    this.directory = join(this.#temporary, below)
    mkdirSync(this.directory, { recursive: true })
  }

  /** A data plane; several one after the other are restarts. */
  plane(clock: Clock = systemClock): KernelDataPlane {
    const { netns } = this.vpc
    const plane = new KernelDataPlane({ netns, directory: this.directory, clock, log: silentLog })
    this.#planes.push(plane)
    return plane
  }

  /** Path of the namespace of node `n`, made on demand: 192.168.1.<n>, 2001:db8:ffff::<n>. */
  node(n: number): string {
    const name = `${this.#cluster.slice(-1)}n${n}`
    let netns = this.#nodes.get(name)
    if (netns === undefined) {
      netns = this.#namespaces.create(name)
      this.#nodes.set(name, netns)
      const address6 = `2001:db8:ffff::${n}/64`
      this.vpc.attachNode({ name, netns, address: `192.168.1.${n}/24`, address6 })
    }
    return netns
  }

  /** Answers each connection on every node with `<n> <client's address>` and keeps it open: later lines are echoed. */
  tcp(n: number, port = 80): { readonly sockets: Set<Socket>; close(): void } {
    const sockets = new Set<Socket>()
    const accept = (socket: Socket) => {
      sockets.add(socket)
      this.#sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
      socket.on('error', () => {})
      socket.on('data', (data) => socket.write(data))
      socket.write(`${n} ${socket.remoteAddress} ${socket.remotePort}\n`)
    }
    const servers = ['0.0.0.0', '::'].map((host) => {
      const server = createServer(accept)
      server.listen({ fd: listenTcp({ netns: this.node(n), host, port }) })
      this.#open.push(server)
      return server
    })
    return { sockets, close: () => void servers.map((server) => server.close()) }
  }

  /** Answers each datagram with `<n> <client's address>`. */
  udp(n: number, port = 53): UdpSocket {
    const socket = createSocket('udp4')
    socket.on('message', (_message, { address, port: from }) => socket.send(`${n} ${address}`, from, address))
    socket.bind({ fd: openUdp({ netns: this.node(n), host: '0.0.0.0', port }) })
    this.#open.push(socket)
    return socket
  }

  /** An HTTP server on a node; by default it answers with its number, the client's address and the request's headers. */
  http(n: number, answer?: (request: IncomingMessage) => string, port = 80): HttpServer {
    const server = createHttpServer((request, response) => {
      request.resume()
      response.setHeader('content-type', 'text/plain')
      const { remoteAddress: client } = request.socket
      response.end(answer?.(request) ?? JSON.stringify({ n, client, headers: request.headers, url: request.url }))
    })
    server.listen({ fd: listenTcp({ netns: this.node(n), host: '0.0.0.0', port }) })
    this.#open.push(server)
    return server
  }

  /** Connects, from the internet when nothing else is said. */
  async connect(host: string, port: number, from: Caller = {}) {
    const socket = await connectTcp({ netns: this.internet, host, port, timeoutMs: 2000, ...from })
    this.#sockets.add(socket)
    socket.on('error', () => {})
    return socket
  }

  /** The first line of a connection, which is then closed. */
  async ask(host: string, port: number, from: Caller = {}) {
    const socket = await this.connect(host, port, from)
    try {
      return await firstLine(socket)
    } finally {
      socket.resetAndDestroy()
    }
  }

  /** The answer to one datagram; undefined when there is none in time. */
  async askUdp(host: string, port: number, options: { netns?: string; message?: Buffer; from?: UdpSocket } = {}) {
    const socket = options.from ?? this.udpClient(options.netns)
    try {
      return await new Promise<string | undefined>((resolve) => {
        const timer = setTimeout(() => resolve(undefined), 500)
        socket.once('message', (message) => {
          clearTimeout(timer)
          resolve(message.toString())
        })
        socket.send(options.message ?? Buffer.from('?'), port, host)
      })
    } finally {
      if (options.from === undefined) socket.close()
    }
  }

  udpClient(netns = this.internet): UdpSocket {
    const socket = createSocket('udp4')
    socket.bind({ fd: openFreshUdp({ netns, host: '0.0.0.0' }) })
    return socket
  }

  /** What a program prints in the VPC's namespace. */
  inVpc(command: string): string {
    return execFileSync('ip', ['netns', 'exec', `fl-${this.#cluster}-vpc`, ...command.split(' ')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  haproxyPid(): number {
    const { pid } = JSON.parse(readFileSync(join(this.directory, 'haproxy', 'haproxy.json'), 'utf8')) as { pid: number }
    return pid
  }

  /** Our tables with their handles, without what packets change. */
  ruleset(): string {
    return FAMILIES.map((family) => this.inVpc(`nft -a list table ${family} fairlead-slb`))
      .join('')
      .replace(/counter packets \d+ bytes \d+/g, '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const plane of this.#planes) await plane[Symbol.asyncDispose]()
    for (const socket of this.#sockets) socket.destroy()
    for (const one of this.#open) {
      if (isUdp(one)) closeQuietly(one)
      else one.close()
    }
    await removeLoadBalancers({ netns: this.vpc.netns, directory: this.directory, clock: systemClock, log: silentLog })
    rmSync(this.#temporary, { recursive: true, force: true })
    this.vpc[Symbol.dispose]()
    this.#namespaces[Symbol.dispose]()
    removeVpc(this.#cluster)
  }
}

function isUdp(one: Server | HttpServer | UdpSocket): one is UdpSocket {
  return 'send' in one
}

function closeQuietly(socket: UdpSocket): void {
  try {
    socket.close()
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error
  }
}

/** Resolves when the connection ended, however. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.resume().once('close', () => resolve())
  })
}

/** Resolves with the first line; rejects when the connection ends before. */
export function firstLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const onData = (chunk: Buffer) => {
      text += chunk.toString()
      if (!text.includes('\n')) return
      socket.off('data', onData)
      resolve(text.slice(0, text.indexOf('\n')))
    }
    socket.on('data', onData)
    socket.once('close', () => reject(new Error('the connection ended without a line')))
  })
}

export const NO_CHECK: HealthCheck = { type: 'off' }

/** A TCP listener on 203.0.113.10:80 for nodes 1 to n; say what is other. */
export function tcpListener(nodes: number, change: Partial<ListenerPlan> = {}): ListenerPlan {
  return {
    key: 'lb-test/tcp/80',
    address: '203.0.113.10',
    port: 80,
    protocol: 'tcp',
    scheduler: 'rr',
    backends: Array.from({ length: nodes }, (_, index) => backend(index + 1)),
    healthCheck: NO_CHECK,
    layer4: { persistenceTimeout: 0, establishedTimeout: 900, proxyProtocolV2: false },
    ...change,
  }
}

export function udpListener(nodes: number, change: Partial<ListenerPlan> = {}): ListenerPlan {
  const backends = Array.from({ length: nodes }, (_, index) => backend(index + 1, { port: 53 }))
  return tcpListener(nodes, { key: 'lb-test/udp/53', port: 53, protocol: 'udp', backends, ...change })
}

/** An HTTP listener; say what is other. */
export function httpListener(nodes: number, change: Partial<ListenerPlan> = {}): ListenerPlan {
  const { layer4: _none, ...plain } = tcpListener(nodes)
  return { ...plain, protocol: 'http', layer7: LAYER7, ...change }
}

export const LAYER7: NonNullable<ListenerPlan['layer7']> = {
  stickySession: { type: 'off' },
  idleTimeout: 15,
  requestTimeout: 60,
  gzip: false,
  forwardedFor: { proto: false, slbPort: false, slbIp: false, slbId: false, clientSrcPort: false },
}

export function backend(n: number, change: Partial<BackendPlan> = {}): BackendPlan {
  return { key: `i-${n}:80`, address: `192.168.1.${n}`, port: 80, weight: 100, ...change }
}
