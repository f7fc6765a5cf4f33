/** What every data plane must do: the one with packets and the fake one, by the same suite. */
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { isFairleadError } from '../../base/error.ts'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import { FakeDataPlane } from './fake-data-plane.ts'
import type { DataPlane, ListenerPlan } from './plan.ts'
import { backend, TestLoadBalancer, tcpListener } from './test-load-balancer.ts'

const VIP = '203.0.113.10'
const CLIENTS = ['198.51.100.2', '198.51.100.21', '198.51.100.22']
const CHECK = { type: 'tcp', interval: 1, timeout: 1, healthyThreshold: 2, unhealthyThreshold: 2 } as const
const LAYER4 = { persistenceTimeout: 0, establishedTimeout: 900, proxyProtocolV2: false }

/** A data plane with three backends behind it. */
interface Bench extends AsyncDisposable {
  readonly plane: DataPlane
  /** The backend that answers, or why none does. */
  call(port: number, client?: string): Promise<number | 'refused' | 'dropped'>
  /** Lets backend 2 fail its checks, until everybody knows. */
  fail(listener: ListenerPlan): Promise<void>
}

async function kernelBench(): Promise<Bench> {
  const lb = new TestLoadBalancer('dp')
  const plane = lb.plane()
  const servers = [1, 2, 3].map((n) => lb.tcp(n))
  using route = RouteSocket.open(lb.internet)
  for (const address of CLIENTS) route.replaceAddress('eth0', { address: `${address}/24` })
  return {
    plane,
    async call(port, localAddress = '198.51.100.2') {
      // What is dropped is dropped each time; a machine that is busy answers late once.
      for (let tried = 1; ; tried++) {
        try {
          return Number((await lb.ask(VIP, port, { localAddress, timeoutMs: 300 * tried })).split(' ')[0])
        } catch (error) {
          if (!isFairleadError(error, 'TIMEOUT')) return 'refused'
          if (tried === 3) return 'dropped'
        }
      }
    },
    async fail({ key }) {
      servers[1]?.close()
      while ((await plane.report()).health.get(`${key} i-2:80`) !== 'abnormal') {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      await plane.apply({ listeners: [tcpListener(3, { healthCheck: CHECK })] })
    },
    [Symbol.asyncDispose]: () => lb[Symbol.asyncDispose](),
  }
}

async function fakeBench(): Promise<Bench> {
  const plane = new FakeDataPlane()
  return {
    plane,
    async call(port, client = '198.51.100.2') {
      const outcome = plane.connect(client, VIP, port)
      return outcome.kind === 'connected' ? Number(outcome.backend.key[2]) : outcome.kind
    },
    async fail({ key }) {
      plane.setHealth(key, 'i-2:80', 'abnormal')
    },
    [Symbol.asyncDispose]: () => plane[Symbol.asyncDispose](),
  }
}

async function calls(bench: Bench, count: number, client?: string) {
  const got: (number | string)[] = []
  for (let i = 0; i < count; i += 1) got.push(await bench.call(80, client))
  return got
}

for (const [name, open] of [
  ['in the kernel', kernelBench],
  ['fake', fakeBench],
] as const) {
  suite(`data plane ${name}`, () => {
    test('carries what the plan says, and nothing else', async () => {
      await using bench = await open()
      const { plane } = bench
      // Nobody has the address then: a router says so, sooner or later.
      assert.notEqual(typeof (await bench.call(80)), 'number')
      await plane.apply({ listeners: [tcpListener(3)] })
      assert.deepEqual((await calls(bench, 6)).toSorted(), [1, 1, 2, 2, 3, 3])
      assert.equal(await bench.call(81), 'refused')

      const weights = [backend(1, { weight: 100 }), backend(2, { weight: 50 }), backend(3, { weight: 0 })]
      await plane.apply({ listeners: [tcpListener(3, { scheduler: 'wrr', backends: weights })] })
      assert.deepEqual((await calls(bench, 6)).toSorted(), [1, 1, 1, 1, 2, 2])

      await plane.apply({ listeners: [tcpListener(3, { scheduler: 'sch' })] })
      for (const client of CLIENTS) assert.equal(new Set(await calls(bench, 4, client)).size, 1)

      await plane.apply({ listeners: [tcpListener(3, { layer4: { ...LAYER4, persistenceTimeout: 100 } })] })
      for (const client of CLIENTS) assert.equal(new Set(await calls(bench, 4, client)).size, 1)

      for (const [type, mine, others] of [
        ['white', 'dropped', 'connected'],
        ['black', 'connected', 'dropped'],
      ] as const) {
        await plane.apply({ listeners: [tcpListener(3, { acl: { type, cidrs: ['198.51.100.16/28'] } })] })
        const kinds = [await bench.call(80), await bench.call(80, CLIENTS[1])]
        assert.deepEqual(
          kinds.map((one) => (typeof one === 'number' ? 'connected' : one)),
          [mine, others],
        )
      }

      await plane.apply({ listeners: [tcpListener(3, { backends: [] })] })
      assert.equal(await bench.call(80), 'refused')
      await plane.apply({ listeners: [] })
      assert.notEqual(typeof (await bench.call(80)), 'number')
    })

    test('reports health, connections and problems', async () => {
      await using bench = await open()
      const { plane } = bench
      const off = tcpListener(3, { key: 'lb-test/tcp/81', port: 81 })
      const wlc = tcpListener(3, { key: 'lb-test/tcp/82', port: 82, scheduler: 'wlc' })
      const checked = tcpListener(3, { healthCheck: CHECK })
      await plane.apply({ listeners: [checked, off, wlc] })
      assert.equal((await plane.report()).health.get('lb-test/tcp/81 i-1:80'), 'unavailable')
      assert.deepEqual([...(await plane.report()).problems.keys()], ['lb-test/tcp/82'])
      assert.equal(await bench.call(82), 'refused')
      await calls(bench, 5)
      assert.equal((await plane.report()).traffic.get('lb-test/tcp/80')?.newConnections, 5n)
      await bench.fail(checked)
      assert.equal((await plane.report()).health.get('lb-test/tcp/80 i-2:80'), 'abnormal')
      assert.deepEqual((await calls(bench, 6)).toSorted(), [1, 1, 1, 3, 3, 3])
      await plane.apply({ listeners: [{ ...checked, healthCheck: { type: 'off' } }] })
      assert.equal((await plane.report()).health.get('lb-test/tcp/80 i-2:80'), 'unavailable')
    })
  })
}
