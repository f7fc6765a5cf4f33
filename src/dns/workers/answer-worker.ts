import type { Clock } from '../../base/clock.ts'
import { errorMessage, FairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { zoneOf } from '../server/generation.ts'
import { respondBy } from '../server/listener.ts'
import { DnsMetrics } from '../server/metrics.ts'
import { QueryLog, type QueryRecord } from '../server/query-log.ts'
import { ServerBlock } from '../server/server-block.ts'
import { UdpServer } from '../server/udp-server.ts'
import { ZoneChoice } from '../server/zone-choice.ts'
import { PodNamespaces } from '../zone/pod-namespaces.ts'
import { applyChange, type ZoneState } from '../zone/zone-update.ts'
import type { FromWorker, ToWorker, WorkerBlock, WorkerPlace, WorkerRequest } from './worker-message.ts'

export interface AnswerWorkerOptions {
  readonly post: (message: FromWorker) => void
  readonly log: Log
  readonly clock: Clock
  readonly random: () => number
  readonly plain: boolean
}

interface OpenBlock {
  readonly block: ServerBlock
  readonly state: ZoneState | undefined
}

interface OpenSocket {
  readonly udp: UdpServer
  choice: ZoneChoice
}

/**
 * A thread's part: answers by UDP beside the main thread, on sockets of its own at the same places, among which the
 * kernel shares out who asks. What it knows of the cluster the main thread tells it; all else it does itself.
 */
export class AnswerWorker {
  readonly #options: AnswerWorkerOptions
  readonly #metrics = new DnsMetrics()
  readonly #generations = new Map<number, readonly OpenBlock[]>()
  readonly #sockets = new Map<string, OpenSocket>()

  constructor(options: AnswerWorkerOptions) {
    this.#options = options
  }

  /** Does what the main thread says, one after the other. */
  async take(message: ToWorker): Promise<void> {
    if (message.kind === 'update') {
      const state = this.#blockOf(message).state
      if (state === undefined) return
      for (const change of message.update.changes) applyChange(state, change, message.update.serial)
      return
    }
    const { request } = message
    const { post } = this.#options
    try {
      await this.#do(message)
      post({ kind: 'done', request, ...(message.kind === 'figures' ? { figures: this.#metrics.families() } : {}) })
    } catch (error) {
      const code = error instanceof FairleadError ? error.code : undefined
      post({ kind: 'failed', request, code, reason: errorMessage(error) })
    }
  }

  async #do(request: WorkerRequest): Promise<void> {
    switch (request.kind) {
      case 'open': {
        const { id, blocks, localAddresses } = request
        this.#generations.set(
          id,
          blocks.map((block, index) => this.#open(block, { id, index, localAddresses })),
        )
        return
      }
      case 'listen':
        return this.#listen(request.id, request.places)
      case 'synced': {
        const { state } = this.#blockOf(request)
        if (state !== undefined) state.zone.synced = true
        return
      }
      case 'close':
        for (const { block } of this.#generations.get(request.id) ?? []) block[Symbol.dispose]()
        this.#generations.delete(request.id)
        return
      case 'figures':
        return
    }
    request satisfies never
  }

  #blockOf({ id, block }: { readonly id: number; readonly block: number }): OpenBlock {
    const found = this.#generations.get(id)?.[block]
    if (found === undefined) throw new FairleadError('BUG', `This thread has no block ${block} of Corefile ${id}`)
    return found
  }

  #open({ config, probe }: WorkerBlock, place: BlockPlace): OpenBlock {
    const { post, log, clock, random } = this.#options
    const { id, index } = place
    const zone = zoneOf(config, place.localAddresses)
    const state = zone === undefined ? undefined : { zone, pods: new PodNamespaces() }
    const tell = (record: QueryRecord, line: string) => post({ kind: 'query', id, record, line })
    const block = new ServerBlock({
      config,
      zone,
      namespaceOf: (address) => state?.pods.namespaceOf(address),
      metrics: this.#metrics,
      ...{ clock, random, log },
      writeLine: (line) => post({ kind: 'line', line }),
      queryLog: config.log === undefined ? undefined : new QueryLog(config.log, tell),
      probe:
        probe === undefined
          ? undefined
          : { name: probe, seen: ({ address, port }) => post({ kind: 'seen', id, block: index, address, port }) },
    })
    return { block, state }
  }

  /** Opens what is not open, closes what is no longer wanted. */
  async #listen(id: number, places: readonly WorkerPlace[]): Promise<void> {
    const wanted = new Map(places.map((place) => [`${place.host} ${place.port}`, place]))
    for (const [key, { udp }] of this.#sockets) {
      if (wanted.has(key)) continue
      this.#sockets.delete(key)
      await udp[Symbol.asyncDispose]()
    }
    for (const [key, place] of wanted) {
      const choice = new ZoneChoice(place.blocks.map((block) => this.#blockOf({ id, block }).block))
      const known = this.#sockets.get(key)
      if (known === undefined) this.#sockets.set(key, await this.#socket(place, choice))
      else known.choice = choice
    }
  }

  async #socket({ host, port }: WorkerPlace, choice: ZoneChoice): Promise<OpenSocket> {
    const { log, plain } = this.#options
    const holder = { choice }
    const responder = respondBy(holder, { log, metrics: this.#metrics })
    const udp = await UdpServer.open({ host, port, responder, log, plain, sharing: 'join' })
    return Object.assign(holder, { udp })
  }
}

interface BlockPlace {
  readonly id: number
  readonly index: number
  readonly localAddresses: readonly string[]
}
