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
async function connected(wanted: WantedStreams) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const upgraded = once(server, 'upgrade')
  const { port } = server.address() as AddressInfo
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, ['v5.channel.k8s.io'])
  closing.push(() => {
    client.terminate()
    server.close()
    server.closeAllConnections()
  })
  const received: string[] = []
  client.on('message', (data: Buffer) => received.push(data.toString('hex')))
  const [message, socket] = await upgraded
  const streams = new WebSocketStreams(await acceptWebSocket({ message, socket }, 'v5.channel.k8s.io'), wanted)
  if (client.readyState !== WebSocket.OPEN) await once(client, 'open')
  assert.equal(client.protocol, 'v5.channel.k8s.io')
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
