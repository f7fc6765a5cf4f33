import type { Clock } from '../base/clock.ts'
import { isFairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { formatTime } from '../base/time.ts'
import { isNotFound } from './api-error.ts'
import { Backoff } from './backoff.ts'
import type { Client } from './client.ts'
import { EventAggregator, type EventDraft } from './event-aggregator.ts'
import { events } from './resource.ts'
import type { CoreEvent } from './types/core.ts'
import type { KubeObject, ObjectReference } from './types/meta.ts'

export interface EventRecorderOptions {
  readonly client: Client
  /** Who speaks, such as `service-controller`. */
  readonly component: string
  /** The node, for programs that run on one. */
  readonly host?: string
  readonly clock: Clock
  readonly log: Log
}

export interface EventRecorder {
  /**
   * Tells about an object, where `kubectl describe` and `kubectl get events` show it. Returns at once: the Event is
   * written behind the caller's back, repeats are counted in one Event, and what is too much is dropped.
   *
   * @param reason Short, in CamelCase: what programs match on.
   * @param message A sentence for people.
   */
  event(object: KubeObject | ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void
  /** Resolves when everything told so far is written or given up. */
  flush(): Promise<void>
}

/** Events that wait to be written; when so many wait, further ones are dropped. */
const MAX_PENDING = 1_000
const MAX_TRIES = 12

/** A recorder that writes core/v1 Events; repeats raise `count` and `lastTimestamp` as client-go's do. */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new ApiEventRecorder(options)
}

class ApiEventRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions
  readonly #aggregator: EventAggregator
  #pending = 0
  #tail: Promise<void> = Promise.resolve()

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#aggregator = new EventAggregator(options.clock)
  }

  event(object: KubeObject | ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const { log } = this.#options
    const involvedObject = referenceTo(object)
    if (this.#pending >= MAX_PENDING) {
      log.warn({ object: involvedObject, reason, message }, 'Event dropped: too many wait to be written')
      return
    }
    const draft = this.#aggregator.observe({ involvedObject, type, reason, message })
    if (draft === undefined) {
      log.debug({ object: involvedObject, reason, message }, 'Event dropped: too many about this object')
      return
    }
    this.#pending++
    this.#tail = this.#tail.then(() => this.#record(draft)).finally(() => this.#pending--)
  }

  flush(): Promise<void> {
    return this.#tail
  }

  /** One at a time, so that a repeat finds what it repeats. Tries for about a minute to reach the server. */
  async #record(draft: EventDraft): Promise<void> {
    const { clock, log } = this.#options
    const backoff = new Backoff({ maxMs: 10_000, initialMs: 50 })
    for (let tries = 1; ; tries++) {
      try {
        this.#aggregator.written(draft, await this.#write(draft))
        return
      } catch (err) {
        if (tries === MAX_TRIES || !isFairleadError(err, 'API_UNREACHABLE')) {
          log.warn({ err, object: draft.involvedObject, reason: draft.reason }, 'Event not written')
          return
        }
        // Unlike sleep, this keeps no process alive that is done otherwise.
        await new Promise<void>((resolve) => clock.after(backoff.next(), resolve))
      }
    }
  }

  async #write(draft: EventDraft): Promise<CoreEvent> {
    const { client } = this.#options
    const known = this.#aggregator.known(draft)
    if (known === undefined) return client.create(events, this.#eventOf(draft))
    const lastTimestamp = formatTime(draft.at)
    const body = { count: (known.count ?? 1) + 1, lastTimestamp, message: draft.message }
    try {
      return await client.patch(events, known.metadata, { type: 'merge', body })
    } catch (error) {
      // It was removed, as old Events are.
      if (isNotFound(error)) return client.create(events, this.#eventOf(draft))
      throw error
    }
  }

  #eventOf({ involvedObject, type, reason, message, at, sequence }: EventDraft): CoreEvent {
    const { component, host } = this.#options
    const time = formatTime(at)
    const namespace = involvedObject.namespace ?? 'default'
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${involvedObject.name}.${uniqueSuffix(at, sequence)}`, namespace },
      involvedObject,
      type,
      reason,
      message,
      source: host === undefined ? { component } : { component, host },
      reportingComponent: component,
      ...(host === undefined ? {} : { reportingInstance: host }),
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    }
  }
}

/** Nanoseconds in hexadecimal as upstream has it; events of one millisecond are told apart by their sequence. */
function uniqueSuffix(at: number, sequence: number): string {
  return (BigInt(Math.floor(at)) * 1_000_000n + BigInt(sequence % 1_000_000)).toString(16)
}

function referenceTo(object: KubeObject | ObjectReference): ObjectReference {
  if (!('metadata' in object)) return object
  const { apiVersion, kind, metadata } = object
  const { name, namespace, uid, resourceVersion } = metadata
  return {
    apiVersion,
    kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  }
}
