import { errorMessage } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { type Answer, emptyAnswer, writeResponse } from '../wire/answer.ts'
import { RCODE, TCP_SIZE, UDP_SIZE } from '../wire/codes.ts'
import type { Question, QuestionState } from '../wire/question.ts'
import { type Asker, keepAsker } from './asker.ts'

/** Answers a question, at once where it can. The question is valid until the call returns; `copy` keeps it. */
export type Resolver = (question: Question, asker: Asker) => Answer | Promise<Answer>

/** What was asked and said, for metrics and the query log. */
export interface Exchange {
  readonly question: Question
  readonly asker: Asker
  readonly answer: Answer
  /** Bytes of the response. */
  readonly size: number
  /** Seconds; undefined for what was answered within its batch of packets. */
  readonly seconds?: number
}

export interface ResponderOptions {
  readonly resolve: Resolver
  readonly log: Log
  /** Called after each answer. */
  readonly observe: (exchange: Exchange) => void
}

const REFUSALS = new Map(Object.values(RCODE).map((rcode) => [rcode as number, emptyAnswer(rcode)]))

/** From the bytes of a request to the bytes of its response, whatever way they travel. */
export class Responder {
  readonly #options: ResponderOptions
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
    const answer = state === 'refuse' ? refusal(question.rcode) : this.#resolve(question, asker)
    if (!(answer instanceof Promise)) return this.#write(question, asker, answer, place)
    return this.#later(question.copy(), keepAsker(asker), answer)
  }

  #resolve(question: Question, asker: Asker): Answer | Promise<Answer> {
    try {
      return this.#options.resolve(question, asker)
    } catch (error) {
      return this.#failed(question, error)
    }
  }

  #write(question: Question, asker: Asker, answer: Answer, { out, at }: ResponsePlace): number {
    const size = asker.protocol === 'tcp' ? TCP_SIZE : Math.min(UDP_SIZE, question.udpSize)
    this.#turn = (this.#turn + 1) & 0xffff
    const length = writeResponse(out, at, question, answer, { size, turn: this.#turn })
    this.#options.observe({ question, asker, answer, size: length })
    return length
  }

  async #later(question: Question, asker: Asker, coming: Promise<Answer>): Promise<Buffer> {
    const begin = performance.now()
    const answer = await coming.catch((error: unknown) => this.#failed(question, error))
    const size = asker.protocol === 'tcp' ? TCP_SIZE : Math.min(UDP_SIZE, question.udpSize)
    const out = Buffer.allocUnsafe(Math.min(size, answer.body.length + 320))
    const length = writeResponse(out, 0, question, answer, { size, turn: ++this.#turn })
    this.#options.observe({ question, asker, answer, size: length, seconds: (performance.now() - begin) / 1000 })
    return out.subarray(0, length)
  }

  #failed(question: Question, error: unknown): Answer {
    this.#options.log.error({ err: error, name: question.text, type: question.type }, 'Cannot answer')
    return refusal(RCODE.SERVFAIL)
  }
}

export interface ResponsePlace {
  readonly out: Buffer
  readonly at: number
}

function refusal(rcode: number): Answer {
  return REFUSALS.get(rcode) ?? emptyAnswer(rcode)
}

/** Text for the log of errors, as CoreDNS's plugin `errors` has it: `2 example.org. A: no answer`. */
export function failureText(rcode: number, name: string, type: string, error: unknown): string {
  return `${rcode} ${name}. ${type}: ${errorMessage(error)}`
}
