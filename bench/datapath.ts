import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { NftSocket } from '../src/linux/nftables/socket.ts'
import { writeSysctls } from '../src/linux/sysctl.ts'
import { Program } from '../src/proxy/program.ts'
import { ADDRESSES, POD_CIDRS, TestNetwork } from '../src/proxy/test-network.ts'
import { aService, aSlice, together } from '../src/proxy/test-objects.ts'

const CLUSTER_IP = '10.96.0.10'
const PORT = 8080
/**
 * Asked straight on a port of its own: a Service's connection must take another source port where one that went straight
 * to the same endpoint is still remembered, and the search for it would be measured.
 */
const DIRECT_PORT = 8081

interface Rate {
  readonly cps: number
  readonly p99_ms: number
}

/**
 * New connections per second from one pod to another on the same node, each with one request, straight and through a
 * ClusterIP, and the p99 of a request with its connection. Rounds alternate, and the medians are compared. Every
 * connection has a port of its own. Needs wrk and nginx, and root.
 *
 * Flags: `--seconds N` per round (3), `--rounds N` of each (5), `--services N` that there are beside (1000).
 */
export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '5' },
      services: { type: 'string', default: '1000' },
    },
  })
  await using network = new TestNetwork()
  using kernel = NftSocket.open(network.path('node'))
  program(kernel, Number(values.services))
  // A client that is told so takes a port again whose last connection has just ended.
  for (const place of ['a', 'b'] as const) {
    writeSysctls(network.path(place), { 'net/ipv4/tcp_tw_reuse': 1, 'net/ipv4/ip_local_port_range': '1024 65000' })
  }
  await using _server = await startServer(network.namespaces.name('b'))
  const client = network.namespaces.name('a')
  const rate = (host: string, port: number) => wrk(client, `http://${host}:${port}/`, values.seconds)
  const [direct, clusterip]: [Rate[], Rate[]] = [[], []]
  await rate(ADDRESSES.b.ip, DIRECT_PORT)
  for (let round = 0; round < Number(values.rounds); round += 1) {
    direct.push(await rate(ADDRESSES.b.ip, DIRECT_PORT))
    clusterip.push(await rate(CLUSTER_IP, 80))
  }
  const [straight, through] = [medianOf(direct), medianOf(clusterip)]
  return {
    services: Number(values.services),
    direct_cps: straight.cps,
    clusterip_cps: through.cps,
    ratio: Math.round((through.cps / straight.cps) * 1000) / 1000,
    direct_p99_ms: straight.p99_ms,
    clusterip_p99_ms: through.p99_ms,
  }
}

/** One Service that is measured among many. */
function program(kernel: NftSocket, services: number): void {
  const ports = [{ name: 'tcp', protocol: 'TCP', port: 80, targetPort: PORT }] as const
  const others = Array.from({ length: services }, (_, i) => {
    const clusterIP = `10.97.${i >> 8}.${i & 255}`
    return together(
      aService(`other-${i}`, { clusterIP, ports }),
      aSlice(`other-${i}`, ['10.244.1.200', '10.244.1.201']),
    )
  })
  const measured = together(aService('web', { clusterIP: CLUSTER_IP, ports }), aSlice('web', [ADDRESSES.b.ip]))
  const node = { name: 'bench', addresses: [ADDRESSES.node.ip], podCidrs: POD_CIDRS }
  new Program({ kernel, nodeName: node.name }).start(node, [...others, measured])
}

async function startServer(netns: string): Promise<AsyncDisposable> {
  const directory = mkdtempSync(join(tmpdir(), 'fl-bench-'))
  const configuration = join(directory, 'nginx.conf')
  writeFileSync(
    configuration,
    `daemon off; worker_processes 1; pid ${directory}/pid; error_log ${directory}/error.log;
     events { worker_connections 4096; }
     http { access_log off; client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p;
       fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
       server { listen ${PORT} backlog=4096; listen ${DIRECT_PORT} backlog=4096; location / { return 200 ok; } } }`,
  )
  const child = spawn('ip', ['netns', 'exec', netns, 'nginx', '-e', `${directory}/error.log`, '-c', configuration], {
    stdio: 'ignore',
  })
  await sleep(500)
  return {
    async [Symbol.asyncDispose]() {
      await ended(child)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

async function wrk(netns: string, url: string, seconds: string): Promise<Rate> {
  const flags = ['-t1', '-c32', `-d${seconds}s`, '--latency', '-H', 'Connection: close']
  const child = spawn('ip', ['netns', 'exec', netns, 'wrk', ...flags, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  await once(child, 'close')
  const [, cps] = /Requests\/sec:\s+([\d.]+)/.exec(output) ?? []
  const [, p99, unit] = /99%\s+([\d.]+)(us|ms|s)/.exec(output) ?? []
  if (cps === undefined || p99 === undefined || /Non-2xx/.test(output)) throw new Error(`wrk said:\n${output}`)
  const scale = { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's']
  return { cps: Math.round(Number(cps)), p99_ms: Math.round(Number(p99) * scale * 100) / 100 }
}

function medianOf(rates: readonly Rate[]): Rate {
  const middle = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
  return { cps: middle(rates.map(({ cps }) => cps)), p99_ms: middle(rates.map(({ p99_ms }) => p99_ms)) }
}
