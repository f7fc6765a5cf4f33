import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, describe, test } from 'node:test'
import { WebSocket } from 'ws'
import type { TerminalSize } from '../../linux/pty.ts'
import { acceptWebSocket } from './accept-upgrade.ts'
import { exitStatus, failureStatus, parseTerminalSize, SUCCESS, type WantedStreams } from './command-streams.ts'
import { WebSocketStreams } from './websocket-streams.ts'

const ALL: WantedStreams = { stdin: true, stdout: true, stderr: true, tty: false }
const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A client's socket, what it has received in hexadecimal, and the node's end. */
async function connected(wanted: WantedStreams, protocol = 'v5.channel.k8s.io') {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const upgraded = once(server, 'upgrade')
  const { port } = server.address() as AddressInfo
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, protocol === '' ? [] : [protocol])
  closing.push(() => {
    client.terminate()
    server.close()
    server.closeAllConnections()
  })
  const received: string[] = []
  client.on('message', (data: Buffer, isBinary: boolean) => {
    received.push(isBinary ? data.toString('hex') : data.toString())
  })
  const [message, socket] = await upgraded
  const streams = new WebSocketStreams(await acceptWebSocket({ message, socket }, protocol), { wanted, protocol })
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open')
  assert.equal(client.protocol, protocol)
  return { client, received, streams }
}

describe('channels of a WebSocket', () => {
  test('what the command writes, and how it ended', async () => {
    const { client, received, streams } = await connected(ALL)
    streams.stdout?.write('hi')
    streams.stderr?.write('oh')
    streams.finish(SUCCESS)
    const [code] = await once(client, 'close')
    assert.equal(code, 1000)
    const status = Buffer.from('{"metadata":{},"status":"Success"}').toString('hex')
    assert.deepEqual(received, ['01', '016869', '026f68', `03${status}`])
  })
  for (const protocol of ['channel.k8s.io', '']) {
    test(`of clients of "${protocol}": success has no words, failure is a text`, async () => {
      const { client, received, streams } = await connected(ALL, protocol)
      streams.stdout?.write('hi')
      streams.finish(SUCCESS)
      await once(client, 'close')
      assert.deepEqual(received, ['01', '016869'])
      const other = await connected(ALL, protocol)
      other.streams.finish(exitStatus(2))
      await once(other.client, 'close')
      const told = Buffer.from('command terminated with non-zero exit code: exit status 2').toString('hex')
      assert.deepEqual(other.received, ['01', `03${told}`])
    })
  }
  test('of clients that read base64 only', async () => {
    const { client, received, streams } = await connected(ALL, 'base64.channel.k8s.io')
    client.send(`0${Buffer.from('typed').toString('base64')}`)
    streams.stdout?.write('hi')
    const [typed] = await once(streams.stdin as Readable, 'data')
    assert.equal(String(typed), 'typed')
    streams.finish(SUCCESS)
    await once(client, 'close')
    assert.deepEqual(received, ['1', '1aGk='])
    const v4 = await connected(ALL, 'v4.base64.channel.k8s.io')
    v4.streams.finish(SUCCESS)
    await once(v4.client, 'close')
    const status = Buffer.from('{"metadata":{},"status":"Success"}').toString('base64')
    assert.deepEqual(v4.received, ['1', `3${status}`])
  })
  test('what the client types, up to its end', async () => {
    const { client, streams } = await connected(ALL)
    client.send(Buffer.from('006162', 'hex'))
    client.send(Buffer.from('0063', 'hex'))
    client.send(Buffer.from('ff00', 'hex'))
    client.send(Buffer.from('0064', 'hex'))
    assert.equal(await text(streams.stdin as Readable), 'abc')
  })
  test('the end of the input when the client goes', async () => {
    const { client, streams } = await connected(ALL)
    client.send(Buffer.from('0061', 'hex'))
    client.close()
    assert.equal(await text(streams.stdin as Readable), 'a')
    if (!streams.gone.aborted) await once(streams.gone, 'abort')
  })
  test('sizes of the terminal, also one that came first; nonsense is none', async () => {
    const { client, streams } = await connected({ stdin: true, stdout: true, stderr: false, tty: true })
    client.send(Buffer.from('\x04{"Width":80,"Height":24}'))
    client.send(Buffer.from('\x04{"Width":0}'))
    client.send(Buffer.from('\x04nonsense'))
    client.send(Buffer.from('\x00.'))
    await once(streams.stdin ?? client, 'readable')
    const sizes: TerminalSize[] = []
    streams.onResize((size) => sizes.push(size))
    assert.deepEqual(sizes, [{ columns: 80, rows: 24 }])
  })
  test('only the streams that are wanted are there', async () => {
    const { received, streams, client } = await connected({ stdin: false, stdout: false, stderr: false, tty: false })
    assert.deepEqual([streams.stdin, streams.stdout, streams.stderr], [undefined, undefined, undefined])
    client.send(Buffer.from('0061', 'hex'))
    streams.finish(SUCCESS)
    await once(client, 'close')
    assert.equal(received[0], '03')
  })
})

describe('how a command ended', () => {
  test('an exit code as clients look for it', () => {
    assert.equal(exitStatus(0), SUCCESS)
    assert.deepEqual(exitStatus(7), {
      metadata: {},
      status: 'Failure',
      message: 'command terminated with non-zero exit code: exit status 7',
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    })
  })
  test('a command that never ran', () => {
    assert.equal(failureStatus('why').message, 'Internal error occurred: why')
  })
  test('a size has two lengths', () => {
    assert.deepEqual(parseTerminalSize('{"Width":80,"Height":24}'), { columns: 80, rows: 24 })
    assert.deepEqual(parseTerminalSize('{"height":24,"width":80}'), { columns: 80, rows: 24 })
    for (const bad of ['', 'null', '[]', '{"Width":80}', '{"Width":80,"Height":65536}', '{"Width":1.5,"Height":1}']) {
      assert.equal(parseTerminalSize(bad), undefined, bad)
    }
  })
})
