import { errorMessage } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { type Answer, emptyAnswer, writeResponse } from '../wire/answer.ts'
import { RCODE, TCP_SIZE, UDP_SIZE } from '../wire/codes.ts'
import type { Question, QuestionState } from '../wire/question.ts'
import type { ReadyPlace } from '../zone/ready-answers.ts'
import { type Asker, keepAsker } from './asker.ts'

/** Answers a question, at once where it can. The question is valid until the call returns; `copy` keeps it. */
export type Resolver = (question: Question, asker: Asker) => Answer | Promise<Answer>

/** What was asked and said, for metrics and the query log. */
export interface Exchange {
  readonly question: Question
  readonly asker: Asker
  readonly rcode: number
  /** AA, RA, AD as they were sent. */
  readonly flags: number
  /** How many records. */
  readonly answers: number
  /** Bytes of the response. */
  readonly size: number
  /** Seconds; undefined for what was answered within its batch of packets. */
  readonly seconds: number | undefined
}

/** Answers that stand ready as bytes: the shortest way, which makes no objects. */
export interface ReadySource {
  /**
   * Writes the response if it stands ready and fits, and counts it.
   *
   * @returns Its length; 0 when it must be worked out.
   */
  write(question: Question, asker: Asker, place: ReadyPlace): number
}

export interface ResponderOptions {
  readonly resolve: Resolver
  readonly ready?: ReadySource
  readonly log: Log
  /** Called after each answer. */
  readonly observe: (exchange: Exchange) => void
  /** Called when to answer failed by a fault of ours. */
  readonly failed?: () => void
}

const REFUSALS = new Map(Object.values(RCODE).map((rcode) => [rcode as number, emptyAnswer(rcode)]))

/** From the bytes of a request to the bytes of its response, whatever way they travel. */
export class Responder {
  readonly #options: ResponderOptions
  /** Filled in for each question. */
  readonly #place: { -readonly [K in keyof ReadyPlace]: ReadyPlace[K] } = { out: NO_BYTES, start: 0, size: 0, turn: 0 }
  #turn = 0

  constructor(options: ResponderOptions) {
    this.#options = options
  }

  /**
   * Answers what {@link Question.read} has read. `write` gives memory for the response.
   *
   * @returns The length of the response, 0 when there is none, or its coming in memory of its own.
   */
  respond(state: QuestionState, question: Question, asker: Asker, place: ResponsePlace): number | Promise<Buffer> {
    if (state === 'drop') return 0
    if (state === 'ask') {
      const length = this.#writeReady(question, asker, place)
      if (length > 0) return length
    }
    const answer = state === 'refuse' ? refusal(question.rcode) : this.#resolve(question, asker)
    if (!(answer instanceof Promise)) return this.#write(question, asker, answer, place)
    return this.#later(question.copy(), keepAsker(asker), answer)
  }

  #writeReady(question: Question, asker: Asker, { out, at }: ResponsePlace): number {
    const { ready } = this.#options
    if (ready === undefined) return 0
    const place = this.#place
    place.out = out
    place.start = at
    place.size = limitOf(question, asker)
    place.turn = this.#turn = (this.#turn + 1) & 0xffff
    return ready.write(question, asker, place)
  }

  #resolve(question: Question, asker: Asker): Answer | Promise<Answer> {
    try {
      return this.#options.resolve(question, asker)
    } catch (error) {
      return this.#failed(question, error)
    }
  }

  #write(question: Question, asker: Asker, answer: Answer, { out, at }: ResponsePlace): number {
    const size = limitOf(question, asker)
    this.#turn = (this.#turn + 1) & 0xffff
    const length = writeResponse(out, at, question, answer, { size, turn: this.#turn })
    const { rcode, flags, answers } = answer
    this.#options.observe({ question, asker, rcode, flags, answers, size: length, seconds: undefined })
    return length
  }

  async #later(question: Question, asker: Asker, coming: Promise<Answer>): Promise<Buffer> {
    const begin = performance.now()
    const answer = await coming.catch((error: unknown) => this.#failed(question, error))
    const size = limitOf(question, asker)
    const out = Buffer.allocUnsafe(Math.min(size, answer.body.length + 320))
    const length = writeResponse(out, 0, question, answer, { size, turn: ++this.#turn })
    const { rcode, flags, answers } = answer
    const seconds = (performance.now() - begin) / 1000
    this.#options.observe({ question, asker, rcode, flags, answers, size: length, seconds })
    return out.subarray(0, length)
  }

  #failed(question: Question, error: unknown): Answer {
    this.#options.log.error({ err: error, name: question.text, type: question.type }, 'Cannot answer')
    this.#options.failed?.()
    return refusal(RCODE.SERVFAIL)
  }
}

export interface ResponsePlace {
  readonly out: Buffer
  readonly at: number
}

const NO_BYTES = Buffer.alloc(0)

/** Longest response that the asker takes. */
function limitOf(question: Question, asker: Asker): number {
  return asker.protocol === 'tcp' ? TCP_SIZE : Math.min(UDP_SIZE, question.udpSize)
}

function refusal(rcode: number): Answer {
  return REFUSALS.get(rcode) ?? emptyAnswer(rcode)
}

/** Text for the log of errors, as CoreDNS's plugin `errors` has it: `2 example.org. A: no answer`. */
export function failureText(rcode: number, name: string, type: string, error: unknown): string {
  return `${rcode} ${name}. ${type}: ${errorMessage(error)}`
}
