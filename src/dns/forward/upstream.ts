import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import { hostPort } from '../../base/ip.ts'
import { FLAG, TYPE, UDP_SIZE } from '../wire/codes.ts'
import type { EdnsOption } from '../wire/edns-option.ts'
import { decodeMessage, encodeMessage, type Message, type MessageQuestion } from '../wire/message.ts'
import { UpstreamStream, type UpstreamTls } from './upstream-stream.ts'

export interface UpstreamOptions {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
  /** Failed health checks after which it counts as down; 0: it never does. */
  readonly maxFails: number
  readonly healthCheckMs: number
  readonly healthCheckName: string
  readonly healthCheckRecursion: boolean
  /** By TLS only (RFC 7858). */
  readonly tls?: UpstreamTls
  readonly sourceAddress?: string
  /** A connection that nothing was asked on for so long is closed. */
  readonly expireMs: number
  readonly clock: Clock
  readonly onCheckFailed?: (name: string) => void
}

/** What is asked of an upstream. */
export interface UpstreamQuery {
  readonly question: MessageQuestion
  readonly dnssecOk: boolean
  readonly checkingDisabled: boolean
  readonly recursion: boolean
  readonly options?: readonly EdnsOption[]
}

/**
 * One server that questions are passed to. Every question goes from a port of its own with an id of its own, both
 * chosen at random, and only the answer to it is heard (RFC 5452). An answer that was cut off is asked for by TCP, on a
 * connection that is kept for a while.
 */
export class Upstream implements Disposable {
  readonly name: string
  readonly #options: UpstreamOptions
  readonly #stream: UpstreamStream
  readonly #stopping = new AbortController()
  #fails = 0
  #checking = false

  constructor(options: UpstreamOptions) {
    this.#options = options
    const place = hostPort(options.host, options.port)
    this.name = options.tls === undefined ? place : `tls://${place}`
    this.#stream = new UpstreamStream({ ...options, name: this.name })
  }

  get isDown(): boolean {
    return this.#options.maxFails > 0 && this.#fails >= this.#options.maxFails
  }

  /** @throws FairleadError `TIMEOUT`, or the system's error. */
  async ask(query: UpstreamQuery, byTcp: boolean): Promise<Message> {
    if (byTcp || this.#options.tls !== undefined) return this.#byStream(query)
    const answer = await this.#udp(query)
    return (answer.flags & FLAG.TC) === 0 ? answer : this.#byStream(query)
  }

  /** After a failure it is asked until it answers, every `healthCheckMs`. */
  failed(): void {
    if (this.#checking || this.#options.maxFails === 0) return
    this.#checking = true
    void this.#check()
  }

  [Symbol.dispose](): void {
    this.#stopping.abort()
    this.#stream[Symbol.dispose]()
  }

  async #check(): Promise<void> {
    const { healthCheckMs, healthCheckName, healthCheckRecursion, clock } = this.#options
    const question = { name: healthCheckName, type: TYPE.NS, class: 1 }
    const query = { question, dnssecOk: false, checkingDisabled: false, recursion: healthCheckRecursion }
    for (;;) {
      try {
        // Whatever it says, it is there.
        await this.ask(query, false)
        break
      } catch (error) {
        if (this.#stopping.signal.aborted) return
        this.#fails++
        this.#options.onCheckFailed?.(this.name)
        if (!(error instanceof Error)) throw error
      }
      await clock.sleep(healthCheckMs, this.#stopping.signal).catch(() => {})
      if (this.#stopping.signal.aborted) return
    }
    this.#fails = 0
    this.#checking = false
  }

  #request(query: UpstreamQuery): { readonly id: number; readonly bytes: Buffer } {
    const id = randomInt(0x10000)
    const flags = (query.recursion ? FLAG.RD : 0) | (query.checkingDisabled ? FLAG.CD : 0)
    const edns = { udpSize: UDP_SIZE, ttl: query.dnssecOk ? 0x8000 : 0, options: query.options ?? [] }
    return { id, bytes: encodeMessage({ id, flags, question: query.question, edns }) }
  }

  #udp(query: UpstreamQuery): Promise<Message> {
    const { host, port, sourceAddress } = this.#options
    const { id, bytes } = this.#request(query)
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    return this.#within((resolve, reject) => {
      socket.on('error', reject)
      socket.on('message', (data) => {
        const answer = decodeMessage(data)
        if (answer !== undefined && isAnswerTo(answer, id, query.question)) resolve(answer)
      })
      // The kernel lets only this server's packets through, and tells when nobody listens there.
      if (sourceAddress !== undefined) socket.bind(0, sourceAddress)
      socket.connect(port, host, () => socket.send(bytes, (error) => error && reject(error)))
    }).finally(() => socket.close())
  }

  #byStream(query: UpstreamQuery): Promise<Message> {
    const { id, bytes } = this.#request(query)
    const accepts = (message: Message) => isAnswerTo(message, id, query.question)
    return this.#within((resolve, reject) => {
      this.#stream.ask({ id, bytes, accepts }).then(resolve, reject)
    }).finally(() => this.#stream.forget(id))
  }

  async #within(
    start: (resolve: (answer: Message) => void, reject: (error: unknown) => void) => void,
  ): Promise<Message> {
    const { clock, timeoutMs } = this.#options
    let cancel = () => {}
    try {
      return await new Promise<Message>((resolve, reject) => {
        const text = `No answer from ${this.name} within ${timeoutMs} ms`
        cancel = clock.after(timeoutMs, () => reject(new FairleadError('TIMEOUT', text)))
        start(resolve, reject)
      })
    } finally {
      cancel()
    }
  }
}

function isAnswerTo(answer: Message, id: number, asked: MessageQuestion): boolean {
  const { question } = answer
  if (answer.id !== id || (answer.flags & FLAG.QR) === 0) return false
  // A server that cannot read the question may leave it out.
  if (question === undefined) return (answer.flags & 15) !== 0
  return (
    question.type === asked.type &&
    question.class === asked.class &&
    question.name.toLowerCase() === asked.name.toLowerCase()
  )
}
