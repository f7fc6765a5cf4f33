import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { connect } from 'node:net'
import { test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { type Clock, systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { anyRequest, type FuzzRequest } from './fuzz.test-kit.ts'
import { BODY_LIMIT } from './read-body.ts'
import type { ApiResponse } from './request.ts'
import { tooLarge } from './status-error.ts'
import { admin, openTestBench, type TestBench } from './test-bench.ts'

/** To see a failure again: `FAIRLEAD_FUZZ_SEED=<number>`. */
const seed = Number(process.env.FAIRLEAD_FUZZ_SEED ?? randomInt(2 ** 31 - 1))
process.stderr.write(`fuzz seed ${seed}\n`)
const TOGETHER = 20
const BATCHES = 550
const PATIENCE_MS = 30_000

const CODES = new Set([200, 201, 301, 400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 422, 429, 504])

/** What the server logs as an error is a failure, even where the client saw nothing of it. */
function watchfulLog(errors: unknown[]) {
  const error = (fields: { readonly err?: unknown }, message: string) => errors.push(message, fields.err ?? fields)
  const log = { ...silentLog, debug() {}, info() {}, warn() {}, error, child: () => log }
  return log as unknown as typeof silentLog
}

/** Counts timers, so that none is left behind. */
function countingClock(): Clock & { pending(): number } {
  const timers = new Set<object>()
  return {
    ...systemClock,
    pending: () => timers.size,
    after(ms, callback) {
      const mark = {}
      timers.add(mark)
      const cancel = systemClock.after(ms, () => {
        timers.delete(mark)
        callback()
      })
      return () => {
        timers.delete(mark)
        cancel()
      }
    },
  }
}

function describe({ method, url, headers, body }: FuzzRequest): string {
  const text = Buffer.from(body).toString()
  return `${method} ${url} ${JSON.stringify(headers)} ${text.length > 3000 ? `${text.slice(0, 3000)}…` : text}`
}

/** @returns The code of the answer. */
async function perform(bench: TestBench, request: FuzzRequest): Promise<number> {
  const ended = new AbortController()
  const response = await soon(
    bench.api.handle({
      ...request,
      user: { ...admin, groups: [...admin.groups, 'system:authenticated'] },
      body: async () => {
        if (request.body.byteLength > BODY_LIMIT) throw tooLarge(BODY_LIMIT)
        return request.body
      },
      signal: ended.signal,
    }),
  )
  if (response.body instanceof Uint8Array) {
    checkAnswer(request, response, response.body)
    return response.status
  }
  ended.abort()
  await soon(drain(response.body))
  assert.equal(response.status, 200)
  return response.status
}

async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) assert.ok(chunk.byteLength > 0)
}

async function soon<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: 'no answer came' })), PATIENCE_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Of applied fields that a kind does not have, upstream's server says that the error is its own: the one 500 there is. */
const UNDECLARED =
  /^{"kind":"Status",.*"message":"failed to create typed patch object \(.*: field not declared in schema","code":500}$/

function checkAnswer({ url, method }: FuzzRequest, { status, headers }: ApiResponse, body: Uint8Array): void {
  const said = Buffer.from(body)
  if (status === 500 && UNDECLARED.test(said.toString())) return
  assert.ok(CODES.has(status), `unexpected code ${status}: ${said.toString()}`)
  for (const value of Object.values(headers)) assert.doesNotMatch(String(value), /[\r\n]/)
  if (!String(headers['content-type']).startsWith('application/json')) {
    assert.ok(status < 400)
    return
  }
  const answer = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>
  assert.equal(typeof answer, 'object')
  if (status < 400) {
    const isDocument = method === 'GET' && /^\/(openapi|version|api([/?]|$)(?!v1)|\?|$)/.test(url)
    if (!isDocument) assert.ok(typeof answer.kind === 'string' && typeof answer.apiVersion === 'string')
    return
  }
  const { kind, apiVersion, status: verdict, code, reason, message } = answer
  assert.deepEqual(
    { kind, apiVersion, verdict, code },
    { kind: 'Status', apiVersion: 'v1', verdict: 'Failure', code: status },
  )
  assert.ok(typeof reason === 'string' && reason !== '')
  assert.ok(typeof message === 'string' && message !== '' && !/ at .*\.ts:\d/.test(message))
}

test('whatever is asked, the answer is an object or a Status that says what is wrong', async (context) => {
  const errors: unknown[] = []
  const clock = countingClock()
  const bench = await openTestBench({ log: watchfulLog(errors), clock })
  await using _ = bench
  const start = clock.pending()
  const failures: string[] = []
  const answers = new Map<number, number>()
  for (let batch = 0; batch < BATCHES && failures.length < TOGETHER; batch++) {
    const requests = fc.sample(anyRequest, { seed: seed + batch, numRuns: TOGETHER })
    const outcomes = await Promise.allSettled(requests.map((request) => perform(bench, request)))
    for (const [index, request] of requests.entries()) {
      const outcome = outcomes[index]
      if (outcome?.status === 'fulfilled') answers.set(outcome.value, (answers.get(outcome.value) ?? 0) + 1)
      if (outcome?.status === 'rejected') failures.push(`${describe(request)}\n${(outcome.reason as Error).message}`)
    }
    failures.push(...errors.splice(0).map((error) => inspect(error)))
  }
  assert.deepEqual(failures, [], `seed ${seed}`)
  context.diagnostic(`answers ${JSON.stringify([...answers].sort())}`)
  // Were nearly all refused, the rules behind the first ones would not be reached.
  assert.ok((answers.get(200) ?? 0) + (answers.get(201) ?? 0) > 500)
  assert.equal(clock.pending(), start, 'timers are left behind')
  assert.equal((await bench.call('GET', '/readyz')).body, 'ok')
  await everyObjectIsReadable(bench)
})

/** What got in must come out: every list and every table of it. */
async function everyObjectIsReadable(bench: TestBench): Promise<void> {
  const { body } = await bench.call('GET', '/apis')
  const groups = (body.groups as { preferredVersion: { groupVersion: string } }[]).map(
    (each) => each.preferredVersion.groupVersion,
  )
  for (const root of ['/api/v1', ...groups.map((group) => `/apis/${group}`)]) {
    const { resources } = (await bench.call('GET', root)).body as { resources: { name: string; verbs: string[] }[] }
    for (const { name, verbs } of resources) {
      if (name.includes('/') || !verbs.includes('list')) continue
      for (const accept of ['application/json', 'application/json;as=Table;v=v1;g=meta.k8s.io']) {
        const request = { method: 'GET', url: `${root}/${name}`, headers: { accept }, body: new Uint8Array() }
        await perform(bench, request)
      }
    }
  }
}

const LINES = [
  'GET / HTTP/1.1',
  'GET /livez HTTP/1.1',
  'POST /api/v1/namespaces/default/pods HTTP/1.1',
  'FROB / HTTP/1.1',
  'GET  HTTP/9.9',
  'GET /api/v1/pods?watch=1 HTTP/1.1',
  '\u0000\u0001',
  'PRI * HTTP/2.0',
]
const HEADERS = [
  'Host: x',
  'Content-Length: 5',
  'Content-Length: -1',
  'Content-Length: 99999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Expect: 100-continue',
  'Connection: close',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Authorization: Bearer x',
  'Authorization: Bearer',
  'Authorization: Basic \u00ff',
  `X-Long: ${'x'.repeat(70_000)}`,
  'Bad Header',
  ': x',
  'Content-Type: application/json',
]
const BODIES = [
  '',
  '{}',
  'hello',
  'zz\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n',
  'x'.repeat(100_000),
]

const conversation = fc
  .tuple(fc.constantFrom(...LINES), fc.subarray(HEADERS, { maxLength: 6 }), fc.constantFrom(...BODIES), fc.boolean())
  .map(([line, headers, body, finished]) => [line, ...headers, finished ? '' : 'X: y', body].join('\r\n'))

test('whatever comes over a connection, the next one is answered', async () => {
  const errors: unknown[] = []
  await using bench = await openTestBench({ log: watchfulLog(errors) })
  const identity = await bench.certify('stranger', [])
  const sockets: TLSSocket[] = []
  await fc.assert(
    fc.asyncProperty(conversation, fc.boolean(), async (text, leave) => {
      const { authority: ca, port } = bench
      const socket = connectTls({
        host: '127.0.0.1',
        port,
        ca,
        cert: identity.certificatePem,
        key: identity.privateKeyPem,
      })
      socket.on('error', () => {})
      await new Promise((resolve) => socket.once('secureConnect', resolve))
      socket.write(text)
      const answer = await Promise.race([firstBytes(socket), silence()])
      if (leave) socket.destroy()
      else sockets.push(socket)
      if (answer !== undefined) assert.match(answer, /^HTTP\/1\.1 (1|2|4)\d\d /, JSON.stringify(text.slice(0, 500)))
      assert.deepEqual(errors, [])
    }),
    { seed, numRuns: 300, endOnFailure: true },
  )
  const raw = connect(bench.port, '127.0.0.1')
  raw.on('error', () => {})
  raw.write(Buffer.alloc(100_000, 0x16))
  await new Promise((resolve) => raw.once('close', resolve))
  assert.equal((await bench.send('/livez')).body, 'ok')
  for (const socket of sockets) socket.destroy()
})

/** `undefined`: the server ended the connection without a word. */
function firstBytes(socket: TLSSocket): Promise<string | undefined> {
  return new Promise((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes.toString()))
    socket.once('close', () => resolve(undefined))
  })
}

/** A request that is not at its end gets no answer yet. */
async function silence(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, 50))
  return undefined
}
