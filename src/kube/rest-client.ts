import { FairleadError } from '../base/error.ts'
import { ApiError, isNotFound } from './api-error.ts'
import type { Client, DeleteOptions, ListOptions, ObjectKey, Patch, WatchOptions, WriteOptions } from './client.ts'
import { decodeJsonLines } from './json-lines.ts'
import { isJsonObject } from './patch/json.ts'
import { type RequestPlace, requestPath } from './request-path.ts'
import { apiVersionOf, type Resource } from './resource.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'
import type { KubeList, KubeObject, Status, WatchEvent } from './types/meta.ts'

export interface RestClientOptions {
  /** Names the program to the server. @default 'fairlead' */
  readonly userAgent?: string
}

/** The content type of each sort of patch. An apply patch is YAML, of which JSON is a part. */
const PATCH_TYPES: Readonly<Record<Patch['type'], string>> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** A client that speaks JSON over a transport. */
export function createClient(transport: Transport, { userAgent = 'fairlead' }: RestClientOptions = {}): Client {
  return new RestClient(transport, userAgent)
}

interface Call extends RequestPlace {
  readonly method: TransportRequest['method']
  readonly body?: unknown
  readonly contentType?: string
  readonly signal?: AbortSignal | undefined
}

class RestClient implements Client {
  readonly transport: Transport
  readonly #userAgent: string

  constructor(transport: Transport, userAgent: string) {
    this.transport = transport
    this.#userAgent = userAgent
  }

  async get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T> {
    return this.#object(resource, { method: 'GET', ...key })
  }

  async find<T extends KubeObject>(resource: Resource<T>, key: ObjectKey): Promise<T | undefined> {
    try {
      return await this.get(resource, key)
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async list<T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<KubeList<T>> {
    const { namespace, signal, ...query } = options
    const list = (await this.#json(resource, { method: 'GET', namespace, signal, query: { ...query } })) as KubeList<T>
    return { ...list, items: (list.items ?? []).map((item) => withKind(resource, item)) }
  }

  async create<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata
    if (resource.namespaced && !namespace) {
      throw new FairleadError('INVALID_INPUT', `Cannot create ${resource.kind} "${name}": no namespace is given`)
    }
    const place = options.subresource === undefined ? { namespace } : { namespace, name }
    return this.#object(resource, { method: 'POST', ...place, ...written(options), body: withKind(resource, object) })
  }

  async update<T extends KubeObject>(resource: Resource<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata
    return this.#object(resource, {
      method: 'PUT',
      namespace,
      name,
      ...written(options),
      body: withKind(resource, object),
    })
  }

  async patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    const { query, ...place } = written(options)
    const apply = patch.type === 'apply' ? { fieldManager: patch.fieldManager, force: patch.force } : {}
    return this.#object(resource, {
      method: 'PATCH',
      ...key,
      ...place,
      query: { ...query, ...apply },
      body: patch.body,
      contentType: PATCH_TYPES[patch.type],
    })
  }

  async delete<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: DeleteOptions): Promise<void> {
    const body = options === undefined ? undefined : { kind: 'DeleteOptions', apiVersion: 'v1', ...options }
    await this.#json(resource, { method: 'DELETE', ...key, body })
  }

  async *watch<T extends KubeObject>(resource: Resource<T>, options: WatchOptions = {}): AsyncGenerator<WatchEvent<T>> {
    const { namespace, signal, ...rest } = options
    const query = { watch: true, allowWatchBookmarks: true, ...rest }
    const response = await this.#request(resource, { method: 'GET', namespace, signal, query })
    for await (const value of decodeJsonLines(response.body)) yield value as WatchEvent<T>
  }

  post(resource: Resource<KubeObject>, key: ObjectKey, subresource: string, body: unknown): Promise<unknown> {
    return this.#json(resource, { method: 'POST', ...key, subresource, body })
  }

  async #object<T extends KubeObject>(resource: Resource<T>, call: Call): Promise<T> {
    return withKind(resource, (await this.#json(resource, call)) as T)
  }

  async #json(resource: Resource<KubeObject>, call: Call): Promise<unknown> {
    const { status, body } = await this.#request(resource, call)
    const text = await readText(body)
    try {
      return JSON.parse(text)
    } catch (cause) {
      const given = `${status} with ${JSON.stringify(text.slice(0, 80))}`
      throw new FairleadError(
        'API_UNREACHABLE',
        `Cannot read the answer of the API server: found ${given}, expected JSON`,
        {
          cause,
        },
      )
    }
  }

  /** @throws ApiError for any status but 2xx. */
  async #request(resource: Resource<KubeObject>, call: Call): Promise<TransportResponse> {
    const { method, body, contentType = 'application/json', signal } = call
    const headers = { accept: 'application/json', 'user-agent': this.#userAgent }
    const response = await this.transport.request({
      method,
      path: requestPath(resource, call),
      headers: body === undefined ? headers : { ...headers, 'content-type': contentType },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
    if (response.status >= 200 && response.status < 300) return response
    throw new ApiError(statusOf(response.status, await readText(response.body)))
  }
}

/** Query and place that the options of a write ask for. */
function written({ subresource, fieldManager, dryRun }: WriteOptions): Pick<Call, 'subresource' | 'query'> {
  return { subresource, query: { fieldManager, dryRun: dryRun ? 'All' : undefined } }
}

/** Servers leave out kind and version of the items of a list, and callers may. */
function withKind<T extends KubeObject>(resource: Resource<T>, object: T): T {
  if (object.kind !== undefined && object.apiVersion !== undefined) return object
  // In this order: what is added to a copy gives every object a hidden class of its own.
  return Object.assign({ apiVersion: apiVersionOf(resource), kind: resource.kind }, object)
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** The Status of a refusal; made up from its code and text where something in between answered. */
function statusOf(code: number, text: string): Status {
  const body = parseJson(text)
  if (isJsonObject(body) && body.kind === 'Status') return { code, ...body } as Status
  const message = `The API server answered ${code}: ${text.trim().slice(0, 200)}`
  return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', reason: 'Unknown', code, message }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not from an API server: the caller shows the text as it is.
    return undefined
  }
}
