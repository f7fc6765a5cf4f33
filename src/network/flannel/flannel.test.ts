import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { createVpc, removeVpc, type Vpc } from '../../cloud/fabric/vpc-fabric.ts'
import { FakeTransport } from '../../kube/fake-transport.ts'
import { createClient } from '../../kube/rest-client.ts'
import type { Transport, TransportRequest, TransportResponse } from '../../kube/transport.ts'
import type { Node } from '../../kube/types/core.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { connectTcp, listenTcp } from '../../linux/socket.ts'
import { readSysctl } from '../../linux/sysctl.ts'
import { TestNamespaces } from '../../linux/test-namespaces.ts'
import { type Flannel, startFlannel } from './flannel.ts'
import { hostDevice } from './pod-bridge.ts'

/** Nodes behind an API that merges patches as the real one does. */
class NodeApi implements Transport {
  readonly fake = new FakeTransport()
  patches = 0
  refuse = 0

  async request(request: TransportRequest): Promise<TransportResponse> {
    const name = /^\/api\/v1\/nodes\/([^/?]+)/.exec(request.path)?.[1]
    if (request.method !== 'PATCH' || name === undefined) return this.fake.request(request)
    this.patches++
    if (this.refuse-- > 0)
      return answer(500, { kind: 'Status', code: 500, reason: 'InternalError', message: 'not now' })
    const old = this.fake.objects().find((node) => node.metadata.name === name)
    if (old === undefined) return answer(404, { kind: 'Status', code: 404, reason: 'NotFound', message: name })
    const { annotations } = JSON.parse(String(request.body)).metadata
    const metadata = { ...old.metadata, annotations: { ...old.metadata.annotations, ...annotations } }
    return answer(200, this.fake.put({ ...old, metadata }))
  }

  addNode(name: string, podCIDRs: string[]): void {
    const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { podCIDRs } }
    this.fake.put(node)
  }
}

function answer(status: number, body: unknown): TransportResponse {
  return {
    status,
    headers: {},
    body: (async function* () {
      yield Buffer.from(JSON.stringify(body))
    })(),
  }
}

/** A VPC with nodes that run Flannel, and pods. */
class Bench implements AsyncDisposable {
  readonly api = new NodeApi()
  readonly spaces = new TestNamespaces()
  readonly cluster = `t${process.pid}`
  readonly vpc: Vpc = createVpc({ cluster: this.cluster })
  readonly directory = mkdtempSync(join(tmpdir(), 'fl-flannel-'))
  readonly networks: Flannel[] = []

  node(n: number): string {
    const name = `n${n}`
    const netns = this.spaces.create(name)
    const [address, address6] = [`192.168.1.${n}/24`, `fd00:168:1::${n}/64`]
    this.vpc.attachNode({ name, netns, address, address6 })
    this.api.addNode(name, [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`])
    return netns
  }

  start(n: number, netns: string): Flannel {
    const network = startFlannel({
      client: createClient(this.api),
      nodeName: `n${n}`,
      nodeAddress: `192.168.1.${n}`,
      nodeAddress6: `fd00:168:1::${n}`,
      podCidrs: [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`],
      clusterCidrs: ['10.244.0.0/16', 'fd00:10:244::/56'],
      netns,
      stateDirectory: join(this.directory, `n${n}`),
      log: silentLog,
      clock: { ...systemClock, sleep: () => Promise.resolve() },
      signal: new AbortController().signal,
    })
    this.networks.push(network)
    return network
  }

  pod(network: Flannel, name: string): { netns: string; addresses: readonly string[] } {
    const netns = this.spaces.create(name)
    const { addresses } = network.attach({ namespace: 'default', name, uid: `uid-${name}` }, netns)
    return { netns, addresses }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const network of this.networks) await network[Symbol.asyncDispose]()
    this.vpc[Symbol.dispose]()
    removeVpc(this.cluster)
    this.spaces[Symbol.dispose]()
    rmSync(this.directory, { recursive: true })
  }
}

/** Connects to a listener at `to`, and says which address the other side saw. */
async function addressSeen(from: string, to: { netns: string; host: string }): Promise<string> {
  const server = createServer((socket) => socket.end(String(socket.remoteAddress)))
  server.listen({ fd: listenTcp({ ...to, port: 8080 }) })
  await once(server, 'listening')
  try {
    const socket = await connectTcp({ netns: from, host: to.host, port: 8080, timeoutMs: 5000 })
    return Buffer.concat(await socket.toArray()).toString()
  } finally {
    server.close()
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 2))
  assert.ok(condition())
}

test('pods reach one another on a node and over VXLAN with their own address, and others with that of the node', async () => {
  await using bench = new Bench()
  const [one, two] = [bench.node(1), bench.node(2)]
  const [first, second] = [bench.start(1, one), bench.start(2, two)]
  await Promise.all([first.ready, second.ready])
  await until(() => bench.spaces.ipJson('n1', 'route show 10.244.2.0/24').length > 0)
  const [a, b, c] = [bench.pod(first, 'a'), bench.pod(first, 'b'), bench.pod(second, 'c')]
  assert.deepEqual(
    [a.addresses, b.addresses],
    [
      ['10.244.1.2', 'fd00:10:244:1::2'],
      ['10.244.1.3', 'fd00:10:244:1::3'],
    ],
  )
  for (const i of [0, 1]) {
    for (const to of [a, b, c]) {
      const seen = await addressSeen(a.netns, { netns: to.netns, host: to.addresses[i]! })
      assert.equal(seen, a.addresses[i], `${a.addresses[i]} to ${to.addresses[i]}`)
    }
  }
  assert.equal(await addressSeen(a.netns, { netns: one, host: '192.168.1.1' }), '10.244.1.2', 'own node')
  assert.equal(await addressSeen(a.netns, { netns: two, host: '192.168.1.2' }), '192.168.1.1', 'other node')
  assert.equal(await addressSeen(a.netns, { netns: two, host: 'fd00:168:1::2' }), 'fd00:168:1::1')
  const { netns, controlPlaneAddress: host } = bench.vpc
  assert.equal(await addressSeen(a.netns, { netns, host }), '192.168.1.1', 'control plane')
  assert.equal(await addressSeen(one, { netns: c.netns, host: c.addresses[0]! }), '10.244.1.0', 'node to remote pod')
  assert.equal(await addressSeen(one, { netns: a.netns, host: a.addresses[0]! }), '10.244.1.1', 'node to its own pod')

  const shown = bench.spaces.ipJson('n1', `link show ${hostDevice('uid-a')}`)[0] as Record<string, unknown>
  assert.deepEqual([shown.mtu, shown.master], [1430, 'cni0'])
  const info = shown.linkinfo as { info_slave_data: { hairpin: boolean } }
  assert.equal(info.info_slave_data.hairpin, true)
  assert.equal(readSysctl(one, 'net/ipv4/conf/cni0/send_redirects'), '0')
  assert.equal(readSysctl(one, 'net/ipv4/conf/flannel.1/rp_filter'), '0')
  assert.match(
    execFileSync('ip', ['netns', 'exec', bench.spaces.name('n1'), 'nft', 'list', 'table', 'ip', 'fairlead-flannel'], {
      encoding: 'utf8',
    }),
    /ip saddr @cluster-cidrs ip daddr != @cluster-cidrs ip daddr != 224\.0\.0\.0\/4 masquerade fully-random/,
  )
})

test('a restart of the agent changes nothing in the kernel, and pods keep their addresses', async () => {
  await using bench = new Bench()
  const [one, two] = [bench.node(1), bench.node(2)]
  const [first, second] = [bench.start(1, one), bench.start(2, two)]
  await Promise.all([first.ready, second.ready])
  await until(() => bench.spaces.ipJson('n1', 'route show 10.244.2.0/24').length > 0)
  const a = bench.pod(first, 'a')
  bench.pod(first, 'gone')
  const state = () => [
    bench.spaces.ipJson('n1', 'link show').map(({ ifindex, ifname, address, mtu }) => [ifindex, ifname, address, mtu]),
    bench.spaces.ipJson('n1', 'route show'),
    bench.spaces.ipJson('n1', '-6 route show'),
    bench.spaces.run('n1', 'bridge fdb show dev flannel.1'),
    bench.spaces.ipJson('n1', 'neigh show dev flannel.1').map(({ dst, lladdr }) => [dst, lladdr]),
    bench.spaces.run('n1', 'nft -a list table ip fairlead-flannel'),
    bench.spaces.ipJson('a', 'link show eth0').map(({ ifindex, address }) => [ifindex, address]),
  ]
  const before = state()
  await bench.networks.shift()?.[Symbol.asyncDispose]()
  assert.deepEqual(state(), before, 'stopping leaves all as it is')
  const again = bench.start(1, one)
  await again.ready
  const attached = again.attach({ namespace: 'default', name: 'a', uid: 'uid-a' }, a.netns)
  assert.deepEqual(attached, { addresses: a.addresses, gateway: '10.244.1.1', interfaceName: 'eth0', mtu: 1430 })
  assert.deepEqual(state(), before)
  again.retain(new Set(['uid-a']))
  using route = RouteSocket.open(one)
  assert.equal(route.link(hostDevice('uid-gone')), undefined)
  assert.notEqual(route.link(hostDevice('uid-a')), undefined)
  again.detach('uid-a')
  again.detach('uid-a')
  again.detach('nobody')
  assert.equal(route.link(hostDevice('uid-a'))?.up, false)
  const anew = bench.spaces.create('anew')
  again.attach({ namespace: 'default', name: 'a', uid: 'uid-a' }, anew)
  assert.equal(
    await addressSeen(one, { netns: anew, host: '10.244.1.4' }),
    '10.244.1.1',
    'the same pod in a new namespace',
  )
})

test('peers come, change and go; announcing is tried again', async () => {
  await using bench = new Bench()
  const one = bench.node(1)
  bench.api.refuse = 2
  const network = bench.start(1, one)
  await network.ready
  assert.equal(bench.api.patches, 3)
  using route = RouteSocket.open(one)
  const gateways = () => route.routes(4, 254).flatMap((route) => (route.link === 'flannel.1' ? route.destination : []))
  assert.deepEqual(gateways(), [])
  const peer = (n: number, ip: string): Node => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: `p${n}`,
      annotations: {
        'flannel.alpha.coreos.com/backend-type': 'vxlan',
        'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
        'flannel.alpha.coreos.com/backend-data': `{"VNI":1,"VtepMAC":"0e:00:00:00:00:0${n}"}`,
        'flannel.alpha.coreos.com/public-ip': ip,
      },
    },
    spec: { podCIDR: `10.244.${n}.0/24` },
  })
  bench.api.fake.put(peer(7, '192.168.1.7'))
  bench.api.fake.put(peer(8, '192.168.1.8'))
  await until(() => gateways().length === 2)
  bench.api.fake.put(peer(7, '192.168.2.7'))
  await until(() => route.forwarding('flannel.1').some((entry) => entry.destination === '192.168.2.7'))
  assert.equal(route.forwarding('flannel.1').length, 2)
  bench.api.fake.delete('p8')
  await until(() => gateways().length === 1)
  assert.deepEqual(gateways(), ['10.244.7.0/24'])
  assert.equal(route.forwarding('flannel.1').length, 1)
  assert.deepEqual(
    route.neighbours(4).flatMap((neighbour) => (neighbour.permanent ? neighbour.address : [])),
    ['10.244.7.0'],
  )
  bench.api.fake.put({
    ...bench.api.fake.objects().find((node) => node.metadata.name === 'n1')!,
    metadata: { name: 'n1' },
  })
  await until(() => bench.api.patches === 4)
})
