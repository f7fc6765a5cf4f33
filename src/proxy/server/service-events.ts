import type { EventRecorder } from '../../kube/event-recorder.ts'
import type { KubeObject, ObjectReference } from '../../kube/types/meta.ts'
import type { ServiceObjects } from '../program.ts'
import type { Problem } from '../service-plan.ts'

/** Something that a person should see at an object. */
interface Concern {
  readonly object: KubeObject | ObjectReference
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** What is known of a Service. */
interface ServiceFacts {
  /** Undefined: it is not programmed. */
  readonly problems: readonly Problem[] | undefined
  /** Addresses that it wants and another one has. */
  readonly conflicts: readonly string[]
  /** Service ports that share its counter. */
  readonly sharers: number
}

const SHARED = 'RoundRobinShared'
/** Longer messages are cut by the API server's rules for Events. */
const MAX_MESSAGE = 1024

/** What should be told about a Service and its slices. */
function concernsOf({ service, slices }: ServiceObjects, { problems, conflicts, sharers }: ServiceFacts): Concern[] {
  if (service === undefined || problems === undefined) return []
  const concerns = problems.map((problem) => concernOf(problem, [service, ...slices]))
  if (conflicts.length > 0) {
    const message = `The older Service keeps what both want: ${conflicts.join(', ')}`
    concerns.push({ object: service, type: 'Warning', reason: 'AddressConflict', message })
  }
  if (sharers > 1) {
    const message = `Its round robin is shared by ${sharers} Service ports: each connection of one moves on all of them`
    concerns.push({ object: service, type: 'Normal', reason: SHARED, message })
  }
  return concerns
}

function concernOf({ object, name, message, reason }: Problem, candidates: readonly KubeObject[]): Concern {
  const [namespace = '', plainName = ''] = name.split('/')
  const found = candidates.find(({ kind, metadata }) => kind === object && metadata.name === plainName)
  const apiVersion = object === 'Service' ? 'v1' : 'discovery.k8s.io/v1'
  const reference: ObjectReference = { apiVersion, kind: object, namespace, name: plainName }
  return { object: found ?? reference, type: 'Warning', reason: reason ?? 'NotProgrammed', message }
}

export interface ServiceEventsOptions {
  readonly recorder: EventRecorder
  conflictsOf(key: string): readonly string[]
  sharersOf(key: string): number
}

/**
 * Tells each concern once, and again when it has gone and come back. That many Services share counters is told at the
 * start of none of them: thousands would hear it from each node, and it is no news.
 */
export class ServiceEvents {
  readonly #options: ServiceEventsOptions
  readonly #told = new Map<string, ReadonlySet<string>>()
  #started = false

  constructor(options: ServiceEventsOptions) {
    this.#options = options
  }

  /** Everything was told once: from now on Services are told of one by one. */
  started(): void {
    this.#started = true
  }

  /** @param problems Of its plan; undefined: it is not programmed. */
  report(objects: ServiceObjects, problems: readonly Problem[] | undefined): void {
    const { conflictsOf, sharersOf } = this.#options
    const { key } = objects
    const concerns = concernsOf(objects, { problems, conflicts: conflictsOf(key), sharers: sharersOf(key) })
    const before = this.#told.get(key)
    if (concerns.length === 0) {
      if (before !== undefined) this.#told.delete(key)
      return
    }
    const now = new Map(concerns.map((concern) => [idOf(concern), concern]))
    for (const [id, concern] of now) {
      if (!before?.has(id) && !this.#isOld(concern)) this.#tell(concern)
    }
    this.#told.set(key, now.size === 1 && now.has(SHARED) ? ONLY_SHARED : new Set(now.keys()))
  }

  #isOld({ reason }: Concern): boolean {
    return !this.#started && reason === SHARED
  }

  #tell({ object, type, reason, message }: Concern): void {
    this.#options.recorder.event(object, type, reason, message.slice(0, MAX_MESSAGE))
  }
}

/** One for all Services of which there is nothing else to tell. */
const ONLY_SHARED: ReadonlySet<string> = new Set([SHARED])

/** A number in it that moves is no news. */
function idOf({ reason, message }: Concern): string {
  return reason === SHARED ? SHARED : `${reason} ${message}`
}
