import { networkInterfaces } from 'node:os'
import { Disposables } from '../../base/disposables.ts'
import { isFairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { DnsMetrics } from './metrics.ts'
import { Responder } from './responder.ts'
import type { ServerBlock } from './server-block.ts'
import { TcpServer } from './tcp-server.ts'
import { UdpServer, type UdpServerOptions } from './udp-server.ts'
import { ZoneChoice } from './zone-choice.ts'

/** A port with its addresses, and the blocks that answer there: they are told apart by zone. */
export interface Place {
  readonly port: number
  readonly hosts: readonly string[]
  readonly blocks: readonly ServerBlock[]
}

/** Sockets of one place; which blocks answer there may change. */
export interface Listener extends AsyncDisposable {
  readonly sockets: readonly { readonly host: string; readonly port: number }[]
  choice: ZoneChoice
}

export interface ListenOptions {
  readonly log: Log
  readonly metrics: DnsMetrics
  /** Packets one by one. */
  readonly plain?: boolean
  /** Whether other threads answer at the same place. */
  readonly isShared: boolean
}

/** Ports that are tried when any will do. */
const PAIRS = 50

/** Blocks that share a port listen on the same addresses. */
export function placesOf(blocks: readonly ServerBlock[]): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>()
  for (const block of blocks) {
    const { port, bind } = block.config
    const key = JSON.stringify([port, [...bind].sort()])
    const known = places.get(key)?.blocks ?? []
    places.set(key, { port, hosts: bind.length === 0 ? anyAddress() : bind, blocks: [...known, block] })
  }
  return places
}

/** @throws FairleadError `PORT_TAKEN` */
export async function listenAt({ port, hosts, blocks }: Place, options: ListenOptions): Promise<Listener> {
  const { log, plain = false, isShared } = options
  await using started = new Disposables()
  const sockets: { host: string; port: number }[] = []
  const holder = { choice: new ZoneChoice(blocks) }
  const responder = respondBy(holder, options)
  for (const host of hosts) {
    const place = { host, port, responder, log }
    const { udp, tcp } = await openPair({ ...place, plain, sharing: isShared ? 'first' : undefined })
    started.use(udp)
    started.use(tcp)
    sockets.push({ host, port: udp.port })
  }
  const open = started.move()
  return Object.assign(holder, { sockets, [Symbol.asyncDispose]: () => open[Symbol.asyncDispose]() })
}

/** Any free port (0) is one that both protocols have free, which the kernel does not look after. */
async function openPair(options: UdpServerOptions): Promise<{ readonly udp: UdpServer; readonly tcp: TcpServer }> {
  const { host, port, responder, log } = options
  for (let tried = 1; ; tried++) {
    const udp = await UdpServer.open(options)
    try {
      return { udp, tcp: await TcpServer.open({ host, port: udp.port, responder, log }) }
    } catch (error) {
      await udp[Symbol.asyncDispose]()
      if (port !== 0 || tried === PAIRS || !isFairleadError(error, 'PORT_TAKEN')) throw error
    }
  }
}

/** Answers by whichever blocks the holder has now. */
export function respondBy(
  holder: { readonly choice: ZoneChoice },
  { log, metrics }: { readonly log: Log; readonly metrics: DnsMetrics },
): Responder {
  return new Responder({
    resolve: (question, asker) => holder.choice.resolve(question, asker),
    ready: { write: (question, asker, place) => holder.choice.write(question, asker, place) },
    observe: (exchange) => holder.choice.observe(exchange),
    failed: () => metrics.add('coredns_panics_total', {}),
    log,
  })
}

/** Every address; of IPv6 only where the machine has it. */
function anyAddress(): readonly string[] {
  const six = Object.values(networkInterfaces()).some((all) => all?.some(({ family }) => family === 'IPv6'))
  return six ? ['0.0.0.0', '::'] : ['0.0.0.0']
}
