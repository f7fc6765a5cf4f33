import type { Clock } from '../../base/clock.ts'
import type { DataPlaneReport, ListenerTraffic } from '../load-balancer/plan.ts'
import { LISTENERS, LOAD_BALANCERS, type LoadBalancer, listenerKey } from '../slb/model.ts'
import type { CloudState } from '../state/cloud-state.ts'
import type { Transaction } from '../state/transaction.ts'
import { ELASTIC_IPS, type ElasticIp } from '../vpc/model.ts'
import {
  type BilledResource,
  HOUR_MS,
  hourOf,
  serviceOfDescription,
  USAGE,
  type UsageHour,
  type UsageTraffic,
} from './usage.ts'

/**
 * Writes down hour by hour what exists and what it carries. Asked every minute and at every change of what exists, so
 * that nothing short-lived goes unseen; hours in which nobody asked are filled in for what was there before and after.
 */
export class UsageRecorder implements Disposable {
  readonly #state: CloudState
  readonly #clock: Clock
  readonly #stop: () => void
  /** Counters as they were last, by listener; they start at 0 with the process. */
  #counted: ReadonlyMap<string, ListenerTraffic> = new Map()
  #recording = false

  constructor(state: CloudState, clock: Clock) {
    this.#state = state
    this.#clock = clock
    this.#stop = state.onChange((changes) => {
      const billed = changes.some(({ collection }) => BILLED.has(collection))
      if (billed && !this.#recording) queueMicrotask(() => this.record(undefined))
    })
  }

  /** Brings the current hour up to date; `report` is what the data plane counted so far. */
  record(report: Pick<DataPlaneReport, 'traffic'> | undefined): void {
    const traffic = report === undefined ? new Map<string, UsageTraffic>() : this.#delta(report.traffic)
    this.#recording = true
    try {
      this.#state.transact((transaction) => {
        for (const [id, resource] of existing(transaction)) this.#update(transaction, { id, resource, traffic })
      })
    } finally {
      this.#recording = false
    }
  }

  [Symbol.dispose](): void {
    this.#stop()
  }

  #update(
    transaction: Transaction,
    { id, resource, traffic }: { id: string; resource: BilledResource; traffic: ReadonlyMap<string, UsageTraffic> },
  ): void {
    const hour = hourOf(this.#clock.now())
    const before = transaction.get(USAGE, usageKey(id, hour))
    if (before === undefined) fillGap(transaction, { id, resource, hour })
    const fresh = [...traffic].filter(([key]) => key.startsWith(`${id}/`))
    const same =
      before !== undefined && fresh.length === 0 && JSON.stringify(before.resource) === JSON.stringify(resource)
    if (same) return
    const sums = Object.fromEntries(fresh.map(([key, part]) => [key, sum(before?.traffic[key], part)]))
    transaction.put(USAGE, usageKey(id, hour), {
      resourceId: id,
      hour,
      resource,
      traffic: { ...before?.traffic, ...sums },
    })
  }

  #delta(now: ReadonlyMap<string, ListenerTraffic>): Map<string, UsageTraffic> {
    const before = this.#counted
    this.#counted = now
    return new Map(
      [...now]
        .map(([key, traffic]) => [key, difference(before.get(key), traffic)] as const)
        .filter(([, part]) => moved(part)),
    )
  }
}

const BILLED: ReadonlySet<string> = new Set([LOAD_BALANCERS.name, ELASTIC_IPS.name, LISTENERS.name])
/** A gap longer than this is not filled: nobody knows what was. */
const MAXIMUM_GAP_HOURS = 24 * 31

function usageKey(id: string, hour: number): string {
  return `${id}/${hour}`
}

/** A resource that was there in an earlier hour was there in those between. */
function fillGap(
  transaction: Transaction,
  { id, resource, hour }: { id: string; resource: BilledResource; hour: number },
): void {
  const last = Math.max(
    ...transaction
      .list(USAGE)
      .filter((usage) => usage.resourceId === id)
      .map((usage) => usage.hour),
  )
  if (!Number.isFinite(last) || hour - last > MAXIMUM_GAP_HOURS * HOUR_MS) return
  for (let missed = last + HOUR_MS; missed < hour; missed += HOUR_MS) {
    const usage: UsageHour = { resourceId: id, hour: missed, resource, traffic: {} }
    transaction.put(USAGE, usageKey(id, missed), usage)
  }
}

function existing(transaction: Transaction): [string, BilledResource][] {
  const loadBalancers = transaction
    .list(LOAD_BALANCERS)
    .map((one) => [one.id, billedLoadBalancer(transaction, one)] as const)
  const eips = transaction.list(ELASTIC_IPS).map((eip) => [eip.allocationId, billedEip(eip)] as const)
  return [...loadBalancers, ...eips].map(([id, resource]) => [id, resource])
}

function billedLoadBalancer(transaction: Transaction, loadBalancer: LoadBalancer): BilledResource {
  const services = transaction.list(LISTENERS).flatMap((listener) => {
    const service = serviceOfDescription(listener.description)
    if (listener.loadBalancerId !== loadBalancer.id || service === undefined) return []
    return [[listenerKey(loadBalancer.id, listener.protocol, listener.port), service] as const]
  })
  const { name, addressType, instanceChargeType, spec, internetChargeType, bandwidth } = loadBalancer
  const charges = { instanceChargeType, internetChargeType, bandwidth, ...(spec === undefined ? {} : { spec }) }
  return { kind: 'load-balancer', name, addressType, ...charges, services: Object.fromEntries(services) }
}

function billedEip({ address, binding, internetChargeType }: ElasticIp): BilledResource {
  return { kind: 'eip', address, bound: binding !== undefined, internetChargeType }
}

function difference(before: ListenerTraffic | undefined, now: ListenerTraffic): UsageTraffic {
  // A counter that went back was made anew: all of it is new.
  const since = (read: (traffic: ListenerTraffic) => bigint) => {
    const [old, current] = [before === undefined ? 0n : read(before), read(now)]
    return Number(current >= old ? current - old : current)
  }
  return {
    newConnections: since((traffic) => traffic.newConnections),
    activeConnections: Number(now.activeConnections),
    inBytes: since((traffic) => traffic.inBytes),
    outBytes: since((traffic) => traffic.outBytes),
  }
}

function moved(part: UsageTraffic): boolean {
  return part.newConnections > 0 || part.inBytes > 0 || part.outBytes > 0
}

function sum(before: UsageTraffic | undefined, part: UsageTraffic): UsageTraffic {
  if (before === undefined) return part
  return {
    newConnections: before.newConnections + part.newConnections,
    activeConnections: Math.max(before.activeConnections, part.activeConnections),
    inBytes: before.inBytes + part.inBytes,
    outBytes: before.outBytes + part.outBytes,
  }
}
