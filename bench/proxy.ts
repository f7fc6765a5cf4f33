import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createCertificateAuthority, issueCertificate } from '../src/apiserver/pki/certificate-authority.ts'
import { generateTokenKey } from '../src/apiserver/pki/service-account-token.ts'
import { systemClock } from '../src/base/clock.ts'
import { distDirectory } from '../src/cluster/cluster.ts'
import type { Client } from '../src/kube/client.ts'
import { createHttpsTransport } from '../src/kube/https-transport.ts'
import { kubeconfig } from '../src/kube/kubeconfig.ts'
import { endpointSlices, nodes, services } from '../src/kube/resource.ts'
import { createClient } from '../src/kube/rest-client.ts'
import type { EndpointSlice } from '../src/kube/types/discovery.ts'
import { createNetns, deleteNetns } from '../src/linux/netns.ts'
import { NftSocket } from '../src/linux/nftables/socket.ts'
import { connectTcp } from '../src/linux/socket.ts'
import { MeasuredProcess } from './programs/measured-process.ts'

const NODE = 'bench'
const CLIENTS = 32
/** Between two looks at the kernel. */
const LOOK_MS = 0.1
const PATIENCE_MS = 60_000

/** A machine with an API server in it that knows all Services. */
interface Machine {
  readonly name: string
  readonly netns: string
  readonly client: Client
  readonly kubeconfig: string
  readonly kernel: NftSocket
}

interface Size {
  readonly services: number
  readonly endpoints: number
  readonly changes: number
}

type Figures = Record<string, number>

/**
 * The node proxy as a program, with an API server of Fairlead's, both in a network namespace of their own: from the
 * list of Services to all of them in the kernel (`first_sync_ms`; with the start of the program and the reading of the
 * list: `start_ms`), from the write of an EndpointSlice to the kernel (`change_p50_ms`, `change_p99_ms`), processor time
 * and memory of the proxy, rules and elements in the kernel, and the start of a second one that finds everything there.
 * The same for kube-proxy in nftables mode, on the same API server, when it is on PATH. The programs must be built.
 *
 * Flags: `--services N[,N...]` (10000), `--endpoints N` per Service (2), `--changes N` (500). Needs root.
 */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      services: { type: 'string', default: '10000' },
      endpoints: { type: 'string', default: '2' },
      changes: { type: 'string', default: '500' },
    },
  })
  const runs: Record<string, unknown>[] = []
  for (const services of values.services.split(',').map(Number)) {
    runs.push(await measure({ services, endpoints: Number(values.endpoints), changes: Number(values.changes) }))
  }
  const [first] = runs
  return runs.length === 1 ? { ...first } : { runs }
}

async function measure(size: Size): Promise<Record<string, unknown>> {
  const directory = mkdtempSync(join(tmpdir(), 'fl-bench-'))
  const name = `fl-bench${process.pid}-proxy`
  const netns = createNetns(name)
  try {
    await using api = startApi(name, directory, await makePki())
    const machine = await connect(api, { name, netns, directory })
    using _kernel = machine.kernel
    await fill(machine.client, size)
    const own = await measureFairlead(machine, size)
    const peer = spawnSync('which', ['kube-proxy']).status === 0 ? await measurePeer(machine, size) : null
    if (peer === null) process.stderr.write('No peer to compare with: kube-proxy is not on PATH\n')
    return { services: size.services, endpoints: size.endpoints, ...own, peer }
  } finally {
    deleteNetns(name)
    rmSync(directory, { recursive: true, force: true })
  }
}

async function makePki() {
  const authority = await createCertificateAuthority({ commonName: 'bench', clock: systemClock })
  const server = await issueCertificate(authority, {
    commonName: 'apiserver',
    addresses: ['127.0.0.1'],
    usages: ['server'],
  })
  const client = (commonName: string, organizations: string[]) =>
    issueCertificate(authority, { commonName, organizations, usages: ['client'] })
  const [admin, proxy] = [await client('admin', ['system:masters']), await client('system:kube-proxy', [])]
  return { authority: authority.certificatePem, server, admin, proxy, tokenKeyPem: generateTokenKey() }
}

type Pki = Awaited<ReturnType<typeof makePki>>

/** An API server in a process of its own, with the credentials for it. */
type Api = MeasuredProcess & { readonly pki: Pki }

function startApi(netns: string, directory: string, pki: Pki): Api {
  spawnSync('ip', ['-n', netns, 'link', 'set', 'lo', 'up'])
  const pkiFile = join(directory, 'pki.json')
  writeFileSync(pkiFile, JSON.stringify(pki), { mode: 0o600 })
  mkdirSync(join(directory, 'store'))
  const main = new URL('programs/api-server.ts', import.meta.url).pathname
  const command = [process.execPath, '--import', 'tsx', main, pkiFile, join(directory, 'store')]
  return Object.assign(new MeasuredProcess(netns, command), { pki })
}

async function connect(
  api: Api,
  { name, netns, directory }: { readonly name: string; readonly netns: string; readonly directory: string },
): Promise<Machine> {
  const port = Number((await api.says(/^(\d+)\n/))[1])
  const { authority: caPem, admin, proxy } = api.pki
  const server = `https://127.0.0.1:${port}`
  const transport = createHttpsTransport({
    server,
    caPem,
    clientCertificatePem: admin.certificatePem,
    clientKeyPem: admin.privateKeyPem,
    dial: () => connectTcp({ netns, host: '127.0.0.1', port, timeoutMs: 5000 }),
  })
  const path = join(directory, 'kubeconfig')
  const identity = { clientCertificatePem: proxy.certificatePem, clientKeyPem: proxy.privateKeyPem }
  writeFileSync(path, kubeconfig({ name: 'bench', server, caPem, ...identity }))
  return { name, netns, client: createClient(transport), kubeconfig: path, kernel: NftSocket.open(netns) }
}

async function fill(client: Client, size: Size): Promise<void> {
  await client.create(nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: NODE },
    spec: { podCIDRs: ['10.244.0.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
  })
  let next = 0
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      for (let index = next++; index < size.services; index = next++) {
        await client.create(services, {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: `service-${index}`, namespace: 'default' },
          spec: { ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 8080 }] },
        })
        await client.create(endpointSlices, sliceOf(index, size.endpoints))
      }
    }),
  )
}

/** As the EndpointSlice controller writes it. @param shift Other endpoints than at first. */
function sliceOf(index: number, endpoints: number, shift = 0): EndpointSlice {
  const name = `service-${index}`
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    addressType: 'IPv4',
    metadata: {
      name: `${name}-abcde`,
      namespace: 'default',
      generateName: `${name}-`,
      labels: {
        'kubernetes.io/service-name': name,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': new Date().toISOString() },
    },
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
    endpoints: Array.from({ length: endpoints }, (_, i) => ({
      addresses: [`10.244.${((index >> 6) + i + shift) % 255}.${(index + 1) % 254}`],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${i}`,
      targetRef: { kind: 'Pod', namespace: 'default', name: `${name}-${i}`, uid: `0b0c0d0e-0000-4000-8000-${index}` },
      zone: 'zone-a',
    })),
  }
}

async function measureFairlead(machine: Machine, size: Size): Promise<Figures> {
  const command = [process.execPath, join(distDirectory(), 'fairlead.js'), 'proxy']
  const flags = ['--kubeconfig', machine.kubeconfig, '--hostname-override', NODE]
  const start = () => new MeasuredProcess(machine.name, [...command, ...flags])
  const inKernel = /"ms":(\d+),"msg":"Services are in the kernel"/
  const begin = performance.now()
  await using first = start()
  const firstSync = Number((await first.says(inKernel))[1])
  const startMs = performance.now() - begin
  const startCpu = first.cpuMs()
  const figures = await changesOf(first, machine, size)
  const memory = { rss_mb: first.memoryMb('VmRSS'), peak_rss_mb: first.memoryMb('VmHWM') }
  await first[Symbol.asyncDispose]()
  const begun = performance.now()
  await using second = start()
  const takeover = Number((await second.says(inKernel))[1])
  const takeoverStart = performance.now() - begun
  const counts = countsIn(machine.kernel, ['fairlead'])
  await second[Symbol.asyncDispose]()
  spawnSync('ip', ['netns', 'exec', machine.name, ...command, '--cleanup'])
  return {
    first_sync_ms: firstSync,
    start_ms: Math.round(startMs),
    start_cpu_ms: Math.round(startCpu),
    ...figures,
    ...memory,
    ...counts,
    takeover_ms: takeover,
    takeover_start_ms: Math.round(takeoverStart),
  }
}

/** kube-proxy has no moment at which it says that it is done, but a time stamp of its last sync. */
async function measurePeer(machine: Machine, size: Size): Promise<Figures> {
  const flags = ['--kubeconfig', machine.kubeconfig, '--hostname-override', NODE, '--proxy-mode', 'nftables']
  // Limits of conntrack are read-only in a network namespace: setting them would end it.
  const conntrack = ['--conntrack-max-per-core=0', '--conntrack-min=0']
  const begin = performance.now()
  await using peer = new MeasuredProcess(machine.name, ['kube-proxy', ...flags, ...conntrack])
  while (!/last_timestamp_seconds\{[^}]*IPv4[^}]*\} 1/.test(metricsOf(machine.name))) {
    peer.mustRun()
    await sleep(50)
  }
  const startMs = Math.round(performance.now() - begin)
  const figures = await changesOf(peer, machine, { ...size, changes: Math.min(size.changes, 20) })
  return {
    first_sync_ms: startMs,
    ...figures,
    rss_mb: peer.memoryMb('VmRSS'),
    peak_rss_mb: peer.memoryMb('VmHWM'),
    ...countsIn(machine.kernel, ['kube-proxy']),
  }
}

function metricsOf(netns: string): string {
  return spawnSync('ip', ['netns', 'exec', netns, 'curl', '-s', 'http://127.0.0.1:10249/metrics'], { encoding: 'utf8' })
    .stdout
}

/** Endpoints come, go and are replaced in turn, each change on another Service and after the one before. */
async function changesOf(proxy: MeasuredProcess, { client, kernel }: Machine, size: Size): Promise<Figures> {
  const times: number[] = []
  // The first few warm everybody up, and are not counted.
  const warmUp = Math.ceil(size.changes / 10)
  let cpu = 0
  for (let turn = -warmUp; turn < size.changes; turn += 1) {
    if (turn === 0) cpu = proxy.cpuMs()
    const time = await timeOfChange(client, kernel, changedSlice(turn + warmUp, size))
    if (turn >= 0) times.push(time)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) =>
    Math.round((times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0) * 100) / 100
  return {
    change_p50_ms: at(0.5),
    change_p99_ms: at(0.99),
    change_max_ms: at(1),
    cpu_ms_per_change: Math.round(((proxy.cpuMs() - cpu) / times.length) * 100) / 100,
  }
}

function changedSlice(turn: number, { services, endpoints }: Size): EndpointSlice {
  const index = (turn * 7919) % services
  const [count, shift] = [
    [endpoints + 1, 0],
    [Math.max(1, endpoints - 1), 0],
    [endpoints, 1],
  ][turn % 3] as [number, number]
  return sliceOf(index, count, shift)
}

/** From the write to the first change of the kernel's tables. This process sleeps between its looks at them. */
async function timeOfChange(client: Client, kernel: NftSocket, slice: EndpointSlice): Promise<number> {
  const key = { namespace: 'default', name: slice.metadata.name }
  const generation = kernel.generation()
  const nap = new Int32Array(new SharedArrayBuffer(4))
  const begin = performance.now()
  const written = client.patch(endpointSlices, key, { type: 'merge', body: slice })
  while (kernel.generation() === generation) {
    if (performance.now() - begin > PATIENCE_MS) throw new Error(`The change of ${key.name} never reached the kernel`)
    // The request must leave this process, too.
    await new Promise((resolve) => setImmediate(resolve))
    Atomics.wait(nap, 0, 0, LOOK_MS)
  }
  const time = performance.now() - begin
  await written
  return time
}

function countsIn(kernel: NftSocket, tables: readonly string[]): Figures {
  let [rules, elements] = [0, 0]
  for (const table of tables) {
    for (const family of ['ip', 'ip6'] as const) {
      if (kernel.table({ family, table }) === undefined) continue
      rules += kernel.rules({ family, table }).length
      for (const set of kernel.sets({ family, table })) elements += kernel.elements(set).length
    }
  }
  return { rules, elements }
}
