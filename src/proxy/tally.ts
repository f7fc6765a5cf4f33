import type { ElementMap, StoredElement } from './element-map.ts'

const PRESENT: StoredElement = {}

/** A set of keys that several Service ports may want: a key is in the set while somebody does. */
export class Tally {
  readonly #map: ElementMap
  readonly #counts = new Map<string, number>()

  constructor(map: ElementMap) {
    this.#map = map
  }

  count(key: string, difference: 1 | -1): void {
    const count = (this.#counts.get(key) ?? 0) + difference
    if (count > 0) {
      this.#counts.set(key, count)
      if (count === 1 && difference === 1) this.#map.put(key, PRESENT)
    } else {
      this.#counts.delete(key)
      this.#map.delete(key)
    }
  }
}
