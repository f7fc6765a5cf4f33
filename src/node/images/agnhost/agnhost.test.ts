import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseFlags } from './flags.ts'

const program = fileURLToPath(new URL('agnhost-main.ts', import.meta.url))

function start(args: readonly string[], variables: Readonly<Record<string, string>> = {}): ChildProcess {
  const env = { ...process.env, ...variables }
  return spawn(process.execPath, ['--import', 'tsx', program, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
}

/** Runs a subcommand to its end. */
async function run(...args: readonly string[]): Promise<{ code: number | null; output: string; problem: string }> {
  const child = start(args)
  const texts = { output: '', problem: '' }
  child.stdout?.on('data', (data) => {
    texts.output += data
  })
  child.stderr?.on('data', (data) => {
    texts.problem += data
  })
  const [code] = await once(child, 'close')
  return { code, ...texts }
}

/** Starts a server on ports that are free, and waits until it has named them all. */
async function serving<T>(
  args: readonly string[],
  {
    ports,
    use,
    variables,
  }: { ports: number; use: (...ports: readonly number[]) => Promise<T>; variables?: Record<string, string> },
): Promise<T> {
  const child = start(args, variables)
  try {
    const found: number[] = []
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      const port = /on port (\d+)/.exec(line)?.[1]
      if (port !== undefined) found.push(Number(port))
      if (found.length === ports) break
    }
    assert.equal(found.length, ports, 'it ended')
    child.stderr?.resume()
    return await use(...found)
  } finally {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
}

describe('in place of agnhost', () => {
  test('flags are read as Go reads them', () => {
    const { flags, args } = parseFlags(['--http-port', '80', '--tcp', '-d=2s', 'host:1', '--close=false', '--', '--x'])
    assert.equal(flags.number('http-port', 8080), 80)
    assert.equal(flags.boolean('tcp', false), true)
    assert.equal(flags.boolean('close', true), false)
    assert.equal(flags.duration('run-duration', 0), 2000)
    assert.equal(flags.text('protocol', 'tcp'), 'tcp')
    assert.deepEqual(args, ['host:1', '--x'])
    assert.throws(() => parseFlags(['--port=http']).flags.number('port', 0), { code: 'USAGE' })
    assert.throws(() => parseFlags(['--timeout=soon']).flags.duration('timeout', 0), { code: 'USAGE' })
  })

  test('netexec says who is there, asks others and runs commands', async () => {
    await serving(['netexec', '--http-port=0', '--udp-port=0'], {
      ports: 2,
      use: async (http = 0, udp = 0) => {
        const get = async (path: string) => (await fetch(`http://127.0.0.1:${http}${path}`)).text()
        assert.equal(await get('/hostname'), hostname())
        assert.equal(await get('//hostName'), hostname())
        assert.match(await get('/clientip'), /^127\.0\.0\.1:\d+$/)
        assert.equal(await get('/header?key=Accept-Language'), '*')
        assert.equal((await fetch(`http://127.0.0.1:${http}/echo?msg=teapot&code=418`)).status, 418)
        assert.equal(await get('/redirect?location=/echo%3Fmsg=there'), 'there')
        assert.deepEqual(JSON.parse(await get(`/shell?cmd=${encodeURIComponent('echo one; echo two >&2; exit 3')}`)), {
          error: 'exit status 3',
          output: 'one\ntwo\n',
        })
        const dial = async (query: string) => JSON.parse(await get(`/dial?host=localhost&${query}`))
        const thrice = [hostname(), hostname(), hostname()]
        assert.deepEqual(await dial(`protocol=udp&port=${udp}&request=hostname&tries=3`), { responses: thrice })
        assert.deepEqual(await dial(`protocol=http&port=${http}&request=/hostname&tries=3`), { responses: thrice })
        const refused = await dial('protocol=udp&port=1&request=hostname')
        assert.match(refused.errors[0], /ECONNREFUSED/)
        assert.equal(refused.responses, undefined)
        assert.equal((await fetch(`http://127.0.0.1:${http}/dial?host=localhost&port=1`)).status, 400)
      },
    })
  })

  test('serve-hostname closes connections when told to', async () => {
    await serving(['serve-hostname', '--port', '0', '--close'], {
      ports: 1,
      use: async (port) => {
        const response = await fetch(`http://127.0.0.1:${port}/`)
        assert.equal(response.headers.get('connection'), 'close')
        assert.equal(await response.text(), hostname())
      },
    })
  })

  test('porter serves what variables say, as what it is', async () => {
    const link = '<a href="/rewriteme">test</a>'
    await serving(['porter'], {
      ports: 1,
      variables: { SERVE_PORT_0: link },
      use: async (port) => {
        const response = await fetch(`http://127.0.0.1:${port}/`)
        assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8')
        assert.equal(await response.text(), link)
      },
    })
  })

  test('connect says in a word why there is no connection', async () => {
    assert.deepEqual(await run('connect', '127.0.0.1:1'), { code: 1, output: '', problem: 'REFUSED\n' })
    assert.match((await run('connect', 'no.such.name.invalid:80')).problem, /^DNS: /)
    assert.match((await run('connect', 'nothing')).problem, /^UNKNOWN: /)
    await serving(['netexec', '--http-port=0', '--udp-port=-1'], {
      ports: 1,
      use: async (port) => {
        assert.deepEqual(await run('connect', `localhost:${port}`, '--timeout=10s'), {
          code: 0,
          output: '',
          problem: '',
        })
      },
    })
  })

  test('a subcommand that it does not know is named, with the way to the image itself', async () => {
    const { code, problem } = await run('guestbook')
    assert.equal(code, 1)
    assert.match(problem, /cannot do "guestbook": .*netexec.*fairlead image add/)
  })
})
