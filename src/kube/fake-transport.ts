/**
 * For tests: a transport with the behaviour of an API server for one collection of objects behind it, and switches for
 * what goes wrong on the way. It keeps versions, lists, watches from a version, compacts, and loses connections.
 */

import { FairleadError } from '../base/error.ts'
import { keyOf } from './object-key.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'
import type { KubeObject, Status } from './types/meta.ts'

interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly version: number
  readonly object: KubeObject
}

/** Asked before each request; what it returns is the answer. */
export type Interception = (request: TransportRequest) => Status | FairleadError | undefined

export class FakeTransport implements Transport {
  readonly requests: TransportRequest[] = []
  intercept: Interception = () => undefined
  readonly #objects = new Map<string, KubeObject>()
  readonly #history: Change[] = []
  readonly #watches = new Set<WatchStream>()
  #version = 0
  #compacted = 0
  #uids = 0

  /** Watches that are open now. */
  get watches(): number {
    return this.#watches.size
  }

  /** Creates the object or replaces its content, as the API would: with a version, and a uid when it is new. */
  put(object: KubeObject): KubeObject {
    const old = this.#objects.get(keyOf(object))
    const uid = old?.metadata.uid ?? `uid-${++this.#uids}`
    const resourceVersion = String(++this.#version)
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion } }
    this.#objects.set(keyOf(object), stored)
    this.#publish({ type: old === undefined ? 'ADDED' : 'MODIFIED', version: this.#version, object: stored })
    return stored
  }

  delete(key: string): void {
    const old = this.#objects.get(key)
    if (old === undefined) return
    this.#objects.delete(key)
    const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(++this.#version) } }
    this.#publish({ type: 'DELETED', version: this.#version, object })
  }

  objects(): readonly KubeObject[] {
    return [...this.#objects.values()]
  }

  /** Tells watchers how far they are, without a change for them. */
  bookmark(): void {
    const metadata = { name: '', resourceVersion: String(++this.#version) }
    const change: Change = {
      type: 'BOOKMARK',
      version: this.#version,
      object: { apiVersion: 'v1', kind: 'Pod', metadata },
    }
    for (const watch of this.#watches) watch.push(change)
  }

  /** Forgets all changes up to now: who watches from before is refused with 410. */
  compact(): void {
    this.#compacted = this.#version
    this.#history.length = 0
  }

  /** Ends all watches: orderly as a server's time-out does, or broken, within an event when `torn`. */
  cut(how: 'end' | 'break' | 'torn' = 'break'): void {
    for (const watch of [...this.#watches]) watch.finish(how)
  }

  /** Ends all watches with an ERROR event. */
  fail(status: Status): void {
    for (const watch of [...this.#watches]) {
      watch.push({ type: 'ERROR', object: status })
      watch.finish('end')
    }
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    this.requests.push(request)
    await Promise.resolve()
    const refusal = this.intercept(request)
    if (refusal instanceof FairleadError) throw refusal
    if (refusal !== undefined) return answer(refusal.code ?? 500, refusal)
    const query = new URL(request.path, 'https://fake').searchParams
    if (request.method !== 'GET') return this.#write(request)
    return query.has('watch') ? this.#watch(request, query.get('resourceVersion')) : this.#list()
  }

  #list(): TransportResponse {
    const metadata = { resourceVersion: String(this.#version) }
    // Like the real one: items without kind and version of their own.
    const items = this.objects().map(({ kind: _, apiVersion: __, ...item }) => item)
    return answer(200, { kind: 'PodList', apiVersion: 'v1', metadata, items })
  }

  #watch(request: TransportRequest, resourceVersion: string | null): TransportResponse {
    const from = Number(resourceVersion)
    if (from < this.#compacted) return answer(410, status(410, 'Expired', `too old resource version: ${from}`))
    const stream = new WatchStream(request.signal, () => this.#watches.delete(stream))
    for (const change of this.#history) {
      if (change.version > from) stream.push(change)
    }
    this.#watches.add(stream)
    return { status: 200, headers: {}, body: stream }
  }

  #write({ method, path, body }: TransportRequest): TransportResponse {
    const [, namespace = '', name = ''] = /namespaces\/([^/]+)\/[^/]+(?:\/([^/?]+))?/.exec(path) ?? []
    const old = this.#objects.get(`${namespace}/${name}`)
    if (method === 'POST') return answer(201, this.put(JSON.parse(String(body))))
    if (old === undefined) return answer(404, status(404, 'NotFound', `"${name}" not found`))
    if (method === 'DELETE') {
      this.delete(`${namespace}/${name}`)
      return answer(200, old)
    }
    const change = JSON.parse(String(body))
    return answer(200, this.put(method === 'PUT' ? change : { ...old, ...change }))
  }

  #publish(change: Change): void {
    this.#history.push(change)
    for (const watch of this.#watches) watch.push(change)
  }
}

export function status(code: number, reason: string, message: string): Status {
  return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', reason, code, message }
}

/** JSON lines in chunks that end anywhere. */
class WatchStream implements AsyncIterable<Uint8Array> {
  readonly #signal: AbortSignal | undefined
  readonly #onEnd: () => void
  readonly #chunks: Uint8Array[] = []
  #end: 'open' | 'end' | 'break' = 'open'
  #wake = () => {}

  constructor(signal: AbortSignal | undefined, onEnd: () => void) {
    this.#signal = signal
    this.#onEnd = onEnd
    signal?.addEventListener('abort', () => this.finish('break'), { once: true })
  }

  push({ type, object }: { readonly type: string; readonly object: unknown }): void {
    const bytes = Buffer.from(`${JSON.stringify({ type, object })}\n`)
    const middle = bytes.length >> 1
    this.#chunks.push(bytes.subarray(0, middle), bytes.subarray(middle))
    this.#wake()
  }

  finish(how: 'end' | 'break' | 'torn'): void {
    if (how === 'torn') this.#chunks.push(Buffer.from('{"type":"MODI'))
    this.#end = how === 'end' ? 'end' : 'break'
    this.#onEnd()
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        for (let chunk = this.#chunks.shift(); chunk !== undefined; chunk = this.#chunks.shift()) yield chunk
        if (this.#end === 'end') return
        if (this.#end === 'break') {
          throw this.#signal?.aborted
            ? this.#signal.reason
            : new FairleadError('API_UNREACHABLE', 'The connection broke')
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    } finally {
      this.#onEnd()
    }
  }
}

function answer(code: number, body: unknown): TransportResponse {
  const bytes = Buffer.from(JSON.stringify(body))
  return {
    status: code,
    headers: {},
    body: (async function* () {
      yield bytes
    })(),
  }
}
