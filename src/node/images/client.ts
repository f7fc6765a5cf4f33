/**
 * A program of image `fairlead/client` for what curl cannot do: sends requests to `http://`, `tcp://` and `udp://`
 * addresses and prints one answer per line.
 *
 * Usage: /fairlead/node /fairlead/client.mjs [--count=N] [--timeout=MS] URL...
 */
import { createSocket } from 'node:dgram'
import { get } from 'node:http'
import { connect } from 'node:net'

const args = process.argv.slice(2)
const count = option('count', 1)
const timeoutMs = option('timeout', 5000)
const urls = args.filter((argument) => !argument.startsWith('--'))
let failures = urls.length === 0 ? 1 : 0
if (urls.length === 0) process.stderr.write('usage: client [--count=N] [--timeout=MS] http|tcp|udp://HOST:PORT/...\n')

for (const url of urls) {
  for (let i = 0; i < count; i++) {
    try {
      process.stdout.write(`${(await ask(new URL(url))).trimEnd()}\n`)
    } catch (error) {
      failures++
      process.stderr.write(`${url}: ${error instanceof Error ? error.message : String(error)}\n`)
    }
  }
}
process.exitCode = failures === 0 ? 0 : 1

function option(name: string, otherwise: number): number {
  const value = args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3)
  return value === undefined ? otherwise : Number(value)
}

function ask(url: URL): Promise<string> {
  if (url.protocol === 'udp:') return askUdp(url)
  return url.protocol === 'tcp:' ? askTcp(url) : askHttp(url)
}

function askHttp(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    // Every request on a connection of its own: it is connections that a Service spreads.
    const request = get(url, { agent: false, timeout: timeoutMs }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(body))
      response.on('error', reject)
    })
    request.on('timeout', () => request.destroy(new RangeError(`no answer within ${timeoutMs} ms`)))
    request.on('error', reject)
  })
}

/** The first line that the server says. */
function askTcp(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostOf(url), port: Number(url.port), timeout: timeoutMs })
    let text = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.includes('\n')) socket.end()
    })
    socket.on('timeout', () => socket.destroy(new RangeError(`no answer within ${timeoutMs} ms`)))
    socket.on('close', () => resolve(text.split('\n')[0] ?? ''))
    socket.on('error', reject)
  })
}

function askUdp(url: URL): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = hostOf(url)
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const finish = (end: () => void) => {
      clearTimeout(timer)
      socket.close()
      end()
    }
    const timer = setTimeout(() => finish(() => reject(new RangeError(`no answer within ${timeoutMs} ms`))), timeoutMs)
    socket.on('message', (data) => finish(() => resolve(data.toString('utf8'))))
    socket.on('error', (error) => finish(() => reject(error)))
    socket.connect(Number(url.port), host, () => socket.send(url.pathname))
  })
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}
