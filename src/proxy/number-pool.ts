import { FairleadError } from '../base/error.ts'
import { MAX_NUMBER } from './encoding.ts'

/** Numbers of Service ports, 1..1,048,575: the first half of the key of `endpoints`. */
export class NumberPool {
  readonly #used = new Set<number>()
  #freed: number[] = []
  #next = 1

  /** @param wanted A number to have again, if it is free. */
  acquire(wanted?: number): number {
    if (wanted !== undefined && wanted > 0 && wanted <= MAX_NUMBER && !this.#used.has(wanted)) {
      this.#used.add(wanted)
      return wanted
    }
    for (;;) {
      const number = this.#freed.pop() ?? this.#next++
      if (number > MAX_NUMBER)
        throw new FairleadError('KERNEL_FEATURE', `Cannot number more than ${MAX_NUMBER} Service ports`)
      if (this.#used.has(number)) continue
      this.#used.add(number)
      return number
    }
  }

  release(number: number): void {
    if (this.#used.delete(number)) this.#freed.push(number)
  }
}
