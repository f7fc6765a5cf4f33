import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairleadError } from '../../../base/error.ts'

/**
 * Takes one connection, reads `EXPECTED_CLIENT_DATA` from it if that is set, writes `CHUNKS` times `CHUNK_SIZE` bytes with
 * `CHUNK_INTERVAL` ms between, and ends. Ends with 2 or 3 when other data came.
 */
export async function sendChunks(): Promise<void> {
  const { BIND_ADDRESS = 'localhost', EXPECTED_CLIENT_DATA: expected = '' } = process.env
  const [port, chunks, size, interval] = ['BIND_PORT', 'CHUNKS', 'CHUNK_SIZE', 'CHUNK_INTERVAL'].map(numberOf)
  const socket = await accept(BIND_ADDRESS, port ?? 0)
  process.stdout.write('Accepted client connection\n')
  if (expected !== '' && !(await received(socket, expected))) return
  for (let i = 0; i < (chunks ?? 0); i++) {
    if (i > 0) await sleep(interval)
    socket.write('x'.repeat(size ?? 0))
  }
  process.stdout.write('Shutting down connection\n')
  await new Promise<void>((resolve) => socket.end(() => resolve()))
  // Whoever has the last bytes still to read must not be told of a reset.
  await sleep(500)
  socket.destroy()
  process.stdout.write('Done\n')
}

function numberOf(name: string): number {
  const text = process.env[name] ?? ''
  if (/^\d+$/.test(text)) return Number(text)
  throw new FairleadError('USAGE', `Error parsing ${name} "${text}"; wanted a whole number`)
}

function accept(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      server.close()
      resolve(socket)
    })
    server.once('error', reject)
    server.listen(port, host)
  })
}

async function received(socket: Socket, expected: string): Promise<boolean> {
  const wanted = Buffer.byteLength(expected)
  let data = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    data = Buffer.concat([data, chunk])
    if (data.length >= wanted) break
  }
  if (data.length < wanted)
    return refuse(2, `Expected to read ${wanted} bytes from client, but got ${data.length} instead`)
  const got = data.toString('utf8', 0, wanted)
  if (got !== expected) return refuse(3, `Expect to read "${expected}", but got "${got}"`)
  process.stdout.write('Received expected client data\n')
  return true
}

function refuse(code: number, message: string): false {
  process.stdout.write(`${message}\n`)
  process.exitCode = code
  return false
}
