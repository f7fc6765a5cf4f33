import type { NftBatch } from '../linux/nftables/batch.ts'
import type { NftKernel } from '../linux/nftables/kernel.ts'
import type { ServiceObjects } from './program.ts'
import type { Repair, TableDriver } from './table-driver.ts'

export interface FirstSyncOptions {
  readonly kernel: NftKernel
  readonly driver: TableDriver
  /** Hands a Service to the compiler. */
  readonly compile: (objects: ServiceObjects) => void
}

/** Services per transaction of a cold start: the kernel's commit lock is held for some milliseconds each. */
const SERVICES_PER_TRANSACTION = 1000

/**
 * The first sync of a program: Services are compiled while the rest of them is still being read, and nothing is sent
 * before all are known. A kernel without our tables then gets them piece by piece, and the hooks last: packets meet all
 * Services or none. One that has them keeps what is right and gets the difference in one transaction.
 */
export class FirstSync {
  readonly #options: FirstSyncOptions
  readonly #isCold: boolean
  /** The kernel's, when it was looked at. */
  readonly #generation: number
  readonly #pieces: NftBatch[] = []
  #handedIn = 0

  /** Reads what the kernel has. */
  constructor(options: FirstSyncOptions) {
    const { kernel, driver } = options
    this.#options = options
    this.#generation = kernel.generation()
    this.#isCold = driver.isEmpty()
    if (!this.#isCold) driver.adopt()
  }

  /** Compiles a Service ahead of the others. */
  handIn(objects: ServiceObjects): void {
    const piece = this.#compile(objects)
    if (piece !== undefined) this.#pieces.push(piece)
  }

  /**
   * Brings everything into the kernel.
   *
   * @param rest Services that were not handed in, or changed since.
   * @throws FairleadError `KERNEL_REFUSED`
   */
  finish(rest: Iterable<ServiceObjects>): Repair {
    if (!this.#isStillCold()) return this.#takeOver(rest)
    this.#options.driver.create()
    let changes = 0
    for (const piece of this.#transactions(rest)) {
      this.#options.kernel.commit(piece)
      changes += piece.size
    }
    return { changes, rebuilt: this.#options.driver.families }
  }

  /**
   * As {@link finish}; a kernel without our tables takes a piece while the next one is compiled. Nothing else may be
   * asked of the program before it is done.
   */
  async finishOverlapped(rest: Iterable<ServiceObjects>): Promise<Repair> {
    if (!this.#isStillCold()) return this.#takeOver(rest)
    this.#options.driver.create()
    let changes = 0
    let sent = Promise.resolve()
    for (const piece of this.#transactions(rest)) {
      await sent
      sent = this.#options.kernel.commitLater(piece)
      changes += piece.size
    }
    await sent
    return { changes, rebuilt: this.#options.driver.families }
  }

  #isStillCold(): boolean {
    return this.#isCold && this.#options.driver.isEmpty()
  }

  /** Somebody else's changes since the kernel was looked at are read, too. */
  #takeOver(rest: Iterable<ServiceObjects>): Repair {
    const { kernel, driver, compile } = this.#options
    for (const objects of rest) compile(objects)
    if (kernel.generation() !== this.#generation) driver.forgetReadings()
    driver.forgetHints()
    return driver.repair()
  }

  *#transactions(rest: Iterable<ServiceObjects>): Generator<NftBatch> {
    yield* this.#pieces.splice(0)
    for (const objects of rest) {
      const piece = this.#compile(objects)
      if (piece !== undefined) yield piece
    }
    yield this.#options.driver.take()
    yield this.#options.driver.hook()
  }

  /** Returns a transaction when it is time for one. */
  #compile(objects: ServiceObjects): NftBatch | undefined {
    const { compile, driver } = this.#options
    compile(objects)
    this.#handedIn += 1
    return this.#isCold && this.#handedIn % SERVICES_PER_TRANSACTION === 0 ? driver.take() : undefined
  }
}
