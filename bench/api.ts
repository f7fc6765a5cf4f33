import { spawn, spawnSync } from 'node:child_process'
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { parseArgs } from 'node:util'
import type { KeyPair } from '../src/apiserver/pki/certificate.ts'
import { createCertificateAuthority, issueCertificate } from '../src/apiserver/pki/certificate-authority.ts'
import { generateTokenKey } from '../src/apiserver/pki/service-account-token.ts'
import { systemClock } from '../src/base/clock.ts'
import { FairleadError } from '../src/base/error.ts'
import { workDirectory } from './work-directory.ts'

const PEER_READY_MS = 60_000
const CLIENTS = [1, 16, 64]
const WATCHERS = 100
const SERVICES = '/api/v1/namespaces/default/services'
const MAPS = '/api/v1/namespaces/default/configmaps'

/** An API server in a process of its own. */
interface Server {
  readonly port: number
  readonly pids: readonly number[]
  stop(): Promise<void>
}

interface Pki {
  readonly authority: string
  readonly server: KeyPair
  readonly admin: KeyPair
  readonly tokenKeyPem: string
}

interface Figures {
  readonly api: Record<string, number>
  readonly [name: string]: unknown
}

/**
 * The API over TLS with durable commits: object writes per second and their p99 with 1, 16 and 64 clients, a list of
 * Services, changes delivered to 100 watchers, memory. The clients run in this process, the server in one of its own.
 * The same for kube-apiserver over etcd when both are on PATH.
 *
 * Flags: `--seconds N` per figure (3), `--services N` (10000), `--directory PATH` on the disk to measure (the current one).
 */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '3' },
      services: { type: 'string', default: '10000' },
      directory: { type: 'string', default: '.' },
    },
  })
  const size = { milliseconds: Number(values.seconds) * 1000, services: Number(values.services) }
  const directory = workDirectory(values.directory)
  try {
    const pki = await makePki()
    const own = await measured(await startFairlead(join(directory, 'own'), pki), { pki, ...size })
    const lacking = ['kube-apiserver', 'etcd'].filter((name) => spawnSync('which', [name]).status !== 0)
    if (lacking.length > 0) process.stderr.write(`No peer to compare with: ${lacking.join(' and ')} not on PATH\n`)
    const peer =
      lacking.length > 0 ? null : await measured(await startPeer(join(directory, 'peer'), pki), { pki, ...size })
    return { name: 'api', ...own, peer }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function makePki(): Promise<Pki> {
  const authority = await createCertificateAuthority({ commonName: 'bench', clock: systemClock })
  const server = await issueCertificate(authority, {
    commonName: 'apiserver',
    addresses: ['127.0.0.1'],
    usages: ['server'],
  })
  const admin = await issueCertificate(authority, {
    commonName: 'admin',
    organizations: ['system:masters'],
    usages: ['client'],
  })
  return { authority: authority.certificatePem, server, admin, tokenKeyPem: generateTokenKey() }
}

async function startFairlead(directory: string, pki: Pki): Promise<Server> {
  mkdirSync(directory)
  const configuration = join(directory, 'pki.json')
  writeFileSync(configuration, JSON.stringify(pki), { mode: 0o600 })
  const main = new URL('programs/api-server.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--import', 'tsx', main, configuration, join(directory, 'store')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { port: Number(line.toString()), pids: [child.pid ?? 0], stop: () => ended([child]) }
}

/** kube-apiserver over one etcd, both with their defaults, as far as they need none. */
async function startPeer(directory: string, pki: Pki): Promise<Server> {
  mkdirSync(directory)
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const [clientPort, peerPort, port] = [await freePort(), await freePort(), await freePort()]
  // It reads no PKCS #8.
  const signingKey = file(
    'sa.key',
    createPrivateKey(pki.tokenKeyPem).export({ type: 'sec1', format: 'pem' }).toString(),
  )
  const publicKey = createPublicKey(pki.tokenKeyPem).export({ type: 'spki', format: 'pem' }).toString()
  const log = openSync(join(directory, 'log'), 'w')
  const etcd = spawn(
    'etcd',
    [
      `--data-dir=${join(directory, 'etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${clientPort}`,
      `--advertise-client-urls=http://127.0.0.1:${clientPort}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
      `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
    ],
    { stdio: ['ignore', 'ignore', log] },
  )
  const server = spawn(
    'kube-apiserver',
    [
      `--etcd-servers=http://127.0.0.1:${clientPort}`,
      `--secure-port=${port}`,
      '--bind-address=127.0.0.1',
      `--tls-cert-file=${file('server.crt', pki.server.certificatePem)}`,
      `--tls-private-key-file=${file('server.key', pki.server.privateKeyPem)}`,
      `--client-ca-file=${file('ca.crt', pki.authority)}`,
      `--service-account-key-file=${file('sa.pub', publicKey)}`,
      `--service-account-signing-key-file=${signingKey}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=RBAC',
      '--disable-admission-plugins=ServiceAccount',
    ],
    { stdio: ['ignore', 'ignore', log] },
  )
  closeSync(log)
  const peer = { port, pids: [etcd.pid ?? 0, server.pid ?? 0], stop: () => ended([server, etcd]) }
  if (await becomesReady(peer, pki)) return peer
  await peer.stop()
  const said = readFileSync(join(directory, 'log'), 'utf8').trim().split('\n').slice(-5).join('\n')
  throw new FairleadError(
    'API_UNREACHABLE',
    `kube-apiserver with etcd was not ready in ${PEER_READY_MS / 1000} s: ${said}`,
  )
}

async function becomesReady({ port }: Server, pki: Pki): Promise<boolean> {
  const end = Date.now() + PEER_READY_MS
  while (Date.now() < end) {
    const client = new ApiClient(port, pki)
    const ready = client.call('GET', '/readyz').then(({ status }) => status === 200)
    const isReady = await ready.catch(() => false)
    client.close()
    if (isReady) return true
    await systemClock.sleep(100)
  }
  return false
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function ended(children: readonly ReturnType<typeof spawn>[]): Promise<void> {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
}

interface Size {
  readonly pki: Pki
  readonly milliseconds: number
  readonly services: number
}

async function measured(server: Server, { pki, milliseconds, services }: Size): Promise<Figures> {
  try {
    const idle = rssOf(server)
    const writes: Record<string, { per_s: number; p99_ms: number; p50_ms: number }> = {}
    for (const clients of CLIENTS)
      writes[`${clients}_clients`] = await writeRate(server, pki, { clients, milliseconds })
    const fanout = await watchFanOut(server, pki)
    const create_services_per_s = await createServices(server, pki, services)
    const list = await listTimes(server, pki)
    const shared = writes['16_clients']
    return {
      api: {
        writes_per_s: shared?.per_s ?? 0,
        write_p99_ms: shared?.p99_ms ?? 0,
        [`list_${services}_ms`]: list.best_ms,
        rss_mb: rssOf(server),
      },
      writes,
      list: { services, ...list },
      create_services_per_s,
      watch: { watchers: WATCHERS, ...fanout },
      idle_rss_mb: idle,
    }
  } finally {
    await server.stop()
  }
}

/**
 * One TLS connection, kept open, one request at a time. It reads no more of HTTP than is needed here, so that the
 * processors are the server's.
 */
class ApiClient {
  readonly #socket: TLSSocket
  readonly #ready: Promise<unknown>
  #onBytes: (chunk: Buffer) => void = () => {}
  #fail: (error: Error) => void = () => {}

  constructor(port: number, { authority, admin }: Pki) {
    const identity = { ca: authority, cert: admin.certificatePem, key: admin.privateKeyPem }
    this.#socket = connect({ host: '127.0.0.1', port, ...identity }).setNoDelay()
    this.#ready = once(this.#socket, 'secureConnect')
    this.#socket.on('data', (chunk: Buffer) => this.#onBytes(chunk))
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => this.#fail(new FairleadError('API_UNREACHABLE', 'The server ended a connection')))
  }

  async call(method: string, path: string, body?: unknown): Promise<{ status: number; bytes: number }> {
    await this.#ready
    return new Promise((done, fail) => {
      const answer = new HttpAnswer()
      this.#fail = fail
      this.#onBytes = (chunk) => {
        if (answer.take(chunk)) done({ status: answer.status, bytes: answer.bytes })
      }
      this.#send(method, path, body)
    })
  }

  #send(method: string, path: string, body: unknown): void {
    const payload = body === undefined ? '' : JSON.stringify(body)
    const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n`
    const content = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(payload)}\r\n`
    this.#socket.write(`${head}${payload === '' ? '' : content}\r\n${payload}`)
  }

  /** Counts the lines of a watch until there are as many as wanted. @returns When the watch stands, and when all are there. */
  watch(path: string, wanted: number): { readonly open: Promise<void>; readonly done: Promise<void> } {
    const [opened, all] = [deferred(), deferred()]
    let lines = 0
    let last = 0
    this.#onBytes = (chunk) => {
      opened.resolve()
      for (const byte of chunk) {
        // Lines of HTTP itself end with a carriage return too.
        if (byte === 10 && last !== 13) lines++
        last = byte
      }
      if (lines >= wanted) all.resolve()
    }
    void this.#ready.then(() => this.#send('GET', path, undefined))
    return { open: opened.promise, done: all.promise }
  }

  close(): void {
    this.#fail = () => {}
    this.#socket.destroy()
  }
}

/** An answer as it comes in, with a length or in chunks. */
class HttpAnswer {
  status = 0
  bytes = 0
  #head: Buffer | undefined = Buffer.alloc(0)
  #length: number | undefined
  #tail = ''

  /** True: that was the end. */
  take(chunk: Buffer): boolean {
    if (this.#head === undefined) return this.#count(chunk)
    const head = Buffer.concat([this.#head, chunk])
    const end = head.indexOf('\r\n\r\n')
    this.#head = end < 0 ? head : undefined
    if (end < 0) return false
    const text = head.toString('latin1', 0, end)
    this.status = Number(text.slice(9, 12))
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1]
    this.#length = length === undefined ? undefined : Number(length)
    return this.#count(head.subarray(end + 4))
  }

  #count(chunk: Buffer): boolean {
    this.bytes += chunk.byteLength
    if (this.#length !== undefined) return this.bytes >= this.#length
    this.#tail = `${this.#tail}${chunk.toString('latin1', Math.max(0, chunk.byteLength - 7))}`.slice(-7)
    return this.#tail === '\r\n0\r\n\r\n'
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolvePromise = () => {}
  const promise = new Promise<void>((done) => {
    resolvePromise = done
  })
  return { promise, resolve: resolvePromise }
}

async function withClients<T>(
  server: Server,
  pki: Pki,
  { count, act }: { readonly count: number; readonly act: (client: ApiClient, index: number) => Promise<T> },
): Promise<T[]> {
  const clients = Array.from({ length: count }, () => new ApiClient(server.port, pki))
  try {
    await Promise.all(clients.map((client) => client.call('GET', '/readyz')))
    return await Promise.all(clients.map(act))
  } finally {
    for (const client of clients) client.close()
  }
}

/** Creates and updates ConfigMaps of about a kilobyte, each client its own. */
async function writeRate(
  server: Server,
  pki: Pki,
  { clients, milliseconds }: { readonly clients: number; readonly milliseconds: number },
): Promise<{ per_s: number; p50_ms: number; p99_ms: number }> {
  const latencies: number[] = []
  const data = { text: 'x'.repeat(1000), count: '0' }
  const start = performance.now()
  await withClients(server, pki, {
    count: clients,
    async act(client, index) {
      const name = `bench-${clients}-${index}`
      await client.call('POST', MAPS, { metadata: { name }, data })
      for (let round = 1; performance.now() - start < milliseconds; round++) {
        const begin = performance.now()
        const { status } = await client.call('PUT', `${MAPS}/${name}`, {
          metadata: { name },
          data: { ...data, count: `${round}` },
        })
        if (status === 200) latencies.push(performance.now() - begin)
      }
    },
  })
  const seconds = (performance.now() - start) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number) => rounded(latencies[Math.floor(latencies.length * share)] ?? 0)
  return { per_s: Math.round(latencies.length / seconds), p50_ms: at(0.5), p99_ms: at(0.99) }
}

async function createServices(server: Server, pki: Pki, count: number): Promise<number> {
  let next = 0
  const start = performance.now()
  await withClients(server, pki, {
    count: 32,
    async act(client) {
      for (let index = next++; index < count; index = next++) {
        const ports = [{ port: 80, targetPort: 8080 }]
        await client.call('POST', SERVICES, {
          metadata: { name: `s-${index}` },
          spec: { selector: { app: `${index}` }, ports },
        })
      }
    },
  })
  return Math.round((count * 1000) / (performance.now() - start))
}

async function listTimes(server: Server, pki: Pki): Promise<{ first_ms: number; best_ms: number; bytes: number }> {
  const client = new ApiClient(server.port, pki)
  await client.call('GET', '/readyz')
  const times: number[] = []
  let size = 0
  for (let round = 0; round < 10; round++) {
    const start = performance.now()
    size = (await client.call('GET', '/api/v1/services')).bytes
    times.push(performance.now() - start)
  }
  client.close()
  return { first_ms: rounded(times[0] ?? 0), best_ms: rounded(Math.min(...times)), bytes: size }
}

/** Events delivered per second when each of many changes goes to every watcher. */
async function watchFanOut(server: Server, pki: Pki): Promise<Record<string, number>> {
  const changes = 500
  const namespace = '/api/v1/namespaces/kube-public/configmaps'
  const writer = new ApiClient(server.port, pki)
  const clients = Array.from({ length: WATCHERS }, () => new ApiClient(server.port, pki))
  const watches = clients.map((client) => client.watch(`${namespace}?watch=true&labelSelector=bench`, changes))
  await Promise.all(watches.map(({ open }) => open))
  const start = performance.now()
  const metadata = { name: 'fanout', labels: { bench: 'yes' } }
  await writer.call('POST', namespace, { metadata })
  for (let round = 1; round < changes; round++) {
    await writer.call('PUT', `${namespace}/fanout`, { metadata, data: { round: `${round}` } })
  }
  const written = performance.now()
  await Promise.all(watches.map(({ done }) => done))
  const end = performance.now()
  for (const client of [writer, ...clients]) client.close()
  return {
    events_per_s: Math.round((WATCHERS * changes * 1000) / (end - start)),
    behind_last_write_ms: rounded(end - written),
  }
}

/** Resident memory of all processes of a server. */
function rssOf({ pids }: Server): number {
  const kilobytes = pids.map((pid) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0),
  )
  return Math.round(kilobytes.reduce((sum, each) => sum + each, 0) / 1024)
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}
