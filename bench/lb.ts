/**
 * What load balancers cost: requests and new connections a second through layer 4 and layer 7, beside the way without a
 * load balancer, and beside HAProxy and nginx set up by hand in the same place. One nginx is the backend of all.
 *
 * Flags: `--seconds N` per measurement (2), `--rounds N` (3; the median counts).
 */
import { type ChildProcess, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { httpListener, LAYER7, TestLoadBalancer, tcpListener } from '../src/cloud/load-balancer/test-load-balancer.ts'
import { spawnIn } from '../src/linux/process.ts'

const ADDRESS = '192.168.1.200'
const PORTS = { layer4: 80, layer7: 81, haproxy: 8081, nginx: 8082 } as const
const DIRECT = 'http://192.168.1.1:80/'

/** Where requests go, by the name of the figure. */
const TARGETS = {
  direct: DIRECT,
  layer4: `http://${ADDRESS}:${PORTS.layer4}/`,
  layer7: `http://${ADDRESS}:${PORTS.layer7}/`,
  haproxy: `http://${ADDRESS}:${PORTS.haproxy}/`,
  nginx: `http://${ADDRESS}:${PORTS.nginx}/`,
} as const
type Target = keyof typeof TARGETS

function targetNames(): Target[] {
  return Object.keys(TARGETS) as Target[]
}

/** Figures of one target, per second. */
interface Figures {
  readonly requests: number[]
  readonly connections: number[]
}

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args: [...args],
    options: { seconds: { type: 'string', default: '2' }, rounds: { type: 'string', default: '3' } },
  })
  await using lb = new TestLoadBalancer('bench')
  await using programs = new Programs(mkdtempSync(join(tmpdir(), 'fairlead-bench-lb-')))
  programs.nginx(lb.node(1), 'backend', 'listen 80 reuseport backlog=4096; location / { return 200 "hello\\n"; }')
  const backends = [{ key: 'i-1:80', address: '192.168.1.1', port: 80, weight: 100 }]
  await lb.plane().apply({
    listeners: [
      tcpListener(1, { address: ADDRESS, port: PORTS.layer4, backends }),
      httpListener(1, { key: 'lb-bench/tcp/81', address: ADDRESS, port: PORTS.layer7, backends, layer7: LAYER7 }),
    ],
  })
  const { netns } = lb.vpc
  programs.haproxy(netns)
  programs.nginx(netns, 'proxy', NGINX_PROXY, NGINX_UPSTREAM)
  // Each target has a client of its own: a port that one way still remembers (TIME_WAIT) is no other way's to use.
  const clients = new Map(targetNames().map((target, index) => [target, lb.node(index + 2)]))
  const clientOf = (target: Target) => clients.get(target) ?? lb.node(2)
  for (const target of targetNames()) await untilAnswers(clientOf(target), TARGETS[target])
  const figures = measureAll(clientOf, Number(values.seconds), Number(values.rounds))
  const median = (target: Target, what: keyof Figures) => Math.round(middle(figures[target][what]))
  return {
    direct_rps: median('direct', 'requests'),
    l4_rps: median('layer4', 'requests'),
    l4_ratio: ratio(figures.layer4.requests, figures.direct.requests),
    direct_cps: median('direct', 'connections'),
    l4_cps: median('layer4', 'connections'),
    l4_cps_ratio: ratio(figures.layer4.connections, figures.direct.connections),
    l7_rps: median('layer7', 'requests'),
    l7_cps: median('layer7', 'connections'),
    l7_ratio: ratio(figures.layer7.requests, figures.haproxy.requests),
    l7_cps_ratio: ratio(figures.layer7.connections, figures.haproxy.connections),
    l7_peer_rps: median('haproxy', 'requests'),
    peer: {
      haproxy: { l7_rps: median('haproxy', 'requests'), l7_cps: median('haproxy', 'connections') },
      nginx: { l7_rps: median('nginx', 'requests'), l7_cps: median('nginx', 'connections') },
    },
  }
}

const NGINX_UPSTREAM = 'upstream backend { server 192.168.1.1:80; keepalive 64; }'
const NGINX_PROXY = `listen ${ADDRESS}:${PORTS.nginx} backlog=4096;
  location / {
    proxy_pass http://backend;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  }`

const HAPROXY_BY_HAND = `defaults
  mode http
  timeout connect 5s
  timeout client 15s
  timeout server 60s
frontend by-hand
  bind ${ADDRESS}:${PORTS.haproxy}
  option forwardfor
  default_backend by-hand
backend by-hand
  server s1 192.168.1.1:80
`

/** In turn, so that what else the machine does hits all alike. */
function measureAll(clientOf: (target: Target) => string, seconds: number, rounds: number): Record<Target, Figures> {
  const targets = targetNames()
  const figures = Object.fromEntries(
    targets.map((target) => [target, { requests: [], connections: [] }]),
  ) as unknown as Record<Target, Figures>
  for (let round = 0; round < rounds; round += 1) {
    for (const [what, close] of [
      ['requests', false],
      ['connections', true],
    ] as const) {
      for (const target of targets)
        figures[target][what].push(wrk(clientOf(target), TARGETS[target], { seconds, close }))
    }
  }
  return figures
}

function wrk(netns: string, url: string, options: { readonly seconds: number; readonly close?: boolean }): number {
  const close = options.close ? ['-H', 'Connection: close'] : []
  const args = [`--net=${netns}`, 'wrk', '-t1', '-c32', `-d${options.seconds}s`, ...close, url]
  const text = execFileSync('nsenter', args, { encoding: 'utf8' })
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1])
}

async function untilAnswers(netns: string, url: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      execFileSync('nsenter', [`--net=${netns}`, 'curl', '-sf', '--max-time', '1', url], { stdio: 'ignore' })
      return
    } catch (error) {
      if (attempt === 50) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** The median of the ratios of what was measured one after the other. */
function ratio(values: readonly number[], of: readonly number[]): number {
  return Number(middle(values.map((value, index) => value / (of[index] ?? Number.NaN))).toFixed(3))
}

/** Servers set up by hand, ended at the end. */
class Programs implements AsyncDisposable {
  readonly #directory: string
  readonly #children: ChildProcess[] = []

  constructor(directory: string) {
    this.#directory = directory
  }

  nginx(netns: string, name: string, server: string, http = ''): void {
    const prefix = join(this.#directory, name)
    mkdirSync(prefix)
    const text = `daemon off; master_process off; pid ${prefix}/pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000; client_body_temp_path ${prefix}; proxy_temp_path ${prefix};
  fastcgi_temp_path ${prefix}; uwsgi_temp_path ${prefix}; scgi_temp_path ${prefix};
  ${http}
  server { ${server} }
}
`
    writeFileSync(join(prefix, 'nginx.conf'), text)
    this.#start(netns, 'nginx', ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', 'stderr'])
  }

  haproxy(netns: string): void {
    const path = join(this.#directory, 'haproxy.cfg')
    writeFileSync(path, HAPROXY_BY_HAND)
    this.#start(netns, 'haproxy', ['-db', '-f', path])
  }

  #start(netns: string, command: string, args: readonly string[]): void {
    const path = `${process.env.PATH ?? ''}:/usr/sbin`
    this.#children.push(
      spawnIn(netns, command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, PATH: path } }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.kill('SIGKILL')) await ended
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
