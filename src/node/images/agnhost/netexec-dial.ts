import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { get } from 'node:http'
import { isIPv6 } from 'node:net'
import { errorMessage, FairleadError } from '../../../base/error.ts'

export interface Dial {
  readonly host: string
  readonly port: number
  /** A path for `http`, what is sent for `udp`. */
  readonly request: string
  readonly protocol: string
  readonly tries: number
}

export type DialOutcome =
  | { readonly kind: 'invalid'; readonly message: string }
  | {
      readonly kind: 'asked'
      readonly output: { readonly errors?: readonly string[]; readonly responses?: readonly string[] }
    }

const TIMEOUT_MS = 5000
const MAX_REDIRECTS = 10

/** Asks an address so many times, one after the other, each on a connection of its own. */
export async function dial({ host, port, request, protocol, tries }: Dial): Promise<DialOutcome> {
  const once = protocol === 'http' ? dialHttp : protocol === 'udp' ? dialUdp : undefined
  if (once === undefined) return invalid(`unsupported protocol. ${protocol}`)
  if (request === '') return invalid('request parameter not specified.')
  if (!Number.isInteger(tries)) return invalid('tries parameter is invalid.')
  let address: string
  try {
    address = (await lookup(host)).address
  } catch (error) {
    return invalid(`host and/or port param are invalid. ${errorMessage(error)}`)
  }
  const responses: string[] = []
  const errors: string[] = []
  for (let i = 0; i < tries; i++) {
    try {
      responses.push(await once(address, port, request))
    } catch (error) {
      errors.push(errorMessage(error))
    }
  }
  const output = { ...(errors.length > 0 ? { errors } : {}), ...(responses.length > 0 ? { responses } : {}) }
  return { kind: 'asked', output }
}

function invalid(message: string): DialOutcome {
  return { kind: 'invalid', message }
}

function dialHttp(address: string, port: number, request: string): Promise<string> {
  return fetchText(new URL(`http://${isIPv6(address) ? `[${address}]` : address}:${port}/${request}`), 0)
}

function fetchText(url: URL, redirects: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      const { location } = response.headers
      if (location !== undefined && (response.statusCode ?? 0) < 400 && redirects < MAX_REDIRECTS) {
        response.resume()
        resolve(fetchText(new URL(location, url), redirects + 1))
        return
      }
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(body))
      response.on('error', reject)
    })
    asked.on('timeout', () => asked.destroy(noAnswer(url.href)))
    asked.on('error', reject)
  })
}

function dialUdp(address: string, port: number, request: string): Promise<string> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  const answer = new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(noAnswer(`udp ${address}:${port}`)), TIMEOUT_MS)
    socket.once('close', () => clearTimeout(timer))
    socket.once('error', (error) =>
      reject(new FairleadError('SYSCALL_FAILED', `reading from udp connection failed. err:'${error.message}'`)),
    )
    socket.once('message', (data: Buffer) => resolve(data.toString('utf8')))
    // A connected socket hears of a port where nobody listens.
    socket.connect(port, address, () => socket.send(request))
  })
  return answer.finally(() => socket.close())
}

function noAnswer(target: string): FairleadError {
  return new FairleadError('TIMEOUT', `${target} did not answer within ${TIMEOUT_MS} ms`)
}
