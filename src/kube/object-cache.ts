import { FairleadError } from '../base/error.ts'
import { keyOf } from './object-key.ts'
import type { KubeObject } from './types/meta.ts'

/** The values under which an index finds an object; none leaves it out. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[]

type Bucket<T> = T | Map<string, T>

interface Index<T extends KubeObject> {
  readonly valuesOf: IndexFunction<T>
  /** Most values find one object: a map for each would cost more than the objects. */
  readonly buckets: Map<string, Bucket<T>>
}

/** Objects by key (`namespace/name`), and by any number of indexes that are kept up to date. */
export class ObjectCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>()
  readonly #indexes = new Map<string, Index<T>>()

  get size(): number {
    return this.#objects.size
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  keys(): Iterable<string> {
    return this.#objects.keys()
  }

  values(): Iterable<T> {
    return this.#objects.values()
  }

  set(object: T): void {
    const key = keyOf(object)
    this.delete(key)
    this.#objects.set(key, object)
    for (const index of this.#indexes.values()) insert(index, key, object)
  }

  delete(key: string): void {
    const object = this.#objects.get(key)
    if (object === undefined) return
    this.#objects.delete(key)
    for (const index of this.#indexes.values()) remove(index, key, object)
  }

  /** @throws FairleadError `BUG` when there is an index of that name. */
  addIndex(name: string, valuesOf: IndexFunction<T>): void {
    if (this.#indexes.has(name)) throw new FairleadError('BUG', `Cannot add index "${name}": there is one of that name`)
    const index: Index<T> = { valuesOf, buckets: new Map() }
    for (const [key, object] of this.#objects) insert(index, key, object)
    this.#indexes.set(name, index)
  }

  /** @throws FairleadError `BUG` when there is no index of that name. */
  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name)
    if (index === undefined) throw new FairleadError('BUG', `Cannot look up "${value}": there is no index "${name}"`)
    const bucket = index.buckets.get(value)
    if (bucket === undefined) return []
    return bucket instanceof Map ? [...bucket.values()] : [bucket]
  }
}

function insert<T extends KubeObject>({ valuesOf, buckets }: Index<T>, key: string, object: T): void {
  for (const value of valuesOf(object)) {
    const bucket = buckets.get(value)
    if (bucket === undefined) buckets.set(value, object)
    else if (bucket instanceof Map) bucket.set(key, object)
    else if (keyOf(bucket) !== key) buckets.set(value, new Map([[keyOf(bucket), bucket]]).set(key, object))
  }
}

function remove<T extends KubeObject>({ valuesOf, buckets }: Index<T>, key: string, object: T): void {
  for (const value of valuesOf(object)) {
    const bucket = buckets.get(value)
    if (bucket instanceof Map) bucket.delete(key)
    if (!(bucket instanceof Map) || bucket.size === 0) buckets.delete(value)
  }
}
