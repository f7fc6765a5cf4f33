import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { createServer, type Server, type Socket as Stream } from 'node:net'
import { addressFamily } from '../../base/ip.ts'
import type { Log } from '../../base/log.ts'
import { FLAG, RCODE, TYPE, UDP_SIZE } from '../../dns/wire/codes.ts'
import { decodeMessage, encodeMessage } from '../../dns/wire/message.ts'
import { canonicalName, isWithin } from '../../dns/wire/name.ts'
import type { DnsRecord } from '../../dns/wire/record.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { dnsName } from './load-balancer-views.ts'
import { NETWORK_LOAD_BALANCERS } from './model.ts'
import { NLB_ZONE } from './nlb-zone.ts'
import { namedAddresses } from './zone-mappings.ts'

export interface NameServerOptions {
  readonly state: Pick<CloudState, 'get' | 'list'>
  /** Bound sockets, in whatever namespace; they are closed with the server. */
  readonly sockets: NameServerSockets
  readonly log: Log
}

export interface NameServerSockets {
  readonly udp: number
  /** It listens. */
  readonly tcp: number
}

/** Seconds. */
const TTL = 60
const IDLE_MS = 10_000

/** Answers for the names of Network Load Balancers, as the resolver of a VPC does; of other names it refuses to speak. */
export async function startNameServer({ state, sockets, log }: NameServerOptions): Promise<AsyncDisposable> {
  const answer = (query: Buffer, limit: number) => answerTo(query, limit, state)
  const udp = createSocket('udp4')
  udp.on('message', (query, from) => sendBack(udp, from, answer(query, UDP_SIZE)))
  udp.on('error', (err) => log.warn({ err }, 'UDP socket of names failed'))
  const streams = new Set<Stream>()
  const tcp = createServer((stream) => {
    streams.add(stream)
    stream.once('close', () => streams.delete(stream))
    serveStream(stream, (query) => answer(query, Number.POSITIVE_INFINITY))
  })
  tcp.on('error', (err) => log.warn({ err }, 'TCP socket of names failed'))
  await Promise.all([
    new Promise<void>((resolve) => udp.bind({ fd: sockets.udp }, resolve)),
    new Promise<void>((resolve) => tcp.listen({ fd: sockets.tcp }, resolve)),
  ])
  return {
    async [Symbol.asyncDispose]() {
      for (const stream of streams) stream.destroy()
      await Promise.all([new Promise<void>((resolve) => udp.close(() => resolve())), closed(tcp)])
    },
  }
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

/** What is not answered is asked again: nobody waits for the sending. */
function sendBack(socket: Socket, { port, address }: RemoteInfo, message: Buffer | undefined): void {
  if (message !== undefined) socket.send(message, port, address, () => {})
}

/** Messages with their length before them (RFC 1035 §4.2.2). */
function serveStream(stream: Stream, answer: (query: Buffer) => Buffer | undefined): void {
  let received = Buffer.alloc(0)
  stream.setTimeout(IDLE_MS, () => stream.destroy())
  stream.on('error', () => stream.destroy())
  stream.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data])
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0)
      const message = answer(received.subarray(2, end))
      received = received.subarray(end)
      if (message === undefined) return void stream.destroy()
      const length = Buffer.alloc(2)
      length.writeUInt16BE(message.length)
      stream.write(Buffer.concat([length, message]))
    }
  })
}

/** The answer to a query; `undefined` for what is none. One that is too long is sent without records, cut off. */
export function answerTo(query: Buffer, limit: number, state: NameServerOptions['state']): Buffer | undefined {
  const message = decodeMessage(query)
  const question = message?.question
  if (message === undefined || question === undefined || (message.flags & FLAG.QR) !== 0) return undefined
  const name = canonicalName(question.name)
  const { answers, rcode } = resolve(name, question, state)
  const flags = FLAG.QR | FLAG.AA | (message.flags & FLAG.RD) | rcode
  const denial = answers.length === 0 && rcode !== RCODE.REFUSED ? { authorities: [START_OF_AUTHORITY] } : {}
  const edns = message.edns === undefined ? {} : { edns: { udpSize: UDP_SIZE } }
  const content = { id: message.id, question, ...edns }
  const whole = encodeMessage({ ...content, flags, answers, ...denial })
  return whole.length <= limit ? whole : encodeMessage({ ...content, flags: flags | FLAG.TC })
}

const START_OF_AUTHORITY: DnsRecord = {
  name: NLB_ZONE,
  ttl: TTL,
  data: {
    kind: 'SOA',
    primary: `ns.${NLB_ZONE}`,
    mailbox: `hostmaster.${NLB_ZONE}`,
    serial: 1,
    refresh: 3_600,
    retry: 1_200,
    expire: 3_600,
    minimum: TTL,
  },
}

function resolve(
  name: string,
  { name: asked, type }: { readonly name: string; readonly type: number },
  state: NameServerOptions['state'],
): { readonly answers: readonly DnsRecord[]; readonly rcode: number } {
  if (!isWithin(name, NLB_ZONE)) return { answers: [], rcode: RCODE.REFUSED }
  const addresses = addressesOf(name, state)
  if (addresses === undefined) {
    const isBetween = name.split('.').length <= NLB_ZONE.split('.').length + 1
    return { answers: [], rcode: isBetween ? RCODE.NOERROR : RCODE.NXDOMAIN }
  }
  const answers = addresses.flatMap((address): DnsRecord[] => {
    const kind = addressFamily(address) === 6 ? 'AAAA' : 'A'
    return type === TYPE[kind] ? [{ name: asked, ttl: TTL, data: { kind, address } }] : []
  })
  return { answers, rcode: RCODE.NOERROR }
}

/** Where the instance of a name is found. */
function addressesOf(name: string, state: NameServerOptions['state']): readonly string[] | undefined {
  const [id = ''] = name.split('.')
  const instance = state.get(NETWORK_LOAD_BALANCERS, id)
  if (instance === undefined || dnsName(id) !== name) return undefined
  return namedAddresses(state, instance)
}
