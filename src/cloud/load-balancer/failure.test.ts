/** What clients notice when backends die, go in order, or the control plane dies: under load, on both layers. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { findHaproxy } from './layer7/find-haproxy.ts'
import type { DataPlane, ListenerPlan } from './plan.ts'
import { backend, firstLine, httpListener, TestLoadBalancer, tcpListener } from './test-load-balancer.ts'
import { planeProcess, serverProcess } from './test-processes.ts'

const VIP = '203.0.113.10'
const skip = missingTool()
const RATE_MS = 2

function missingTool(): string | false {
  try {
    findHaproxy()
    return false
  } catch {
    return 'no haproxy'
  }
}

/** 500 requests a second, each on a connection of its own, until stopped. */
class Load implements AsyncDisposable {
  readonly #lb: TestLoadBalancer
  readonly #pending = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  done = 0
  errors: string[] = []

  constructor(lb: TestLoadBalancer) {
    this.#lb = lb
    this.#timer = setInterval(() => {
      const request = this.#request().finally(() => this.#pending.delete(request))
      this.#pending.add(request)
    }, RATE_MS)
  }

  /** Waits until so many more requests have ended, all begun from now on. */
  async more(count: number): Promise<void> {
    await Promise.all(this.#pending)
    const until = this.done + count
    while (this.done < until) await new Promise((resolve) => setTimeout(resolve, 10))
  }

  /** What went wrong since the last call. */
  takeErrors(): string[] {
    const errors = this.errors
    this.errors = []
    return errors
  }

  async #request(): Promise<void> {
    try {
      const socket = await this.#lb.connect(VIP, 80)
      try {
        socket.write('GET / HTTP/1.0\r\n\r\n')
        const line = await firstLine(socket)
        if (!/^HTTP\/1\.[01] 200 /.test(line)) this.errors.push(line)
      } finally {
        socket.resetAndDestroy()
      }
    } catch (error) {
      this.errors.push(String(error))
    }
    this.done += 1
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#pending)
  }
}

async function untilHealth(plane: DataPlane, key: string, wanted: string): Promise<void> {
  for (;;) {
    const { health } = await plane.report()
    if (health.get(key) === wanted) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const check = { type: 'tcp', interval: 1, timeout: 1, healthyThreshold: 2, unhealthyThreshold: 2 } as const

for (const [layer, listenerOf] of [
  ['layer 4', (change: Partial<ListenerPlan>) => tcpListener(3, change)],
  ['layer 7', (change: Partial<ListenerPlan>) => httpListener(3, change)],
] as const) {
  test(`${layer} at 500 requests a second`, { skip: layer === 'layer 7' ? skip : false }, async (t) => {
    await using lb = new TestLoadBalancer(layer === 'layer 4' ? 'fl4' : 'fl7')
    const plane = lb.plane()
    const servers = await Promise.all([1, 2, 3].map((n) => serverProcess(lb, n)))
    try {
      await plane.apply({ listeners: [listenerOf({ healthCheck: check })] })
      await using load = new Load(lb)

      await t.test('a change of weights, of backends, of listeners drops nothing', async () => {
        for (let round = 0; round < 6; round += 1) {
          const backends = [1, 2, 3].map((n) => backend(n, { weight: 1 + ((n + round) % 3) }))
          const other = listenerOf({ key: `lb-test/tcp/${90 + round}`, port: 90 + round, healthCheck: check })
          await plane.apply({ listeners: [listenerOf({ scheduler: 'wrr', backends, healthCheck: check }), other] })
          await load.more(50)
        }
        assert.deepEqual(load.takeErrors(), [])
      })

      await t.test('a backend that goes in order costs no request', async () => {
        const rest = [backend(1), backend(2)]
        await plane.apply({
          listeners: [listenerOf({ backends: [...rest, backend(3, { weight: 0 })], healthCheck: check })],
        })
        await load.more(20)
        await plane.apply({ listeners: [listenerOf({ backends: rest, healthCheck: check })] })
        await load.more(20)
        await servers[2]?.kill()
        await load.more(100)
        assert.deepEqual(load.takeErrors(), [])
      })

      await t.test('after kill -9 of a backend, errors end with its health check', async () => {
        await servers[1]?.kill()
        await untilHealth(plane, 'lb-test/tcp/80 i-2:80', 'abnormal')
        // What was begun before the kernel and HAProxy knew it.
        await load.more(10)
        const during = load.takeErrors()
        await load.more(300)
        assert.deepEqual(load.takeErrors(), [])
        assert.ok(layer === 'layer 7' || during.length > 0, 'requests to a dead backend fail before it is known')
      })
    } finally {
      await Promise.all(servers.map((server) => server.kill()))
    }
  })
}

test('kill -9 of the control plane: connections go on, and the next one takes over', { skip }, async () => {
  await using lb = new TestLoadBalancer('fcp')
  lb.tcp(1, 99)
  lb.http(2).on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
    socket.on('data', (data) => socket.write(data))
    socket.on('error', () => {})
  })
  const listeners = [
    tcpListener(1, { key: 'lb-test/tcp/99', port: 99, backends: [backend(1, { port: 99 })] }),
    httpListener(1, { backends: [backend(2)] }),
  ]
  const first = await planeProcess(lb, listeners)
  const plain = await lb.connect(VIP, 99)
  await firstLine(plain)
  const upgraded = await lb.connect(VIP, 80)
  upgraded.write('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n')
  assert.match(await firstLine(upgraded), / 101 /)
  await first.kill()
  const worker = lb.inVpc('ss -Hltnp src 203.0.113.10')
  assert.match(await lb.ask(VIP, 99), /^1 /)
  const plane = lb.plane()
  await plane.apply({ listeners })
  assert.equal(lb.inVpc('ss -Hltnp src 203.0.113.10'), worker, 'HAProxy was not even reloaded')
  for (const socket of [plain, upgraded]) {
    socket.removeAllListeners('data')
    socket.resume()
    const echoed = once(socket, 'data')
    socket.write('still there\n')
    assert.match(String((await echoed)[0]), /still there/)
  }
  await plane.apply({ listeners: [...listeners, httpListener(1, { key: 'lb-test/tcp/81', port: 81 })] })
  const echoed = once(upgraded, 'data')
  upgraded.write('and after a reload\n')
  assert.match(String((await echoed)[0]), /and after a reload/)
})

test('HAProxy that was killed is started again', { skip }, async () => {
  await using lb = new TestLoadBalancer('fha')
  lb.http(1)
  const plane = lb.plane()
  await plane.apply({ listeners: [httpListener(1)] })
  const master = lb.haproxyPid()
  process.kill(master, 'SIGKILL')
  for (;;) {
    const line = await answer(lb).catch((error: Error) => error.message)
    if (lb.haproxyPid() !== master && / 200 /.test(line)) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})

async function answer(lb: TestLoadBalancer): Promise<string> {
  const socket = await lb.connect(VIP, 80)
  socket.write('GET / HTTP/1.0\r\n\r\n')
  return firstLine(socket)
}
