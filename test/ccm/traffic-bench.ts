import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket, type ConnectionOptions as TlsOptions } from 'node:tls'
import { systemErrorCode } from '../../src/base/error.ts'
import type { KernelDataPlane } from '../../src/cloud/load-balancer/kernel-data-plane.ts'
import { findHaproxy } from '../../src/cloud/load-balancer/layer7/find-haproxy.ts'
import { type Caller, HeldClock, TestLoadBalancer } from '../../src/cloud/load-balancer/test-load-balancer.ts'
import { compileNlbPlan } from '../../src/cloud/nlb/compile-plan.ts'
import { QUOTA_LIMITS } from '../../src/cloud/quota/quota.ts'
import type { RegionSpec } from '../../src/cloud/region.ts'
import { compileSlbPlan } from '../../src/cloud/slb/compile-plan.ts'
import { services } from '../../src/kube/resource.ts'
import type { Service, ServicePort } from '../../src/kube/types/core.ts'
import { type CcmBench, endpoint, openCcmBench, type ServiceOptions } from './ccm-bench.ts'

/** Machines by the number of their node in {@link TestLoadBalancer}: 192.168.1.<n>; the second half is zone-b. */
export const MACHINES = { 'node-1': 1, 'node-2': 129 } as const

export type MachineName = keyof typeof MACHINES

/** Room for machines, pods and load balancers in both zones. */
const REGION: RegionSpec = {
  cluster: 'test',
  vpcCidr: '192.168.0.0/16',
  vSwitches: [
    { zoneId: 'zone-a', cidrBlock: '192.168.1.0/25' },
    { zoneId: 'zone-b', cidrBlock: '192.168.1.128/25' },
  ],
  machines: [
    { name: 'node-1', zoneId: 'zone-a', address: '192.168.1.1' },
    { name: 'node-2', zoneId: 'zone-b', address: '192.168.1.129' },
    { name: 'people', zoneId: 'zone-a', address: '192.168.1.9' },
  ],
}

/** A node that no load balancer takes the address of: they begin at the lowest of each zone. */
const INSIDE = 240
/** What servers see of it. */
export const INSIDE_CLIENT = `192.168.1.${INSIDE}`
const PROXY_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

/** The client on the internet. */
export const CLIENT = '198.51.100.2'

/** Why tests of layer 7 cannot run here, or `false`. */
export function missingHaproxy(): string | false {
  try {
    findHaproxy()
    return false
  } catch (error) {
    return `no haproxy (${systemErrorCode(error)})`
  }
}

/** What an HTTP server of the bench says of a request. */
export interface Seen {
  readonly n: number
  readonly client: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Asked extends Caller {
  readonly headers?: Readonly<Record<string, string>>
  readonly path?: string
  /** Asks by TLS. */
  readonly tls?: TlsOptions
}

/** Notes for how long it is slept. */
class NotingClock extends HeldClock {
  /** Milliseconds. */
  readonly pauses = new Set<number>()

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.pauses.add(ms)
    return super.sleep(ms, signal)
  }
}

/**
 * Reconciled Services and packets together: the controller with the cloud's endpoint, and what the cloud then holds
 * carried by the real data plane to servers in nodes. Packets follow when {@link carry} is called.
 */
export class TrafficBench implements AsyncDisposable {
  readonly ccm: CcmBench
  readonly lb: TestLoadBalancer
  /** Of the data plane: what is to happen later happens when the test says. */
  readonly clock = new NotingClock()
  readonly #plane: KernelDataPlane
  #nodePort = 30_000

  private constructor(ccm: CcmBench, lb: TestLoadBalancer) {
    this.ccm = ccm
    this.lb = lb
    this.#plane = lb.plane(this.clock)
  }

  static async open(kind: 'clb' | 'nlb'): Promise<TrafficBench> {
    const ccm = await openCcmBench({ kind, region: REGION, config: { featureGates: { IPv6DualStack: true } } })
    ccm.cloud.state.transact((transaction) => {
      for (const name of [
        'slb_quota_instances_num',
        'slb_quota_backendserver_attached_num',
        'nlb_quota_loadbalancers_num',
      ] as const) {
        transaction.put(QUOTA_LIMITS, name, { name, limit: 1_000 })
      }
    })
    return new TrafficBench(ccm, new TestLoadBalancer(`ccm-${kind}`))
  }

  nextNodePort(): number {
    this.#nodePort++
    return this.#nodePort
  }

  /** Lets packets follow the cloud as it is now. */
  async carry(): Promise<void> {
    const { state } = this.ccm.cloud
    await this.#plane.apply({ listeners: [...compileSlbPlan(state), ...compileNlbPlan(state)] })
  }

  /** Why listeners of an instance are not carried. */
  async problems(id: string): Promise<string[]> {
    const { problems } = await this.#plane.report()
    return [...problems].filter(([key]) => key.startsWith(`${id}/`)).map(([, problem]) => problem)
  }

  /** What health checks found of an instance's servers. */
  async health(id: string): Promise<string[]> {
    const { health } = await this.#plane.report()
    return [...health].filter(([key]) => key.startsWith(`${id}/`)).map(([, one]) => one)
  }

  /** Waits until health checks find all servers of an instance so. */
  async becomes(id: string, wanted: 'normal' | 'abnormal'): Promise<void> {
    for (;;) {
      const found = await this.health(id)
      if (found.length > 0 && found.every((one) => one === wanted)) return
      await sleep(20)
    }
  }

  /** A machine of the VPC that has no server. */
  get inside(): Caller {
    return { netns: this.lb.node(INSIDE) }
  }

  /** Makes a Service whose endpoints, one on each machine, are where they are said to be. */
  async addService({
    endpoints = ['node-1', 'node-2'],
    ...options
  }: Partial<ServiceOptions> & { readonly endpoints?: readonly MachineName[] }): Promise<Service> {
    const service = await this.ccm.addService(options)
    await this.setEndpoints(service.metadata.name, endpoints)
    return service
  }

  setEndpoints(service: string, machines: readonly MachineName[]): Promise<void> {
    const endpoints = machines.map((machine, i) => endpoint(`10.244.${MACHINES[machine]}.${i + 2}`, machine))
    return this.ccm.setEndpoints(service, endpoints)
  }

  /** A pod on node-1 with an address of the VPC, 192.168.1.<n>, that answers there. */
  async addPod(n: number, port: number): Promise<void> {
    const ecs = '2014-05-26'
    const { ids } = this.ccm.cloud
    const { NetworkInterfaceId } = await this.ccm.ask<{ NetworkInterfaceId: string }>(
      'CreateNetworkInterface',
      {
        VSwitchId: this.ccm.cloud.vSwitch('zone-a'),
        SecurityGroupId: ids.securityGroupId,
        PrimaryIpAddress: `192.168.1.${n}`,
      },
      ecs,
    )
    const place = { NetworkInterfaceId, InstanceId: this.ccm.machine('node-1') }
    await this.ccm.ask('AttachNetworkInterface', place, ecs)
    this.lb.tcp(n, port)
  }

  async remove(name: string): Promise<void> {
    await this.ccm.client.delete(services, { namespace: 'default', name })
    await this.ccm.sync(name)
  }

  /** Servers of a kind on all machines at a port; their sockets end with the bench. */
  serve(kind: 'tcp' | 'udp' | 'http', port: number): void {
    for (const n of Object.values(MACHINES)) {
      if (kind === 'http') this.lb.http(n, undefined, port)
      else this.lb[kind](n, port)
    }
  }

  /** An HTTP server of the test's own on a machine. */
  serveHttp(n: number, port: number, handler: RequestListener): void {
    this.lb.http(n, undefined, port).removeAllListeners('request').on('request', handler)
  }

  /** The server of the bench that answered a connection, and whom it saw. */
  async ask(host: string, from: Caller = {}, port = 80): Promise<{ readonly n: number; readonly client: string }> {
    const [n, client = ''] = (await this.lb.ask(host, port, from)).split(' ')
    return { n: Number(n), client: client.replace('::ffff:', '') }
  }

  /** The answer to a datagram; one that is lost on a busy machine is sent again. */
  async udp(host: string, options: Parameters<TestLoadBalancer['askUdp']>[2] = {}): Promise<string> {
    for (;;) {
      const answer = await this.lb.askUdp(host, 80, options)
      if (answer !== undefined) return answer
    }
  }

  /** The numbers of the servers that answer so many connections. */
  async turns(host: string, count: number, from: Caller = {}): Promise<number[]> {
    const served: number[] = []
    for (let i = 0; i < count; i++) served.push((await this.ask(host, from)).n)
    return served
  }

  /** The client that a header of the Proxy Protocol tells of; servers of the bench repeat what they get. */
  async proxyHeader(host: string, localPort: number): Promise<{ readonly client: string; readonly port: number }> {
    const socket = await this.lb.connect(host, 80, { localAddress: CLIENT, localPort })
    const header = await new Promise<Buffer>((resolve, reject) => {
      let all = Buffer.alloc(0)
      socket.once('close', () => reject(new Error(`${host} ended the connection without a header`)))
      socket.on('data', (data) => {
        all = Buffer.concat([all, data])
        const start = all.indexOf(PROXY_SIGNATURE)
        if (start >= 0 && all.length >= start + 28) resolve(all.subarray(start))
      })
    })
    socket.destroy()
    return { client: [...header.subarray(16, 20)].join('.'), port: header.readUInt16BE(24) }
  }

  /** Asks by HTTP once, over a connection of its own. */
  async http(host: string, { headers = {}, path = '/', tls, ...from }: Asked = {}): Promise<HttpAnswer> {
    const port = tls === undefined ? 80 : 443
    const socket = tls === undefined ? await this.lb.connect(host, port, from) : await this.tls(host, tls, from)
    try {
      return await answerOver(socket, { headers: { connection: 'close', ...headers }, path })
    } finally {
      socket.destroy()
    }
  }

  /** The same from a server of the bench. */
  async seen(host: string, asked: Asked = {}): Promise<Seen> {
    return JSON.parse((await this.http(host, asked)).body) as Seen
  }

  /** A connection by TLS whose handshake is over. */
  async tls(host: string, options: TlsOptions, from: Caller = {}, port = 443): Promise<TLSSocket> {
    const socket = await this.lb.connect(host, port, from)
    return new Promise((resolve, reject) => {
      const secure = connectTls({ socket, rejectUnauthorized: false, ...options }, () => resolve(secure))
      secure.once('error', reject)
    })
  }

  /** For whom the certificate is that is shown to who asks for a name. */
  async certificateOf(host: string, servername = 'www.example.com'): Promise<string> {
    const socket = await this.tls(host, { servername })
    const { CN } = socket.getPeerCertificate().subject
    socket.destroy()
    return [CN].flat().join()
  }

  /** The version that is spoken with who wants that one alone. */
  async tlsVersion(host: string, version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string | null> {
    const options = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }
    const socket = await this.tls(host, options)
    const spoken = socket.getProtocol()
    socket.destroy()
    return spoken
  }

  /** The protocol that is agreed on with who prefers HTTP/2. */
  async alpn(host: string): Promise<string | false | null> {
    const socket = await this.tls(host, { ALPNProtocols: ['h2', 'http/1.1'] })
    const { alpnProtocol } = socket
    socket.destroy()
    return alpnProtocol
  }

  /** Whether a place answers connections from somewhere. */
  async isOpen(host: string, from: Caller = {}, port = 80): Promise<boolean> {
    try {
      const socket = await this.lb.connect(host, port, { timeoutMs: 300, ...from })
      socket.destroy()
      return true
    } catch {
      return false
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lb[Symbol.asyncDispose]()
    await this.ccm[Symbol.asyncDispose]()
  }
}

/** HTTP servers that note what they are asked for. */
export class NotedServers {
  readonly #bench: () => TrafficBench
  /** What each was asked for, by the name of the case; the one on node-1 is the first. */
  readonly #asked = new Map<string, readonly string[][]>()

  constructor(bench: () => TrafficBench) {
    this.#bench = bench
  }

  /** Puts servers at a port, which answer the status that is told for the n-th request of each. */
  serve(name: string, status: (request: number, url: string) => number): (port: number) => void {
    const servers = Object.values(MACHINES).map((n) => ({ n, asked: [] as string[] }))
    this.#asked.set(
      name,
      servers.map(({ asked }) => asked),
    )
    return (port) => {
      for (const { n, asked } of servers) {
        this.#bench().serveHttp(n, port, (request, response) => {
          request.resume()
          asked.push(`${request.method} ${request.url} ${request.headers.host}`)
          response.writeHead(status(asked.length, request.url ?? '')).end(JSON.stringify({ n }))
        })
      }
    }
  }

  /** Waits until each was asked so often; what the one on node-1 was asked for. */
  async asked(name: string, count: number): Promise<readonly string[]> {
    for (;;) {
      const asked = this.#asked.get(name) ?? []
      if (asked.length > 0 && asked.every(({ length }) => length >= count)) return asked[0] ?? []
      await sleep(20)
    }
  }
}

interface Question {
  readonly headers: Readonly<Record<string, string>>
  readonly path: string
}

function answerOver(socket: Socket, question: Question): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ createConnection: () => socket, host: 'www.example.com', ...question })
    request.on('error', reject)
    request.on('response', (response) => {
      bodyOf(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      )
    })
    request.end()
  })
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** A port of a Service, as annotations of listeners want it: TCP unless it is UDP. */
export function portOf(protocol: string, nodePort: number, change: Partial<ServicePort> = {}): ServicePort {
  return { port: 80, targetPort: 8080, nodePort, protocol: protocol === 'udp' ? 'UDP' : 'TCP', ...change }
}
