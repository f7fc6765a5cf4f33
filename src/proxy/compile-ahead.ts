import type { FirstSync } from './first-sync.ts'
import type { ProxySource } from './syncer.ts'

/** Services per turn, about what a page brings: reading the next ones goes on in between, but not ahead of compiling. */
const SERVICES_PER_TURN = 500

/**
 * Compiles Services that have come with endpoints while the others are still being read. What comes later of one makes
 * it one of those that are left.
 */
export class CompileAhead implements Disposable {
  readonly first: FirstSync
  readonly #source: ProxySource
  readonly #compiled = new Set<string>()
  readonly #queue: string[] = []
  #turn: NodeJS.Immediate | undefined

  constructor(first: FirstSync, source: ProxySource) {
    this.first = first
    this.#source = source
  }

  /** A Service or one of its slices came, or changed. */
  mark(key: string): void {
    this.#compiled.delete(key)
    this.#queue.push(key)
    this.#turn ??= setImmediate(() => this.#compile())
  }

  /** Whether nothing came of it since it was compiled. */
  has(key: string): boolean {
    return this.#compiled.has(key)
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#turn)
  }

  #compile(): void {
    const now = this.#queue.splice(0, SERVICES_PER_TURN)
    for (const key of now) {
      const objects = this.#source.objects(key)
      if (this.#compiled.has(key) || objects.service === undefined || objects.slices.length === 0) continue
      this.first.handIn(objects)
      this.#compiled.add(key)
    }
    this.#turn = this.#queue.length === 0 ? undefined : setImmediate(() => this.#compile())
  }
}
