import type { EventRecorder } from '../../kube/event-recorder.ts'
import type { KubeObject, ObjectReference } from '../../kube/types/meta.ts'
import type { ServiceObjects } from '../program.ts'
import type { Problem, ServicePlan } from '../service-plan.ts'

/** Something that a person should see at an object. */
export interface Concern {
  readonly object: KubeObject | ObjectReference
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** What is known of a Service beside its plan. */
export interface ServiceFacts {
  /** Addresses that it wants and another one has. */
  readonly conflicts: readonly string[]
  /** Service ports that share its counter. */
  readonly sharers: number
}

/** Longer messages are cut by the API server's rules for Events. */
const MAX_MESSAGE = 1024

/** What should be told about a Service and its slices. */
export function concernsOf(
  { service, slices }: ServiceObjects,
  plan: ServicePlan | undefined,
  { conflicts, sharers }: ServiceFacts,
): Concern[] {
  if (service === undefined || plan?.kind !== 'programmed') return []
  const concerns = plan.problems.map((problem) => concernOf(problem, [service, ...slices]))
  if (conflicts.length > 0) {
    const message = `The older Service keeps what both want: ${conflicts.join(', ')}`
    concerns.push({ object: service, type: 'Warning', reason: 'AddressConflict', message })
  }
  if (sharers > 1) {
    const message = `Its round robin is shared by ${sharers} Service ports: each connection of one moves on all of them`
    concerns.push({ object: service, type: 'Normal', reason: 'RoundRobinShared', message })
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

/** Tells each concern once, and again when it has gone and come back. */
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

  report(objects: ServiceObjects, plan: ServicePlan | undefined): void {
    const { recorder, conflictsOf, sharersOf } = this.#options
    const { key } = objects
    // Thousands that share at the start would say the same thousands of times.
    const facts = { conflicts: conflictsOf(key), sharers: this.#started ? sharersOf(key) : 0 }
    const concerns = concernsOf(objects, plan, facts)
    const before = this.#told.get(key)
    if (concerns.length === 0) {
      if (before !== undefined) this.#told.delete(key)
      return
    }
    const now = new Set<string>()
    for (const { object, type, reason, message } of concerns) {
      // A number in it that moves is no news.
      const id = `${reason} ${message.replaceAll(/\d+ Service ports/g, '')}`
      if (!before?.has(id) && !now.has(id)) recorder.event(object, type, reason, message.slice(0, MAX_MESSAGE))
      now.add(id)
    }
    this.#told.set(key, now)
  }
}
