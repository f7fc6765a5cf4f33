import { type CelNode, celNodes } from './engine.ts'
import { celError } from './evaluation-error.ts'

/** Characters of a text that count as much as one step. */
const CHARACTERS_PER_STEP = 10

/** How many steps an evaluation may still take; each node of its tree that is evaluated is one, and long texts more. */
export class StepMeter {
  left = 0

  /** Whether more was asked for than there was. */
  get isExceeded(): boolean {
    return this.left < 0
  }

  /** Ends the evaluation when there are no more; operators that forgive errors may hide it, so `isExceeded` is to be asked. */
  spend(steps: number): void {
    this.left -= steps
    if (this.left < 0) throw celError('operation cancelled: actual cost limit exceeded')
  }
}

/** Makes a checked tree count its steps. */
export function meterSteps(root: CelNode, meter: StepMeter): void {
  for (const node of celNodes(root)) {
    const { evaluate, alternate, macro } = node.meta
    if (alternate !== undefined || macro !== undefined) continue
    node.setMeta('evaluate', (evaluator: unknown, self: CelNode, context: unknown) => {
      meter.spend(1)
      const value = evaluate(evaluator, self, context)
      if (typeof value === 'string' && value.length > CHARACTERS_PER_STEP) {
        meter.spend(Math.floor(value.length / CHARACTERS_PER_STEP))
      }
      return value
    })
  }
}
