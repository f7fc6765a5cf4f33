import { type Answer, emptyAnswer } from '../wire/answer.ts'
import { CLASS_IN, RCODE } from '../wire/codes.ts'
import { Question } from '../wire/question.ts'
import type { ReadyPlace } from '../zone/ready-answers.ts'
import type { Asker } from './asker.ts'
import type { Exchange, ReadySource } from './responder.ts'
import type { ServerBlock } from './server-block.ts'
import type { Sample, ZoneTally } from './tally.ts'

interface Choice {
  readonly key: Buffer
  readonly labels: number
  readonly tally: ZoneTally
  readonly block: ServerBlock
}

/** Which of the blocks of a port answers: that of the longest zone. */
export class ZoneChoice implements ReadySource {
  readonly #choices: readonly Choice[]
  readonly #onlyRoot: Choice | undefined
  /** Filled in for each answer that stands ready. */
  readonly #sample: { -readonly [K in keyof Sample]: Sample[K] } = {
    question: new Question(),
    asker: { address: '', port: 0, protocol: 'udp', family: 4 },
    rcode: 0,
    size: 0,
    seconds: undefined,
  }

  constructor(blocks: readonly ServerBlock[]) {
    const choices = blocks.flatMap((block) => block.zones.map((zone) => ({ ...zone, block })))
    this.#choices = choices.sort((a, b) => b.labels - a.labels)
    const [first] = this.#choices
    this.#onlyRoot = choices.length === 1 && first?.labels === 0 ? first : undefined
  }

  resolve(question: Question, asker: Asker): Answer | Promise<Answer> {
    const choice = this.#find(question)
    return choice === undefined || !choice.block.takesClass(question.class)
      ? REFUSED
      : choice.block.resolve(question, asker)
  }

  write(question: Question, asker: Asker, place: ReadyPlace): number {
    const choice = question.class === CLASS_IN ? this.#find(question) : undefined
    const ready = choice?.block.ready
    if (choice === undefined || ready === undefined) return 0
    const at = ready.find(question)
    const size = at < 0 ? 0 : ready.write(at, question, place)
    if (size === 0) return 0
    const sample = this.#sample
    sample.question = question
    sample.asker = asker
    sample.rcode = ready.codeAt(at)
    sample.size = size
    choice.block.countReady(choice.tally, sample)
    return size
  }

  observe(exchange: Exchange): void {
    const choice = exchange.question.hasQuestion ? this.#find(exchange.question) : this.#choices.at(-1)
    if (choice !== undefined) choice.block.observe(choice.tally, exchange)
  }

  #find(question: Question): Choice | undefined {
    if (this.#onlyRoot !== undefined) return this.#onlyRoot
    for (const choice of this.#choices) if (question.isWithin(choice.key, choice.labels)) return choice
    return undefined
  }
}

const REFUSED = emptyAnswer(RCODE.REFUSED)
