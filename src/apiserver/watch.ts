import { isFairleadError } from '../base/error.ts'
import type { AnyKind } from '../kube/registry.ts'
import type { StoreEvent } from '../store/store.ts'
import { ByteQueue } from './byte-queue.ts'
import type { ApiContext } from './context.ts'
import { waitUntilFresh } from './freshness.ts'
import { listObjects, versionNumber } from './list.ts'
import type { Form } from './representation.ts'
import type { Selection } from './selection.ts'
import { gone, internalError, StatusError } from './status-error.ts'
import { prefixOfKind, servedChange } from './stored-form.ts'
import { type Encoding, encodeBookmark, encodeChange, encodeError, encodeEvent, eventTypeFor } from './watch-event.ts'

export interface WatchRequest {
  readonly kind: AnyKind
  readonly namespace: string | undefined
  readonly selection: Selection
  readonly form: Form
  /** '' and '0': what there is comes first. */
  readonly resourceVersion: string
  readonly sendInitialEvents: boolean
  readonly bookmarks: boolean
  readonly timeoutSeconds: number | undefined
  readonly signal: AbortSignal
}

const BOOKMARK_MS = 60_000
/** As upstream: without a time-out of its own a watch lasts half an hour to an hour. */
const SHORTEST_SECONDS = 1800

/** Starts a watch; its lines are read from the result, which ends with the time-out or when the client goes. */
export function watchObjects(context: ApiContext, request: WatchRequest): AsyncIterable<Uint8Array> {
  const queue = new ByteQueue()
  const ending = new AbortController()
  const end = () => ending.abort()
  request.signal.addEventListener('abort', end, { once: true })
  const seconds = request.timeoutSeconds ?? SHORTEST_SECONDS + context.random.below(SHORTEST_SECONDS)
  const cancelTimeout = context.clock.after(seconds * 1000, end)
  const forgetKinds = endWithKind(context, request.kind, end)
  const watch = new Watch(context, request, queue)
  void watch.run(ending.signal).finally(() => {
    cancelTimeout()
    forgetKinds()
    request.signal.removeEventListener('abort', end)
    queue.end()
  })
  if (request.signal.aborted) end()
  return readUntilClosed(queue, end)
}

/** A kind that is not served any more is not watched either. Its last changes go first; see the timer of bookmarks. */
function endWithKind({ kinds, clock }: ApiContext, { resource, custom }: AnyKind, end: () => void): () => void {
  if (custom !== true) return () => {}
  const { group, version, plural } = resource
  return kinds.onChange(() => {
    if (kinds.find(group, version, plural) === undefined) clock.after(0, end)
  })
}

async function* readUntilClosed(queue: ByteQueue, close: () => void): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* queue
  } finally {
    close()
  }
}

class Watch {
  readonly #context: ApiContext
  readonly #request: WatchRequest
  readonly #queue: ByteQueue
  #headers = true

  constructor(context: ApiContext, request: WatchRequest, queue: ByteQueue) {
    this.#context = context
    this.#request = request
    this.#queue = queue
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#follow(await this.#begin(), signal)
    } catch (error) {
      if (signal.aborted) return
      this.#queue.push(encodeError(this.#refusal(error)))
    }
  }

  #refusal(error: unknown): StatusError {
    if (error instanceof StatusError) return error
    if (isFairleadError(error, 'STORE_COMPACTED')) {
      return gone(`too old resource version: ${this.#request.resourceVersion}`)
    }
    if (isFairleadError(error, 'STORE_WATCH_OVERFLOW')) return gone('the watch fell behind, list again')
    this.#context.log.error({ err: error, resource: this.#request.kind.resource.plural }, 'A watch failed')
    return internalError('the watch failed')
  }

  /**
   * Sends what comes first and returns the revision from which to follow. As upstream's watch cache: initial events wait
   * for the version that they must not be older than; a plain watch begins, and says nothing until there is news.
   */
  async #begin(): Promise<number> {
    const { resourceVersion, sendInitialEvents, bookmarks, kind, form } = this.#request
    const fromNow = resourceVersion === '' || resourceVersion === '0'
    if (!fromNow && !sendInitialEvents) return versionNumber(resourceVersion)
    if (!fromNow) await waitUntilFresh(this.#context, versionNumber(resourceVersion))
    const revision = this.#sendPresent()
    if (sendInitialEvents && bookmarks) this.#queue.push(encodeBookmark(kind, revision, { form, initialEnd: true }))
    return revision
  }

  #sendPresent(): number {
    const page = listObjects(this.#context, {
      ...this.#request,
      resourceVersion: '',
      resourceVersionMatch: '',
      limit: undefined,
      continueToken: undefined,
    })
    for (const entry of page.entries) this.#send(encodeEvent('ADDED', entry, this.#encoding()))
    return page.revision
  }

  async #follow(after: number, signal: AbortSignal): Promise<void> {
    const { kind, namespace, bookmarks, form } = this.#request
    const { store, clock } = this.#context
    const prefix = prefixOfKind(kind, namespace)
    let cancel = () => {}
    // A timer fires between turns of the loop below, when all changes up to the store's revision are already sent.
    const bookmark = () => {
      const revision = Math.max(after, store.revision())
      this.#queue.push(encodeBookmark(kind, revision, { form, initialEnd: false }))
      cancel = clock.after(BOOKMARK_MS, bookmark)
    }
    if (bookmarks) cancel = clock.after(BOOKMARK_MS, bookmark)
    try {
      for await (const events of store.watch(prefix, { after: Math.min(after, store.revision()), signal })) {
        for (const event of events) if (event.revision > after) this.#sendChange(servedChange(kind, event))
        if (this.#queue.ended) return
      }
    } finally {
      cancel()
    }
  }

  #sendChange(event: StoreEvent): void {
    const type = eventTypeFor(event, this.#request.selection)
    if (type !== undefined) this.#send(encodeChange(event, type, this.#encoding()))
  }

  #send(line: Uint8Array): void {
    this.#queue.push(line)
    this.#headers = false
  }

  #encoding(): Encoding {
    const { kind, form } = this.#request
    return { kind, form, headers: this.#headers, now: this.#context.clock.now() }
  }
}
