import type { Clock } from '../../base/clock.ts'
import { isJsonObject } from '../../kube/patch/json.ts'
import { ANONYMOUS, type Attributes } from '../authorization.ts'
import { readObject } from '../body.ts'
import type { Random } from '../context.ts'
import type { HandleRequest } from '../handler.ts'
import type { ApiRequest, ApiResponse } from '../request.ts'
import { attributesOf } from '../request-attributes.ts'
import { targetOf } from '../request-target.ts'
import type { ResourcePath } from '../routes.ts'
import type { AuditSink } from './audit-file.ts'
import { type AuditDecision, type AuditPolicy, type AuditStage, auditDecision } from './audit-policy.ts'

/** Makes the audit log: what is written, and where to. */
export interface AuditOptions {
  readonly policy: AuditPolicy
  readonly sink: AuditSink
}

interface Auditor extends AuditOptions {
  readonly clock: Clock
  readonly random: Pick<Random, 'uuid'>
}

/** Writes down each request as an audit.k8s.io/v1 Event, one JSON object a line, as far as the policy wants it. */
export function auditRequests(handle: HandleRequest, auditor: Auditor): HandleRequest {
  return async (request) => {
    const { path, query, route } = targetOf(request.url)
    const attributes = attributesOf(route, path, { method: request.method, query })
    const decision = auditDecision(auditor.policy, request.user ?? ANONYMOUS, attributes)
    if (decision.level === 'None') return handle(request)
    const record = new AuditRecord(auditor, request, {
      decision,
      attributes,
      route: route.kind === 'resource' ? route : undefined,
    })
    await record.write('RequestReceived', undefined)
    const response = await handle(record.listening)
    if (response.body instanceof Uint8Array) {
      await record.complete(response)
      return response
    }
    await record.write('ResponseStarted', response)
    return { ...response, body: record.toItsEnd(response, response.body) }
  }
}

interface Subject {
  readonly decision: AuditDecision
  readonly attributes: Attributes
  readonly route: ResourcePath | undefined
}

/** What is known of one request while it is handled. */
class AuditRecord {
  readonly #auditor: Auditor
  readonly #request: ApiRequest
  readonly #subject: Subject
  readonly #id: string
  readonly #received: string
  #body: Uint8Array | undefined

  constructor(auditor: Auditor, request: ApiRequest, subject: Subject) {
    this.#auditor = auditor
    this.#request = request
    this.#subject = subject
    this.#id = auditor.random.uuid()
    this.#received = this.#now()
  }

  /** The request, whose body is heard when it is read. */
  get listening(): ApiRequest {
    if (this.#subject.decision.level === 'Metadata') return this.#request
    return {
      ...this.#request,
      body: async () => {
        this.#body = await this.#request.body()
        return this.#body
      },
    }
  }

  async complete(response: ApiResponse): Promise<void> {
    await this.write('ResponseComplete', response)
  }

  async *toItsEnd(response: ApiResponse, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
    try {
      yield* body
    } finally {
      await this.write('ResponseComplete', response)
    }
  }

  /** @param response `undefined` as long as there is none. */
  async write(stage: AuditStage, response: ApiResponse | undefined): Promise<void> {
    const { decision, attributes } = this.#subject
    const { level } = decision
    if (decision.omitStages.includes(stage)) return
    const user = this.#request.user ?? ANONYMOUS
    const { 'user-agent': userAgent, 'content-type': contentType } = this.#request.headers
    const answered = response?.body instanceof Uint8Array ? parsed(response.body) : undefined
    const sent = this.#body === undefined || this.#body.byteLength === 0 ? undefined : this.#body
    const event = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level,
      auditID: this.#id,
      stage,
      requestURI: this.#request.url,
      verb: attributes.verb,
      user: { username: user.name, uid: user.uid, groups: user.groups, extra: user.extra },
      sourceIPs: this.#request.source === undefined ? [] : [this.#request.source],
      ...(userAgent === undefined ? {} : { userAgent }),
      ...this.#objectRef(),
      ...(response === undefined ? {} : { responseStatus: statusOf(response.status, answered) }),
      ...(sent === undefined ? {} : { requestObject: this.#shown(await sentObject(sent, contentType)) }),
      ...(level === 'RequestResponse' && answered !== undefined ? { responseObject: this.#shown(answered) } : {}),
      requestReceivedTimestamp: this.#received,
      stageTimestamp: this.#now(),
    }
    this.#auditor.sink.write(JSON.stringify(event))
  }

  #shown(value: unknown): unknown {
    return this.#subject.decision.omitManagedFields ? withoutManagers(value) : value
  }

  #objectRef(): object {
    const { route } = this.#subject
    if (route === undefined) return {}
    const { plural, namespace, name, group, version, subresource } = route
    const objectRef = {
      resource: plural,
      namespace,
      name,
      apiGroup: group || undefined,
      apiVersion: version,
      subresource,
    }
    return { objectRef }
  }

  /** With microseconds, as upstream writes it. */
  #now(): string {
    return new Date(this.#auditor.clock.now()).toISOString().replace('Z', '000Z')
  }
}

/** An object, or each of a list, without its managed fields. */
function withoutManagers(value: unknown): unknown {
  if (!isJsonObject(value)) return value
  const { metadata, items } = value
  const own = isJsonObject(metadata) ? { metadata: { ...metadata, managedFields: undefined } } : {}
  return { ...value, ...own, ...(Array.isArray(items) ? { items: items.map(withoutManagers) } : {}) }
}

function statusOf(code: number, answered: unknown): object {
  const { kind, status, message, reason } = (answered ?? {}) as Readonly<Record<string, unknown>>
  if (kind !== 'Status' || code < 400) return { metadata: {}, code }
  return { metadata: {}, status, message, reason, code }
}

/** An answer that is an object; there are others, such as logs of pods. */
function parsed(bytes: Uint8Array): unknown {
  if (bytes[0] !== 0x7b) return undefined
  return parsedText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
}

function parsedText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** What was sent: an object, a patch, or the beginning of what could not be read. */
async function sentObject(bytes: Uint8Array, contentType: string | undefined): Promise<unknown> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  const patch = contentType?.includes('patch') === true
  const read = patch ? parsedText(text) : await readObject(bytes, contentType).catch(() => undefined)
  return read ?? { text: text.slice(0, 1000) }
}
