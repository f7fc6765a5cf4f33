import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'
import { errorMessage, systemErrorCode } from '../../../base/error.ts'
import type { Flags } from './flags.ts'

/** Opens a connection to `HOST:PORT` and says in a word why there is none: TIMEOUT, REFUSED, DNS, OTHER, UNKNOWN. */
export async function connectTo(flags: Flags, [target = '']: readonly string[]): Promise<void> {
  const protocol = flags.text('protocol', 'tcp')
  const failure = protocol === 'tcp' ? await tryConnect(target, flags.duration('timeout', 0)) : noProtocol(protocol)
  if (failure === undefined) return
  process.stderr.write(`${failure}\n`)
  process.exitCode = 1
}

function noProtocol(protocol: string): string {
  return `UNKNOWN: Node.js has no sockets for ${protocol}; wanted tcp`
}

async function tryConnect(target: string, timeoutMs: number): Promise<string | undefined> {
  const parts = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(target)
  if (parts === null) return `UNKNOWN: address ${target}: wanted HOST:PORT`
  let address: string
  try {
    address = (await lookup(parts[1] ?? parts[2] ?? '')).address
  } catch (error) {
    return `DNS: ${errorMessage(error)}`
  }
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: Number(parts[3]) })
    const timer = timeoutMs > 0 ? setTimeout(() => end('TIMEOUT'), timeoutMs) : undefined
    const end = (failure?: string) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(failure)
    }
    socket.once('connect', () => end())
    socket.once('error', (error) => end(reason(error)))
  })
}

function reason(error: Error): string {
  const code = systemErrorCode(error)
  if (code === 'ECONNREFUSED') return 'REFUSED'
  return code === 'ETIMEDOUT' ? 'TIMEOUT' : `OTHER: ${error.message}`
}
