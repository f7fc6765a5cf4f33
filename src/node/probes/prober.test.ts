import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { describe, test } from 'node:test'
import { ManualClock } from '../../kube/manual-clock.ts'
import type { Probe } from '../../kube/types/core.ts'
import { testContainer } from '../test-pods.ts'
import { ContainerProbes } from './container-probes.ts'
import { type ProbeOutcome, probeHttp, probeTcp } from './network-probes.ts'
import { probePort } from './probe-port.ts'
import { Prober } from './prober.ts'

const OK: ProbeOutcome = { kind: 'success' }
const BAD: ProbeOutcome = { kind: 'failure', message: 'bad' }
const REFUSED: ProbeOutcome = { kind: 'failure', message: 'refused', refused: true }

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

class Asked {
  readonly clock = new ManualClock(0)
  readonly askedAt: number[] = []
  readonly told: string[] = []
  answer = OK
  readonly prober: Prober

  constructor(probe: Probe, eager = false) {
    this.prober = new Prober({
      probe,
      startedAt: 0,
      clock: this.clock,
      eager,
      ask: async () => {
        this.askedAt.push(this.clock.now())
        return this.answer
      },
      onVerdict: (success) => this.told.push(success ? 'good' : 'bad'),
      onFailure: () => this.told.push('failure'),
      onNotice: ({ kind }) => this.told.push(kind),
    })
  }

  async pass(ms: number): Promise<void> {
    await settle()
    for (let left = ms; left > 0; left -= 10) {
      this.clock.pass(Math.min(10, left))
      await settle()
    }
  }
}

describe('asking again and again', () => {
  test('at once, then every period', async () => {
    const asked = new Asked({ periodSeconds: 2 })
    await asked.pass(5000)
    assert.deepEqual(asked.askedAt, [0, 2000, 4000])
  })
  test('not before the initial delay', async () => {
    const asked = new Asked({ initialDelaySeconds: 3 })
    await asked.pass(3000)
    assert.deepEqual(asked.askedAt, [3000])
  })
  test('thresholds count answers in a row', async () => {
    const asked = new Asked({ periodSeconds: 1, failureThreshold: 2, successThreshold: 2 })
    await asked.pass(500)
    assert.deepEqual(asked.told, [])
    await asked.pass(1000)
    assert.deepEqual(asked.told.splice(0), ['good'])
    asked.answer = BAD
    await asked.pass(1000)
    assert.deepEqual(asked.told.splice(0), ['failure'])
    await asked.pass(1000)
    assert.deepEqual(asked.told.splice(0), ['failure', 'bad'])
    asked.answer = OK
    await asked.pass(1000)
    assert.deepEqual(asked.told.splice(0), [])
  })
  test('while nobody listens, soon again and uncounted, within the first period', async () => {
    const asked = new Asked({ periodSeconds: 1, failureThreshold: 1 }, true)
    asked.answer = REFUSED
    await asked.pass(130)
    assert.deepEqual([asked.askedAt, asked.told], [[0, 20, 60], []])
    asked.answer = OK
    await asked.pass(20)
    assert.deepEqual([asked.askedAt.at(-1), asked.told], [140, ['good']])
  })
  test('a server that never listens fails all the same', async () => {
    const asked = new Asked({ periodSeconds: 1, failureThreshold: 2 }, true)
    asked.answer = REFUSED
    await asked.pass(4000)
    assert.ok(asked.told.includes('bad'))
  })
  test('nothing after disposal', async () => {
    const asked = new Asked({ periodSeconds: 1 })
    await settle()
    asked.prober[Symbol.dispose]()
    await asked.pass(5000)
    assert.deepEqual([asked.askedAt, asked.clock.timers], [[0], 0])
  })
})

describe('the probes of a container', () => {
  const exec = { command: ['x'] }
  function probesOf(
    probes: Partial<Record<'startupProbe' | 'livenessProbe' | 'readinessProbe', Probe>>,
    exitCodes: { code: number },
  ) {
    const clock = new ManualClock(0)
    let asked = 0
    const made = new ContainerProbes({
      container: testContainer('web', probes),
      podIP: '127.0.0.1',
      startedAt: 0,
      graceSeconds: 30,
      clock,
      exec: async () => {
        asked++
        return { exitCode: exitCodes.code, output: '' }
      },
      onChange: () => {},
      onFailure: () => {},
      onNotice: () => {},
    })
    return { made, clock, asked: () => asked }
  }

  test('without any, a container is ready', () => {
    const { made } = probesOf({}, { code: 0 })
    assert.deepEqual([made.started, made.ready, made.unhealthy], [true, true, undefined])
  })
  test('readiness comes and goes', async () => {
    const codes = { code: 0 }
    const { made, clock } = probesOf({ readinessProbe: { exec, periodSeconds: 1, failureThreshold: 1 } }, codes)
    assert.equal(made.ready, false)
    await settle()
    assert.equal(made.ready, true)
    codes.code = 1
    clock.pass(1000)
    await settle()
    assert.deepEqual([made.ready, made.unhealthy], [false, undefined])
  })
  test("liveness that fails ends the run with the probe's own grace", async () => {
    const { made } = probesOf(
      { livenessProbe: { exec, failureThreshold: 1, terminationGracePeriodSeconds: 4 } },
      { code: 1 },
    )
    await settle()
    assert.deepEqual(made.unhealthy, { kind: 'Liveness', graceSeconds: 4 })
  })
  test('nothing else is asked before the startup probe has succeeded', async () => {
    const codes = { code: 1 }
    const startupProbe = { exec, periodSeconds: 1, failureThreshold: 5 }
    const { made, clock, asked } = probesOf({ startupProbe, readinessProbe: { exec, periodSeconds: 60 } }, codes)
    await settle()
    assert.deepEqual([made.started, asked()], [false, 1])
    codes.code = 0
    clock.pass(1000)
    await settle()
    assert.deepEqual([made.started, made.ready, asked()], [true, true, 3])
  })
  test('a startup probe that never succeeds ends the run', async () => {
    const { made, clock } = probesOf({ startupProbe: { exec, periodSeconds: 1, failureThreshold: 2 } }, { code: 1 })
    await settle()
    clock.pass(1000)
    await settle()
    assert.deepEqual(made.unhealthy, { kind: 'Startup', graceSeconds: 30 })
  })
})

describe('questions over the network', () => {
  async function on<T>(server: Server, use: (port: number) => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      return await use((server.address() as AddressInfo).port)
    } finally {
      server.close()
    }
  }
  const http = (port: number, path = '/', timeoutMs = 2000) =>
    probeHttp({ host: '127.0.0.1', port, path, timeoutMs, scheme: 'HTTP', headers: [{ name: 'X-A', value: '1' }] })

  test('HTTP: 200 to 399 is good', async () => {
    const server = createServer((request, response) => {
      response.statusCode = Number(request.url?.slice(1))
      response.end(request.headers['x-a'])
    })
    await on(server, async (port) => {
      for (const code of [200, 204, 302, 399]) assert.equal((await http(port, `/${code}`)).kind, 'success', `${code}`)
      assert.deepEqual(await http(port, '/503'), { kind: 'failure', message: 'HTTP probe failed with statuscode: 503' })
    })
  })
  test('HTTP: no answer in time is a failure', async () => {
    const server = createServer(() => {})
    await on(server, async (port) => {
      const outcome = await http(port, '/', 50)
      assert.match(
        outcome.kind === 'failure' ? outcome.message : '',
        /^Get "http:.*\/": context deadline exceeded \(Client.Timeout exceeded while awaiting headers\)$/,
      )
      server.closeAllConnections()
    })
  })
  test('a port that nobody listens on is refused', async () => {
    const port = await on(createTcpServer(), async (free) => free)
    const tcp = await probeTcp({ host: '127.0.0.1', port, timeoutMs: 1000 })
    assert.deepEqual(tcp, {
      kind: 'failure',
      message: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
      refused: true,
    })
    const answer = await http(port)
    assert.equal(answer.kind === 'failure' && answer.refused, true)
  })
  test('TCP: a connection is enough', async () => {
    await on(
      createTcpServer((socket) => socket.on('error', () => {})),
      async (port) => {
        assert.deepEqual(await probeTcp({ host: '127.0.0.1', port, timeoutMs: 1000 }), OK)
      },
    )
  })
  test('ports by number, digits or name', () => {
    const container = testContainer('web', { ports: [{ name: 'http', containerPort: 8080 }] })
    assert.deepEqual(
      [8081, '8081', 'http', 'none', 0, 70000].map((port) => probePort(port, container)),
      [8081, 8081, 8080, undefined, undefined, undefined],
    )
  })
})
