/** Health checks: the rules, counted in probes, and real probes between namespaces. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { silentLog } from '../../base/log.ts'
import { HealthChecks, type ProbeRequest } from './health/health-checks.ts'
import { afterProbe, INITIAL_HEALTH, probeTimeoutMs } from './health/health-state.ts'
import { type ProbeKind, type ProbeResult, probe } from './health/probe.ts'
import { TestLoadBalancer, tcpListener } from './test-load-balancer.ts'

test('a backend turns after so many contrary probes in a row, and never otherwise', () => {
  const threshold = fc.integer({ min: 2, max: 10 })
  fc.assert(
    fc.property(threshold, threshold, fc.array(fc.boolean()), (healthyThreshold, unhealthyThreshold, results) => {
      let state = INITIAL_HEALTH
      for (const [index, passed] of results.entries()) {
        const before = state
        state = afterProbe(state, passed, { healthyThreshold, unhealthyThreshold })
        const wanted = before.healthy ? unhealthyThreshold : healthyThreshold
        const last = results.slice(Math.max(0, index + 1 - wanted), index + 1)
        const turned = state.healthy !== before.healthy
        if (turned) assert.ok(last.length === wanted && last.every((one) => one === state.healthy))
        if (before.contrary === wanted - 1 && passed !== before.healthy) assert.ok(turned)
      }
    }),
  )
})

test('a timeout below the interval counts as the interval', () => {
  assert.equal(probeTimeoutMs({ timeout: 5, interval: 2 }), 5000)
  assert.equal(probeTimeoutMs({ timeout: 1, interval: 2 }), 2000)
})

/** A clock whose sleeps end when the test says. */
class SteppedClock {
  #now = 0
  #sleepers: { readonly until: number; readonly wake: () => void }[] = []

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      this.#sleepers.push({ until: this.#now + ms, wake: resolve })
    })
  }

  after(): () => void {
    return () => {}
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms
    for (const sleeper of this.#sleepers.filter(({ until }) => until <= this.#now)) sleeper.wake()
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#now)
    for (let i = 0; i < 10; i += 1) await Promise.resolve()
  }
}

test('one probe an interval; what is told changes at the threshold', async () => {
  const clock = new SteppedClock()
  const asked: ProbeRequest[] = []
  let answer: ProbeResult = { passed: true }
  let changes = 0
  using checks = new HealthChecks({
    clock,
    log: silentLog,
    probe: async (request) => {
      asked.push(request)
      return answer
    },
    onChange: () => {
      changes += 1
    },
  })
  const check = { type: 'tcp', interval: 2, timeout: 5, healthyThreshold: 3, unhealthyThreshold: 2 } as const
  assert.equal(checks.health('l b'), 'unavailable')
  checks.follow([{ key: 'l b', host: '192.168.1.1', port: 80, check: { ...check, connectPort: 81 } }])
  assert.equal(checks.isHealthy('l b'), true)
  await clock.pass(0)
  assert.deepEqual([asked.length, asked[0]?.port, asked[0]?.timeoutMs], [1, 81, 5000])
  assert.equal(checks.health('l b'), 'normal')
  answer = { passed: false, reason: 'nobody listens there' }
  await clock.pass(1999)
  assert.equal(asked.length, 1)
  await clock.pass(1)
  assert.deepEqual([asked.length, checks.health('l b'), changes], [2, 'normal', 0])
  await clock.pass(2000)
  assert.deepEqual([asked.length, checks.health('l b'), changes], [3, 'abnormal', 1])
  assert.deepEqual(checks.unhealthy(), ['l b'])
  answer = { passed: true }
  for (const expected of ['abnormal', 'abnormal', 'normal']) {
    await clock.pass(2000)
    assert.equal(checks.health('l b'), expected)
  }
  assert.equal(changes, 2)
})

test('who was unhealthy stays so in the next process until it passed often enough', async () => {
  const clock = new SteppedClock()
  const options = { clock, log: silentLog, probe: async () => ({ passed: true }) as const, onChange: () => {} }
  using checks = new HealthChecks({ ...options, unhealthy: ['l b'] })
  const check = { type: 'tcp', interval: 2, timeout: 5, healthyThreshold: 2, unhealthyThreshold: 2 } as const
  checks.follow([{ key: 'l b', host: '192.168.1.1', port: 80, check }])
  assert.equal(checks.isHealthy('l b'), false)
  await clock.pass(0)
  assert.equal(checks.health('l b'), 'abnormal')
  await clock.pass(2000)
  assert.equal(checks.health('l b'), 'normal')
})

test('probes', async (t) => {
  await using lb = new TestLoadBalancer('hc')
  lb.plane()
  lb.node(1)
  const ask = (kind: ProbeKind, port: number, n = 1, timeoutMs = 400) =>
    probe(
      {
        netns: lb.vpc.netns,
        host: `192.168.1.${n}`,
        port,
        source: '100.64.0.1',
        timeoutMs,
        signal: new AbortController().signal,
      },
      kind,
    )

  await t.test('tcp: a connection, ended by a reset', async () => {
    const { sockets } = lb.tcp(1, 80)
    assert.deepEqual(await ask({ type: 'tcp' }, 80), { passed: true })
    await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(sockets.size, 0)
    assert.deepEqual(await ask({ type: 'tcp' }, 81), { passed: false, reason: 'nobody listens there' })
  })

  await t.test('http: the status counts, and the backend sees method, address and name', async () => {
    const seen: string[] = []
    lb.http(2, undefined, 80).prependListener('request', (request, response) => {
      seen.push(
        `${request.method} ${request.url} ${request.headers.host} ${request.socket.remoteAddress} ${request.httpVersion}`,
      )
      if (request.url === '/bad') response.statusCode = 500
    })
    const http = { method: 'head', uri: '/ok', codes: ['http_2xx'] } as const
    assert.deepEqual(await ask({ type: 'http', http }, 80, 2), { passed: true })
    const bad = { ...http, method: 'get', uri: '/bad', domain: 'a.test', version: '1.1' } as const
    assert.deepEqual(await ask({ type: 'http', http: bad }, 80, 2), {
      passed: false,
      reason: 'HTTP status 500, wanted http_2xx',
    })
    const either = { ...bad, codes: ['http_2xx', 'http_5xx'] }
    assert.deepEqual(await ask({ type: 'http', http: either }, 80, 2), { passed: true })
    assert.deepEqual(seen.slice(0, 2), ['HEAD /ok 192.168.1.2 100.64.0.1 1.0', 'GET /bad a.test 100.64.0.1 1.1'])
    lb.tcp(3, 80)
    assert.equal((await ask({ type: 'http', http }, 80, 3)).passed, false)
  })

  await t.test('http: one that waits for its answer ends when it is told to', async () => {
    const stop = new AbortController()
    lb.http(4, undefined, 80)
      .removeAllListeners('request')
      .on('request', () => stop.abort())
    const place = { netns: lb.vpc.netns, host: '192.168.1.4', port: 80, source: '100.64.0.1', timeoutMs: 300_000 }
    const http = { method: 'head', uri: '/', codes: ['http_2xx'] } as const
    const result = await probe({ ...place, signal: stop.signal }, { type: 'http', http })
    assert.deepEqual(result, { passed: false, reason: 'stopped' })
  })

  await t.test('udp: silence is good, ICMP is not, an expected answer must come', async () => {
    lb.udp(1, 53)
    const udp = { type: 'udp', request: '', expected: '' } as const
    assert.deepEqual(await ask(udp, 53), { passed: true })
    assert.deepEqual(await ask(udp, 54), { passed: false, reason: 'nobody listens there' })
    assert.deepEqual(await ask({ ...udp, request: 'hello', expected: '1 100.64' }, 53), { passed: true })
    assert.deepEqual(await ask({ ...udp, request: 'hello', expected: 'other' }, 53), {
      passed: false,
      reason: 'another answer than the expected one',
    })
  })
})

test('a listener whose backend fails turns it away after so many probes, and back after so many good ones', async () => {
  await using lb = new TestLoadBalancer('ht')
  const plane = lb.plane()
  const key = 'lb-test/tcp/80 i-1:80'
  let status = 200
  /** What was told of the backend when a probe came, since the last turn. */
  let told: Promise<string | undefined>[] = []
  let enough = () => {}
  const probes = async (count: number, answer: number) => {
    status = answer
    told = []
    await new Promise<void>((resolve) => {
      enough = () => {
        if (told.length >= count) resolve()
      }
    })
    return Promise.all(told.slice(0, count))
  }
  lb.http(1).prependListener('request', (request, response) => {
    if (request.method !== 'HEAD') return
    response.statusCode = status
    told.push(plane.report().then(({ health }) => health.get(key)))
    enough()
  })
  const http = { method: 'head', uri: '/', codes: ['http_2xx'] } as const
  const check = { type: 'http', interval: 0.05, timeout: 1, healthyThreshold: 3, unhealthyThreshold: 2 } as const
  await plane.apply({ listeners: [tcpListener(1, { healthCheck: { ...check, http } })] })
  // What a probe found is known when the next one comes.
  assert.deepEqual(await probes(3, 200), ['unavailable', 'normal', 'normal'])
  assert.deepEqual(await probes(4, 500), ['normal', 'normal', 'abnormal', 'abnormal'])
  await untilConnected(lb, false)
  assert.deepEqual(await probes(5, 200), ['abnormal', 'abnormal', 'abnormal', 'normal', 'normal'])
  await untilConnected(lb, true)
})

/** The kernel follows what is told of backends a moment later. */
async function untilConnected(lb: TestLoadBalancer, wanted: boolean): Promise<void> {
  for (;;) {
    const code = await lb.connect('203.0.113.10', 80).then(
      (socket) => void socket.resetAndDestroy(),
      (error: { code?: string }) => error.code,
    )
    assert.ok(code === undefined || code === 'ECONNREFUSED', code)
    if ((code === undefined) === wanted) return
  }
}
