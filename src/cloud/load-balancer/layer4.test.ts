/** Layer 4 by packets: clients on the internet, in nodes and in the VPC; backends in nodes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RouteSocket } from '../../linux/netlink/route/socket.ts'
import {
  backend,
  closed,
  firstLine,
  HeldClock,
  TestLoadBalancer,
  tcpListener,
  udpListener,
} from './test-load-balancer.ts'

const VIP = '203.0.113.10'
const LAYER4 = { persistenceTimeout: 0, establishedTimeout: 900, proxyProtocolV2: false }

async function answers(lb: TestLoadBalancer, count: number, from: Parameters<TestLoadBalancer['ask']>[2] = {}) {
  const got: string[] = []
  for (let i = 0; i < count; i += 1) got.push((await lb.ask(VIP, 80, from)).split(' ')[0] ?? '')
  return got
}

function shares(got: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const one of got) counts[one] = (counts[one] ?? 0) + 1
  return counts
}

/** Gives the internet's client more addresses. */
function addClients(lb: TestLoadBalancer, count: number): string[] {
  using route = RouteSocket.open(lb.internet)
  return Array.from({ length: count }, (_, index) => {
    const address = `198.51.100.${index + 10}`
    route.replaceAddress('eth0', { address: `${address}/24` })
    return address
  })
}

test('TCP', async (t) => {
  await using lb = new TestLoadBalancer('l4')
  const clock = new HeldClock()
  const plane = lb.plane(clock)
  const servers = [1, 2, 3].map((n) => lb.tcp(n))

  await t.test('rr takes turns in order; the backend sees the client with its port', async () => {
    await plane.apply({ listeners: [tcpListener(3)] })
    assert.match(
      await lb.ask(VIP, 80, { localAddress: '198.51.100.2', localPort: 40000 }),
      /^\d (::ffff:)?198\.51\.100\.2 40000$/,
    )
    const got = await answers(lb, 9)
    assert.deepEqual(got.slice(0, 3).toSorted(), ['1', '2', '3'])
    assert.deepEqual(got, [...got.slice(0, 3), ...got.slice(0, 3), ...got.slice(0, 3)])
  })

  await t.test('wrr gives each its exact share, spread out, and weight 0 nothing', async () => {
    const backends = [backend(1, { weight: 60 }), backend(2, { weight: 20 }), backend(3, { weight: 0 })]
    await plane.apply({ listeners: [tcpListener(3, { scheduler: 'wrr', backends })] })
    const got = await answers(lb, 16)
    assert.deepEqual(shares(got), { 1: 12, 2: 4 })
    // Of four in a row the heavier one has three, wherever one begins.
    for (let i = 0; i + 4 <= got.length; i += 1) assert.equal(shares(got.slice(i, i + 4))['2'], 1)
  })

  await t.test('sch keeps a client with its backend, and few move when one leaves', async () => {
    const clients = addClients(lb, 40)
    const ask = async () => {
      const chosen = new Map<string, string>()
      for (const localAddress of clients) chosen.set(localAddress, (await answers(lb, 1, { localAddress }))[0] ?? '')
      return chosen
    }
    await plane.apply({ listeners: [tcpListener(3, { scheduler: 'sch' })] })
    const first = await ask()
    assert.deepEqual(await ask(), first)
    assert.deepEqual(Object.keys(shares([...first.values()])).toSorted(), ['1', '2', '3'])
    await plane.apply({ listeners: [tcpListener(2, { scheduler: 'sch' })] })
    const moved = [...(await ask())].filter(
      ([client, chosen]) => first.get(client) !== '3' && first.get(client) !== chosen,
    )
    assert.ok(moved.length <= 4, `${moved.length} of 40 clients moved though their backend stayed`)
  })

  await t.test('tch deals connections of one client by their ports, the same port always alike', async () => {
    await plane.apply({ listeners: [tcpListener(3, { scheduler: 'tch' })] })
    const ask = async () => {
      const got: string[] = []
      for (let i = 0; i < 60; i += 1) {
        got.push(...(await answers(lb, 1, { localAddress: '198.51.100.2', localPort: 41_000 + i })))
      }
      return got
    }
    const first = await ask()
    assert.deepEqual(await ask(), first)
    // Chi-square with two degrees of freedom: above 18.4 once in ten thousand; the ports are always the same.
    const counts = Object.values(shares(first))
    assert.ok(counts.reduce((sum, count) => sum + (count - 20) ** 2 / 20, 0) < 18.4, JSON.stringify(counts))
  })

  await t.test('persistence keeps a client with its backend until that leaves', async () => {
    const layer4 = { ...LAYER4, persistenceTimeout: 60 }
    await plane.apply({ listeners: [tcpListener(3, { layer4 })] })
    const [chosen = '', ...rest] = await answers(lb, 6)
    assert.deepEqual(new Set(rest), new Set([chosen]))
    assert.notEqual((await answers(lb, 1, { localAddress: '198.51.100.11' }))[0], chosen)
    const others = [1, 2, 3].filter((n) => String(n) !== chosen).map((n) => backend(n))
    await plane.apply({ listeners: [tcpListener(3, { layer4, backends: others })] })
    const [next = '', ...more] = await answers(lb, 4)
    assert.notEqual(next, chosen)
    assert.deepEqual(new Set(more), new Set([next]))
    await plane.apply({ listeners: [tcpListener(3, { layer4 })] })
    assert.deepEqual(new Set(await answers(lb, 4)), new Set([next]))
  })

  await t.test(
    'a white list lets only its sources in, a black list all others, before anything is answered',
    async () => {
      const acl = (type: 'white' | 'black', ...cidrs: string[]) => [tcpListener(3, { acl: { type, cidrs } })]
      const open = async (localAddress: string) => {
        // What is dropped is dropped each time; a machine that is busy answers late once.
        for (let tried = 1; ; tried++) {
          try {
            const socket = await lb.connect(VIP, 80, { localAddress, timeoutMs: 300 * tried })
            socket.destroy()
            return true
          } catch (error) {
            assert.equal((error as { code?: string }).code, 'TIMEOUT')
            if (tried === 3) return false
          }
        }
      }
      await plane.apply({ listeners: acl('white', '198.51.100.10/32', '198.51.100.8/29', '2001:db8::/32') })
      assert.deepEqual(
        [await open('198.51.100.10'), await open('198.51.100.12'), await open('198.51.100.20')],
        [true, true, false],
      )
      await plane.apply({ listeners: acl('black', '198.51.100.10/32') })
      assert.deepEqual([await open('198.51.100.10'), await open('198.51.100.12')], [false, true])
    },
  )

  await t.test(
    'nobody to serve, a port without listener, refuse at once; a listener that is gone takes its address along',
    async () => {
      await plane.apply({ listeners: [tcpListener(3, { backends: [backend(1, { weight: 0 })] })] })
      await assert.rejects(lb.connect(VIP, 80), { code: 'ECONNREFUSED' })
      await assert.rejects(lb.connect(VIP, 81), { code: 'ECONNREFUSED' })
      await plane.apply({ listeners: [] })
      // A router says so, or nobody says anything.
      await assert.rejects(lb.connect(VIP, 80, { timeoutMs: 300 }))
      using route = RouteSocket.open(lb.vpc.netns)
      const left = route.addresses('slb').map(({ address }) => address)
      assert.deepEqual(
        left.filter((address) => !address.startsWith('fe80')),
        ['100.64.0.1/32'],
      )
    },
  )

  await t.test(
    'connections go on when a backend is removed without drain, and are cut after the time with it',
    async () => {
      for (const drain of [undefined, 10]) {
        const layer4 = drain === undefined ? LAYER4 : { ...LAYER4, connectionDrainTimeout: drain }
        await plane.apply({ listeners: [tcpListener(1, { layer4 })] })
        const socket = await lb.connect(VIP, 80)
        assert.match(await firstLine(socket), /^1 /)
        await plane.apply({ listeners: [tcpListener(0, { layer4, backends: [backend(2)] })] })
        assert.deepEqual(await answers(lb, 3), ['2', '2', '2'])
        socket.write('still there\n')
        assert.equal(await firstLine(socket), 'still there')
        if (drain === undefined) socket.destroy()
        else {
          assert.equal(clock.release(10_000), 1)
          socket.write('gone\n')
          await closed(socket)
        }
      }
    },
  )

  await t.test(
    'a node reaches a listener in the VPC and in public, unless it is itself the chosen backend',
    async () => {
      const address = '192.168.1.200'
      const intranet = tcpListener(1, { key: 'lb-test/tcp/81', address, backends: [backend(1)] })
      await plane.apply({ listeners: [tcpListener(1), intranet] })
      for (const host of [VIP, address]) {
        assert.match(await lb.ask(host, 80, { netns: lb.node(2) }), /^1 (::ffff:)?192\.168\.1\.2 /)
        await assert.rejects(lb.connect(host, 80, { netns: lb.node(1), timeoutMs: 300 }), { code: 'TIMEOUT' })
      }
    },
  )

  await t.test('IPv6 from the internet', async () => {
    const address = '2001:db8:1::10'
    const backends = [1, 2, 3].map((n) => backend(n, { address: `2001:db8:ffff::${n}` }))
    await plane.apply({
      listeners: [tcpListener(3, { address, backends, acl: { type: 'black', cidrs: ['2001:db8:3::/48'] } })],
    })
    const got: string[] = []
    for (let i = 0; i < 6; i += 1) got.push(await lb.ask(address, 80))
    assert.ok(
      got.every((line) => / 2001:db8:2::2 /.test(line)),
      got.join(),
    )
    assert.deepEqual(shares(got.map((line) => line[0] ?? '')), { 1: 2, 2: 2, 3: 2 })
  })

  await t.test('a range of ports leads to the same ports of backends, beside listeners of one port', async () => {
    const many = tcpListener(2, {
      key: 'lb-test/tcp/1000_1010',
      port: 1000,
      lastPort: 1010,
      layer4: { ...LAYER4, connectionDrainTimeout: 10 },
      backends: [backend(1, { port: 0 }), backend(2, { port: 0 })],
    })
    for (const n of [1, 2]) for (const port of [1000, 1010, 1011]) lb.tcp(n, port)
    await plane.apply({ listeners: [tcpListener(3), many] })
    for (const port of [1000, 1010]) {
      const got = [await lb.ask(VIP, port), await lb.ask(VIP, port), await lb.ask(VIP, port), await lb.ask(VIP, port)]
      assert.deepEqual(shares(got.map((line) => line[0] ?? '')), { 1: 2, 2: 2 })
      assert.match(got[0] ?? '', /^\d (::ffff:)?198\.51\.100\.2 /)
    }
    for (const port of [999, 1011]) await assert.rejects(lb.connect(VIP, port), { code: 'ECONNREFUSED' })
    assert.equal((await answers(lb, 3)).length, 3)
    await assert.rejects(lb.connect(VIP, 1005), { code: 'ECONNREFUSED' }, 'nobody is there')
    const traffic = (await plane.report()).traffic.get(many.key)
    assert.equal(traffic?.newConnections, 9n)
    assert.ok((traffic?.inBytes ?? 0n) > 0n && (traffic?.outBytes ?? 0n) > 0n)

    const socket = await lb.connect(VIP, 1010)
    const [server] = await firstLine(socket)
    assert.ok(((await plane.report()).traffic.get(many.key)?.activeConnections ?? 0n) > 0n)
    const other = backend(server === '1' ? 2 : 1, { port: 0 })
    await plane.apply({ listeners: [tcpListener(3), { ...many, backends: [other] }] })
    socket.write('still there\n')
    assert.equal(await firstLine(socket), 'still there')
    assert.ok(clock.release(10_000) > 0)
    socket.write('gone\n')
    await closed(socket)

    const last = await lb.connect(VIP, 1000)
    await firstLine(last)
    await plane.apply({ listeners: [tcpListener(3)] })
    last.write('gone\n')
    await closed(last)
    await assert.rejects(lb.connect(VIP, 1000), { code: 'ECONNREFUSED' })
  })

  await t.test("what passes is counted, and the idle time is the listener's", async () => {
    await plane.apply({ listeners: [tcpListener(3, { layer4: { ...LAYER4, establishedTimeout: 123 } })] })
    const before = (await plane.report()).traffic.get('lb-test/tcp/80')
    const socket = await lb.connect(VIP, 80)
    await firstLine(socket)
    const payload = 'x'.repeat(10_000)
    socket.write(`${payload}\n`)
    assert.equal((await firstLine(socket)).length, payload.length)
    const after = (await plane.report()).traffic.get('lb-test/tcp/80')
    assert.equal((after?.newConnections ?? 0n) - (before?.newConnections ?? 0n), 1n)
    assert.ok((after?.inBytes ?? 0n) - (before?.inBytes ?? 0n) > 10_000n)
    assert.ok((after?.outBytes ?? 0n) - (before?.outBytes ?? 0n) > 10_000n)
    assert.ok((after?.activeConnections ?? 0n) >= 1n)
    const left = Number(/tcp\s+6 (\d+) ESTABLISHED/.exec(lb.inVpc('conntrack -L -p tcp --state ESTABLISHED'))?.[1])
    assert.ok(left > 100 && left <= 123, `${left} s left`)
    socket.destroy()
  })

  await t.test('what nobody can carry is told, and others are carried', async () => {
    const wlc = tcpListener(3, { key: 'lb-test/tcp/82', port: 82, scheduler: 'wlc' })
    await plane.apply({ listeners: [wlc, tcpListener(3)] })
    const { problems } = await plane.report()
    assert.deepEqual(
      [...problems],
      [['lb-test/tcp/82', 'Listener lb-test/tcp/82 wants scheduler wlc in layer 4, which is not carried']],
    )
    assert.equal((await answers(lb, 3)).length, 3)
  })
  assert.equal(servers.length, 3)
})

test('UDP', async (t) => {
  await using lb = new TestLoadBalancer('l4u')
  const plane = lb.plane()
  for (const n of [1, 2, 3]) lb.udp(n)

  await t.test("rr by flows, with the client's address", async () => {
    await plane.apply({ listeners: [udpListener(3)] })
    const got: string[] = []
    for (let i = 0; i < 6; i += 1) got.push((await lb.askUdp(VIP, 53)) ?? '')
    assert.deepEqual(shares(got), { '1 198.51.100.2': 2, '2 198.51.100.2': 2, '3 198.51.100.2': 2 })
  })

  await t.test('qch sends one QUIC connection id to one backend, whatever the port', async () => {
    await plane.apply({ listeners: [udpListener(3, { scheduler: 'qch' })] })
    const used = new Set<string>()
    // So many that each of three gets some but once in ten million runs.
    for (let id = 0; id < 45; id += 1) {
      const connection = Buffer.alloc(8, id * 5 + 1)
      const long = Buffer.concat([Buffer.of(0xc0, 0, 0, 0, 1, 8), connection, Buffer.alloc(100)])
      const short = Buffer.concat([Buffer.of(0x40), connection, Buffer.alloc(40)])
      const chosen = new Set<string | undefined>()
      for (const message of [long, long, short]) chosen.add(await lb.askUdp(VIP, 53, { message }))
      assert.equal(chosen.size, 1)
      used.add([...chosen][0] ?? '')
    }
    assert.equal(used.size, 3)
  })

  await t.test('a flow moves when its backend is removed', async () => {
    await plane.apply({ listeners: [udpListener(3)] })
    const from = lb.udpClient()
    const first = await lb.askUdp(VIP, 53, { from })
    assert.equal(await lb.askUdp(VIP, 53, { from }), first)
    const others = [1, 2, 3].filter((n) => !first?.startsWith(String(n))).map((n) => backend(n, { port: 53 }))
    await plane.apply({ listeners: [udpListener(3, { backends: others })] })
    const next = await lb.askUdp(VIP, 53, { from })
    assert.ok(next !== undefined && next !== first)
    from.close()
  })
})

test('a restart of the process takes over without a change, and connections stay', async () => {
  await using lb = new TestLoadBalancer('l4r')
  for (const n of [1, 2, 3]) lb.tcp(n)
  const weighted = [backend(1, { weight: 3 }), backend(2, { weight: 1 })]
  const plan = {
    listeners: [
      tcpListener(3, { acl: { type: 'white', cidrs: ['198.51.100.0/24'] } }),
      tcpListener(2, { key: 'lb-test/tcp/81', port: 81, scheduler: 'wrr', backends: weighted }),
      tcpListener(3, { key: 'lb-test/tcp/82', port: 82, scheduler: 'sch' }),
      tcpListener(1, {
        key: 'lb-test/tcp/1000_2000',
        port: 1000,
        lastPort: 2000,
        backends: [backend(1, { port: 0 })],
      }),
      tcpListener(3, { key: 'lb-test/tcp/83', port: 83, layer4: { ...LAYER4, persistenceTimeout: 30 } }),
    ],
  }
  const first = lb.plane()
  await first.apply(plan)
  const socket = await lb.connect(VIP, 80)
  await firstLine(socket)
  const before = lb.ruleset()
  await first[Symbol.asyncDispose]()
  const second = lb.plane()
  await second.apply(plan)
  assert.deepEqual(lb.ruleset(), before)
  socket.write('still there\n')
  assert.equal(await firstLine(socket), 'still there')
})
