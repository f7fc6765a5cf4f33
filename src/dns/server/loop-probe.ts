import { randomInt } from 'node:crypto'
import { TYPE } from '../wire/codes.ts'
import { encodeName } from '../wire/name.ts'
import { Question } from '../wire/question.ts'
import type { Asker } from './asker.ts'
import type { Resolver } from './responder.ts'

/** A name that nobody else knows, and who is told when somebody asks for it. */
export interface Probe {
  readonly name: string
  seen(asker: Asker): void
}

/** The directive `loop`: a name asked of the upstreams once comes back where questions go round in a circle. */
export class LoopProbe implements Probe {
  readonly name: string
  readonly #onLoop: (asker: Asker) => void
  #seen = 0
  #isOver = false

  /** @param zone Whose probe it is; the name is in it. */
  constructor(zone: string, onLoop: (asker: Asker) => void) {
    // As CoreDNS's.
    this.name = [randomInt(2 ** 47), randomInt(2 ** 47), zone].filter((part) => part !== '').join('.')
    this.#onLoop = onLoop
  }

  /** Asks, and waits for what comes of it. */
  async run(ask: (question: Question) => Promise<unknown>): Promise<void> {
    await ask(new Question().about(encodeName(this.name), TYPE.HINFO))
    this.#isOver = true
  }

  seen(asker: Asker): void {
    if (!this.#isOver && ++this.#seen >= 2) this.#onLoop(asker)
  }
}

export function watchingFor(probe: Probe, next: Resolver): Resolver {
  return (question, asker) => {
    if (question.type === TYPE.HINFO && question.text === probe.name) probe.seen(asker)
    return next(question, asker)
  }
}
