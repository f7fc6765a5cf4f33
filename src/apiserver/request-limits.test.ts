import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { ManualClock } from '../kube/manual-clock.ts'
import type { HandleRequest } from './handler.ts'
import type { ApiRequest } from './request.ts'
import { jsonResponse } from './request.ts'
import { limitDuration } from './request-deadline.ts'
import { DEFAULT_LIMITS, limitRequests } from './request-limits.ts'
import { sendResponse } from './send-response.ts'
import { openTestBench } from './test-bench.ts'

function request(method: string, url: string, groups: readonly string[] = []): ApiRequest {
  const { signal } = new AbortController()
  return { method, url, headers: {}, user: { name: 'x', groups }, body: async () => new Uint8Array(), signal }
}

test('beyond the limit a request is refused at once and told when to come again', async () => {
  let release = () => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  const handle: HandleRequest = async () => {
    await gate
    return jsonResponse(200, {})
  }
  const limited = limitRequests(handle, { ...DEFAULT_LIMITS, mutating: 1, readOnly: 2 })
  const pods = '/api/v1/namespaces/default/pods'
  const running = [request('GET', pods), request('GET', pods), request('POST', pods)].map(limited)
  for (const method of ['GET', 'POST', 'DELETE', 'PATCH']) {
    const { status, headers } = await limited(request(method, pods))
    assert.equal(status, 429)
    assert.equal(headers['retry-after'], '1')
  }
  const exempt = [request('GET', pods, ['system:masters']), request('GET', `${pods}/a/log`)].map(limited)
  release()
  for (const { status } of await Promise.all([...running, ...exempt])) assert.equal(status, 200)
  assert.equal((await limited(request('GET', pods))).status, 200)
})

test('open watches are counted until they end, however they end', async () => {
  async function* endless() {
    for (;;) yield Buffer.from('{}\n')
  }
  const handle: HandleRequest = async () => ({ status: 200, headers: {}, body: endless() })
  const limited = limitRequests(handle, { ...DEFAULT_LIMITS, watches: 1 })
  const gone = new AbortController()
  const watch = { ...request('GET', '/api/v1/pods?watch=true'), signal: gone.signal }
  assert.equal((await limited(watch)).status, 200)
  assert.equal((await limited(watch)).status, 429)
  gone.abort()
  const second = await limited(request('GET', '/api/v1/pods?watch=1'))
  assert.equal(second.status, 200)
  assert.equal((await limited(request('GET', '/api/v1/pods?watch'))).status, 429)
  assert.ok(!(second.body instanceof Uint8Array))
  for await (const _ of second.body) break
  assert.equal((await limited(request('GET', '/api/v1/pods?watch=1'))).status, 200)
})

test('0 is no limit', async () => {
  const never: HandleRequest = () => new Promise(() => {})
  const limited = limitRequests(never, { ...DEFAULT_LIMITS, mutating: 0 })
  const answers = Array.from({ length: DEFAULT_LIMITS.mutating + 1 }, () => limited(request('POST', '/api/v1/pods')))
  assert.equal(await Promise.race([...answers, 'none']), 'none')
})

test('what is not done in time is answered with 504, but no watch and no log', async () => {
  const clock = new ManualClock()
  const never: HandleRequest = () => new Promise(() => {})
  const timely = limitDuration(never, 5000, clock)
  const pods = '/api/v1/namespaces/default/pods'
  const late = timely(request('GET', pods))
  const lasting = [`${pods}?watch=1`, `${pods}/a/log`].map((url) => timely(request('GET', url)))
  clock.pass(5000)
  const { status, body } = await late
  assert.equal(status, 504)
  const { reason, message } = JSON.parse(Buffer.from(body as Uint8Array).toString())
  assert.equal(reason, 'Timeout')
  assert.equal(message, 'Timeout: request did not complete within the allotted timeout')
  assert.equal(await Promise.race([...lasting, 'none']), 'none')
  assert.equal((await limitDuration(async () => jsonResponse(200, {}), 5000, clock)(request('GET', pods))).status, 200)
  assert.equal(clock.timers, 0)
})

test('a failing handler gives its place back', async () => {
  const limited = limitRequests(() => Promise.reject(new RangeError('x')), { ...DEFAULT_LIMITS, readOnly: 1 })
  for (let round = 0; round < 3; round++) await assert.rejects(limited(request('GET', '/api/v1/pods')), RangeError)
})

test('a client that takes nothing is cut off, and what it was sent ends', async () => {
  const clock = new ManualClock()
  let ended = () => {}
  const end = new Promise<void>((resolve) => (ended = resolve))
  async function* flood() {
    try {
      for (;;) yield Buffer.alloc(1 << 20)
    } finally {
      ended()
    }
  }
  const stalled = new Promise<void>((resolve) => {
    const after = clock.after.bind(clock)
    clock.after = (ms, callback) => {
      resolve()
      return after(ms, callback)
    }
  })
  const server = createServer((_, response) => {
    void sendResponse({ status: 200, headers: {}, body: flood() }, response, clock)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await stalled
  // Its buffers still fill up; time passes until nothing has moved for long enough.
  const pushing = setInterval(() => clock.pass(31_000), 20)
  await end
  clearInterval(pushing)
  socket.destroy()
  server.close()
  await once(server, 'close')
})

test('limits are options of the server', async () => {
  // Fewer than none: the first is too many.
  await using bench = await openTestBench({ limits: { readOnly: -1 } })
  const identity = await bench.certify('node-reader', [])
  const refused = await bench.send('/api', { identity })
  assert.equal(refused.status, 429)
  assert.equal(refused.body.reason, 'TooManyRequests')
  assert.equal((await bench.call('GET', '/api')).status, 200)
})
