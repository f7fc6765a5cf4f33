import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openTestBench, type TestBench } from '../../src/apiserver/test-bench.ts'
import type { Client } from '../../src/kube/client.ts'
import { kubeconfig } from '../../src/kube/kubeconfig.ts'
import { createClient } from '../../src/kube/rest-client.ts'
import type { Node, Service } from '../../src/kube/types/core.ts'
import type { EndpointSlice } from '../../src/kube/types/discovery.ts'
import { connectTcp, listenTcp, socketAddress } from '../../src/linux/socket.ts'
import { TestNamespaces } from '../../src/linux/test-namespaces.ts'
import { builtPrograms } from '../cluster/built-programs.ts'
import { RunningCommand } from '../cluster/running-command.ts'

export const NODE_ADDRESS = '192.168.0.1'
const PATIENCE_MS = 20_000

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** An API server that listens inside a machine of its own, and the proxy of that machine as a process. */
export class ProxyBench implements AsyncDisposable {
  readonly api: TestBench
  readonly client: Client
  readonly port: number
  readonly netns: string
  readonly namespaces: TestNamespaces
  readonly #commands: RunningCommand[] = []

  constructor(api: TestBench, machine: { netns: string; namespaces: TestNamespaces; port: number }) {
    this.api = api
    this.client = createClient(api.transport)
    this.netns = machine.netns
    this.namespaces = machine.namespaces
    this.port = machine.port
  }

  /** A kubeconfig of the user that upstream's proxies are. */
  async kubeconfig(name = 'system:kube-proxy'): Promise<string> {
    const { certificatePem, privateKeyPem } = await this.api.certify(name, [])
    return this.write('proxy.kubeconfig', {
      text: kubeconfig({
        name,
        server: `https://127.0.0.1:${this.port}`,
        caPem: this.api.authority,
        clientCertificatePem: certificatePem,
        clientKeyPem: privateKeyPem,
      }),
    })
  }

  write(name: string, { text }: { text: string }): string {
    const path = join(this.api.directory, name)
    writeFileSync(path, text)
    return path
  }

  /** Starts `fairlead proxy` inside the machine. */
  proxy(...args: string[]): RunningCommand {
    return this.command(['proxy', ...args])
  }

  command(
    args: readonly string[],
    { env = {}, as }: { env?: Record<string, string>; as?: number } = {},
  ): RunningCommand {
    const program = [process.execPath, join(builtPrograms(), 'fairlead.js'), ...args]
    const user = as === undefined ? [] : ['setpriv', `--reuid=${as}`, '--clear-groups', '--bounding-set=-all']
    const running = new RunningCommand('ip', ['netns', 'exec', this.namespaces.name('machine'), ...user, ...program], {
      env: { ...process.env, ...env },
    })
    this.#commands.push(running)
    return running
  }

  nft(...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.namespaces.name('machine'), 'nft', ...args], { encoding: 'utf8' })
  }

  /** GETs from inside the machine. */
  async get(host: string, port: number, path: string): Promise<HttpAnswer> {
    const socket = await connectTcp({ netns: this.netns, host, port, timeoutMs: 3000 })
    return new Promise((resolve, reject) => {
      const outgoing = request({ createConnection: () => socket, host, port, path })
      outgoing.on('error', reject)
      outgoing.on('response', async (incoming) => {
        let body = ''
        for await (const chunk of incoming) body += chunk
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body })
      })
      outgoing.end()
    })
  }

  /** GETs again and again until the answer is right. */
  async getUntil(
    place: readonly [string, number, string],
    isRight: (answer: HttpAnswer) => boolean,
  ): Promise<HttpAnswer> {
    return await until(`the right answer of ${place.join(' ')}`, async () => {
      const answer = await this.get(...place).catch(() => undefined)
      return answer !== undefined && isRight(answer) ? answer : undefined
    })
  }

  /** Ends what still runs, as a crash would. */
  async killAll(): Promise<void> {
    for (const command of this.#commands.splice(0)) {
      if (command.running) command.kill('SIGKILL')
      await command.ended()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAll()
    await this.api[Symbol.asyncDispose]()
    this.namespaces[Symbol.dispose]()
  }
}

export async function openProxyBench(): Promise<ProxyBench> {
  const namespaces = new TestNamespaces()
  const netns = namespaces.create('machine')
  namespaces.run('machine', 'ip link set lo up')
  namespaces.run('machine', `ip address add ${NODE_ADDRESS}/32 dev lo`)
  const fd = listenTcp({ netns, host: '127.0.0.1', port: 0 })
  const { port } = socketAddress(fd)
  const api = await openTestBench({ listeners: [{ fd }] })
  return new ProxyBench(api, { netns, namespaces, port })
}

/** Looks until there is something. */
export async function until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(20)
  }
  throw new Error(`Waited for ${what} in vain`)
}

export function nodeNamed(name: string, change: Partial<Node> = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { podCIDRs: ['10.244.1.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: NODE_ADDRESS }] },
    ...change,
  }
}

export function serviceNamed(name: string, spec: Partial<Service['spec']> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default' },
    spec: { ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }], ...spec },
  }
}

export function sliceOf(
  service: string,
  endpoints: readonly { readonly ip: string; readonly node: string }[],
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    metadata: {
      name: `${service}-x`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': service },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': new Date().toISOString() },
    },
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: endpoints.map(({ ip, node }) => ({ addresses: [ip], conditions: { ready: true }, nodeName: node })),
  }
}
