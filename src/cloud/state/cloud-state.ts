import type { RootDatabase } from 'lmdb'
import { FairleadError } from '../../base/error.ts'
import { loadLmdb } from '../../base/load-lmdb.ts'
import type { Collection } from './collection.ts'
import { type Change, Transaction } from './transaction.ts'

export interface CloudStateOptions {
  /** Directory of the database, made when missing. Without it nothing outlives the process. */
  readonly directory?: string
  /** Only looks at what another process keeps there. */
  readonly readOnly?: boolean
}

/**
 * All that the cloud knows: resources by collection and id. Reads are from memory; a transaction is on disk before it is
 * seen by anybody, whole or not at all.
 */
export class CloudState implements AsyncDisposable {
  readonly #documents: Map<string, Map<string, object>>
  readonly #database: RootDatabase<object, string> | undefined
  readonly #listeners = new Set<(changes: readonly Change[]) => void>()

  private constructor(documents: Map<string, Map<string, object>>, database: RootDatabase<object, string> | undefined) {
    this.#documents = documents
    this.#database = database
  }

  /** @throws FairleadError `STORE_FAILED` */
  static open(options: CloudStateOptions = {}): CloudState {
    if (options.directory === undefined) return new CloudState(new Map(), undefined)
    const { open } = loadLmdb()
    try {
      const database = open<object, string>({
        path: options.directory,
        encoding: 'json',
        ...(options.readOnly === true ? { readOnly: true } : {}),
      })
      return new CloudState(load(database), database)
    } catch (cause) {
      throw new FairleadError('STORE_FAILED', `Cannot open the cloud's state in ${options.directory}`, { cause })
    }
  }

  get<D extends object>(collection: Collection<D>, id: string): D | undefined {
    // A collection's name stands for the type of its documents: only transactions write, and they check the type.
    return this.#documents.get(collection.name)?.get(id) as D | undefined
  }

  /** All documents of a collection, in no order that means anything. */
  list<D extends object>(collection: Collection<D>): D[] {
    return this.entries(collection).map(([, document]) => document)
  }

  /** Ids and documents of a collection. */
  entries<D extends object>(collection: Collection<D>): [string, D][] {
    return [...(this.#documents.get(collection.name) ?? [])] as [string, D][]
  }

  /**
   * Makes changes together. What `change` throws undoes all of them.
   *
   * @throws FairleadError `STORE_FAILED`, and what `change` throws
   */
  transact<R>(change: (transaction: Transaction) => R): R {
    const transaction = new Transaction(this)
    const result = change(transaction)
    const changes = transaction.changes()
    if (changes.length === 0) return result
    this.#write(changes)
    for (const { collection, id, after } of changes) this.#place(collection, { id, after })
    for (const listener of this.#listeners) listener(changes)
    return result
  }

  /** Calls back after each transaction, within it: the listener only takes notice. Returns how to stop. */
  onChange(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear()
    await this.#database?.close()
  }

  #write(changes: readonly Change[]): void {
    const database = this.#database
    if (database === undefined) return
    try {
      database.transactionSync(() => {
        for (const { collection, id, after } of changes) {
          const key = `${collection}/${id}`
          if (after === undefined) database.removeSync(key)
          else database.putSync(key, after)
        }
      })
    } catch (cause) {
      throw new FairleadError('STORE_FAILED', 'Cannot write the state of the cloud; nothing was changed', { cause })
    }
  }

  #place(collection: string, { id, after }: { id: string; after: object | undefined }): void {
    const documents = this.#documents.get(collection) ?? new Map<string, object>()
    this.#documents.set(collection, documents)
    if (after === undefined) documents.delete(id)
    else documents.set(id, after)
  }
}

function load(database: RootDatabase<object, string>): Map<string, Map<string, object>> {
  const documents = new Map<string, Map<string, object>>()
  for (const { key, value } of database.getRange()) {
    const slash = key.indexOf('/')
    const collection = key.slice(0, slash)
    const entries = documents.get(collection) ?? new Map<string, object>()
    documents.set(collection, entries.set(key.slice(slash + 1), value))
  }
  return documents
}
