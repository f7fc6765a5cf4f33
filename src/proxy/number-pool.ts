import { FairleadError } from '../base/error.ts'
import { MAX_NUMBER } from './encoding.ts'

/** Numbers of Service ports, 1..1,048,575: the first half of the key of `endpoints`. */
export class NumberPool {
  readonly #used = new Set<number>()
  readonly #reserved = new Set<number>()
  #freed: number[] = []
  #next = 1

  /** Keeps a number for who asks for just this one. */
  reserve(number: number): void {
    this.#reserved.add(number)
  }

  /** Numbers that nobody asked for are free again. */
  endReservations(): void {
    for (const number of this.#reserved) if (!this.#used.has(number)) this.#freed.push(number)
    this.#reserved.clear()
  }

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
      if (this.#used.has(number) || this.#reserved.has(number)) continue
      this.#used.add(number)
      return number
    }
  }

  release(number: number): void {
    if (this.#used.delete(number)) this.#freed.push(number)
  }
}
