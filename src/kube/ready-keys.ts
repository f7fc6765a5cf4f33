/** Keys that wait for work, each once: the most urgent first, of those the one that came first. */
export class ReadyKeys {
  readonly #priorityOf: (key: string) => number
  readonly #byPriority = new Map<number, Set<string>>()
  /** Where each key is; its priority is that of its first addition. */
  readonly #places = new Map<string, Set<string>>()

  /** @param priorityOf The more, the sooner; asked once per addition. */
  constructor(priorityOf: (key: string) => number = () => 0) {
    this.#priorityOf = priorityOf
  }

  get size(): number {
    return this.#places.size
  }

  add(key: string): void {
    if (this.#places.has(key)) return
    const priority = this.#priorityOf(key)
    const known = this.#byPriority.get(priority)
    const place = known ?? new Set<string>()
    if (known === undefined) this.#byPriority.set(priority, place)
    place.add(key)
    this.#places.set(key, place)
  }

  /** Takes the next key out. */
  take(): string | undefined {
    if (this.#places.size === 0) return undefined
    const highest = Math.max(...this.#byPriority.keys())
    const place = this.#byPriority.get(highest)
    const key = place?.values().next().value
    if (place === undefined || key === undefined) return undefined
    place.delete(key)
    this.#places.delete(key)
    if (place.size === 0) this.#byPriority.delete(highest)
    return key
  }
}
