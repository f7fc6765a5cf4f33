import type { CloudState } from './cloud-state.ts'
import type { Collection } from './collection.ts'

/** One document before and after a transaction; `undefined` where there is none. */
export interface Change {
  readonly collection: string
  readonly id: string
  readonly before: object | undefined
  readonly after: object | undefined
}

/** Changes being made together; reads see them, nobody else does until the transaction ends. */
export class Transaction {
  readonly #state: CloudState
  readonly #changes = new Map<string, Change>()

  constructor(state: CloudState) {
    this.#state = state
  }

  get<D extends object>(collection: Collection<D>, id: string): D | undefined {
    const change = this.#changes.get(`${collection.name}/${id}`)
    return change === undefined ? this.#state.get(collection, id) : (change.after as D | undefined)
  }

  /** All documents of a collection, in no order that means anything. */
  list<D extends object>(collection: Collection<D>): D[] {
    return this.entries(collection).map(([, document]) => document)
  }

  /** Ids and documents of a collection. */
  entries<D extends object>(collection: Collection<D>): [string, D][] {
    const entries = new Map(this.#state.entries(collection))
    for (const change of this.#changes.values()) {
      if (change.collection !== collection.name) continue
      if (change.after === undefined) entries.delete(change.id)
      else entries.set(change.id, change.after as D)
    }
    return [...entries]
  }

  put<D extends object>(collection: Collection<D>, id: string, document: D): D {
    this.#change(collection, id, document)
    return document
  }

  delete<D extends object>(collection: Collection<D>, id: string): void {
    this.#change(collection, id, undefined)
  }

  /** What differs now from before the transaction. */
  changes(): Change[] {
    return [...this.#changes.values()].filter(({ before, after }) => before !== after)
  }

  #change<D extends object>(collection: Collection<D>, id: string, after: D | undefined): void {
    const before = this.#state.get(collection, id)
    this.#changes.set(`${collection.name}/${id}`, { collection: collection.name, id, before, after })
  }
}
