import type { Log } from '../../base/log.ts'
import type { Node } from '../../kube/types/core.ts'
import type { NodeView } from '../node-view.ts'
import type { ServiceObjects } from '../program.ts'
import type { ProxyObserver } from '../proxy.ts'
import type { ProxyMetrics } from '../proxy-metrics.ts'
import { FAMILIES, type Family, type Problem, type ServicePlan } from '../service-plan.ts'
import type { ProxyHealth } from './proxy-health.ts'
import type { ServiceEvents } from './service-events.ts'
import { healthCheckOf, type ServiceHealth } from './service-health.ts'

export interface ServiceReportsOptions {
  readonly nodeName: string
  readonly health: ProxyHealth
  readonly serviceHealth: ServiceHealth
  readonly events: ServiceEvents
  readonly metrics: Pick<ProxyMetrics, 'withoutLocalEndpoints'>
  readonly log: Log
}

type Policy = 'internal' | 'external'
const POLICIES: readonly Policy[] = ['internal', 'external']

/** What of a plan is told; the plan itself is not kept: at the start there is one for each Service. */
interface Seen {
  readonly objects: ServiceObjects
  /** Undefined: it is not programmed. */
  readonly problems: readonly Problem[] | undefined
  readonly withoutLocal: ReadonlyMap<string, number>
}

const NO_PROBLEMS: readonly Problem[] = []
const NONE: ReadonlyMap<string, number> = new Map()

/** Tells the world what the kernel has: health checks, Events and figures by Service. It speaks after a transaction. */
export class ServiceReports implements ProxyObserver {
  readonly #options: ServiceReportsOptions
  #seen = new Map<string, Seen>()
  /** Service ports without local endpoints, by `family policy`, of each Service that has some. */
  readonly #withoutLocal = new Map<string, ReadonlyMap<string, number>>()
  readonly #totals = new Map<string, number>()

  constructor(options: ServiceReportsOptions) {
    this.#options = options
  }

  nodeSeen = (node: Node | undefined, view: NodeView): void => {
    const { health, serviceHealth } = this.#options
    health.seeNode(node)
    if (node !== undefined) serviceHealth.setAddresses(view.nodePortAddresses ?? view.addresses)
  }

  planned = (objects: ServiceObjects, plan: ServicePlan | undefined): void => {
    const problems = plan?.kind !== 'programmed' ? undefined : plan.problems.length === 0 ? NO_PROBLEMS : plan.problems
    this.#seen.set(objects.key, { objects, problems, withoutLocal: withoutLocal(plan) })
  }

  /** The kernel has what was planned. */
  committed(): void {
    const seen = this.#seen
    this.#seen = new Map()
    for (const [key, one] of seen) this.#report(key, one)
    for (const family of FAMILIES) {
      for (const policy of POLICIES) {
        const ports = this.#totals.get(`${family} ${policy}`) ?? 0
        this.#options.metrics.withoutLocalEndpoints(family, policy, ports)
      }
    }
  }

  #report(key: string, { objects, problems, withoutLocal: now }: Seen): void {
    const { nodeName, serviceHealth, events, log } = this.#options
    try {
      const { service, slices } = objects
      serviceHealth.set(key, service === undefined ? undefined : healthCheckOf(service, slices, nodeName))
      events.report(objects, problems)
      this.#count(key, now)
    } catch (err) {
      log.error({ err, service: key }, 'A Service cannot be reported on')
    }
  }

  #count(key: string, now: ReadonlyMap<string, number>): void {
    const before = this.#withoutLocal.get(key)
    if (before === undefined && now.size === 0) return
    for (const [what, ports] of before ?? []) this.#totals.set(what, (this.#totals.get(what) ?? 0) - ports)
    for (const [what, ports] of now) this.#totals.set(what, (this.#totals.get(what) ?? 0) + ports)
    if (now.size === 0) this.#withoutLocal.delete(key)
    else this.#withoutLocal.set(key, now)
  }
}

/** Ports of a Service whose policy Local finds no endpoint on this node, by `family policy`. */
function withoutLocal(plan: ServicePlan | undefined): ReadonlyMap<string, number> {
  const ports = plan?.kind === 'programmed' ? plan.ports : []
  if (!ports.some(({ local }) => local?.kind === 'drop')) return NONE
  const counts = new Map<string, number>()
  for (const { family, local, frontends } of ports) {
    if (local?.kind !== 'drop') continue
    const count = (policy: Policy, isOne: boolean) => {
      const what = keyOf(family, policy)
      if (isOne) counts.set(what, (counts.get(what) ?? 0) + 1)
    }
    const local_ = frontends.filter(({ policy }) => policy === 'Local')
    count(
      'internal',
      local_.some(({ source }) => source === 'ClusterIP'),
    )
    count(
      'external',
      local_.some(({ source }) => source !== 'ClusterIP'),
    )
  }
  return counts
}

function keyOf(family: Family, policy: Policy): string {
  return `${family} ${policy}`
}
