import type { Clock } from '../../base/clock.ts'
import type { DataPlaneReport } from '../load-balancer/plan.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { collection } from '../state/collection.ts'
import type { Transaction } from '../state/transaction.ts'
import { BILLED, type BilledThing, billedThings, eipKey } from './billed-things.ts'
import { type BilledResource, HOUR_MS, hourOf, USAGE, type UsageHour, type UsageTraffic } from './usage.ts'

/**
 * Writes down hour by hour what exists and what it carries. Asked every minute and at every change of what exists, so
 * that nothing short-lived goes unseen; hours in which nobody asked are filled in for what was there before and after.
 */
export class UsageRecorder implements Disposable {
  readonly #state: CloudState
  readonly #clock: Clock
  readonly #stop: () => void
  #recording = false

  constructor(state: CloudState, clock: Clock) {
    this.#state = state
    this.#clock = clock
    this.#stop = state.onChange((changes) => {
      const billed = changes.some(({ collection }) => BILLED.has(collection))
      if (billed && !this.#recording) queueMicrotask(() => this.record(undefined))
    })
  }

  /** Brings the current hour up to date; `report` is what was counted so far. */
  record(report: UsageReport | undefined): void {
    this.#recording = true
    try {
      this.#state.transact((transaction) => {
        const traffic = report === undefined ? NO_TRAFFIC : this.#count(transaction, report)
        for (const one of billedThings(transaction)) this.#update(transaction, one, traffic)
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
    { id, resource, owns }: BilledThing,
    traffic: ReadonlyMap<string, UsageTraffic>,
  ): void {
    const hour = hourOf(this.#clock.now())
    const before = transaction.get(USAGE, usageKey(id, hour))
    if (before === undefined) fillGap(transaction, { id, resource, hour })
    const fresh = [...traffic].filter(([key]) => owns(key))
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

  /** What came since the last reading, which may have been another process's. */
  #count(transaction: Transaction, report: UsageReport): Map<string, UsageTraffic> {
    const before = transaction.get(COUNTED, LAST)
    const now: Counted = { at: this.#clock.now(), counters: Object.fromEntries(countersOf(report)) }
    transaction.put(COUNTED, LAST, now)
    const seconds = before === undefined ? undefined : Math.max(1, (now.at - before.at) / 1000)
    return new Map(
      Object.entries(now.counters)
        .map(([key, counter]) => [key, difference(before?.counters[key], counter, seconds)] as const)
        .filter(([, part]) => moved(part)),
    )
  }
}

/** What was counted since the start of each instance. */
export interface UsageReport extends Pick<DataPlaneReport, 'traffic'> {
  /** Bytes to the internet, by public address. */
  readonly publicBytes?: ReadonlyMap<string, bigint>
}

/** A reading: it outlives the process, as the kernel's counters do. */
interface Counted {
  readonly at: number
  readonly counters: Readonly<Record<string, UsageTraffic>>
}

const COUNTED = collection<Counted>('billing.counted')
const LAST = 'last'
const NO_TRAFFIC: ReadonlyMap<string, UsageTraffic> = new Map()

function countersOf({ traffic, publicBytes = new Map() }: UsageReport): [string, UsageTraffic][] {
  const listeners = [...traffic].map(([key, one]): [string, UsageTraffic] => [
    key,
    {
      newConnections: Number(one.newConnections),
      activeConnections: Number(one.activeConnections),
      inBytes: Number(one.inBytes),
      outBytes: Number(one.outBytes),
    },
  ])
  const eips = [...publicBytes].map(([address, bytes]): [string, UsageTraffic] => [
    eipKey(address),
    { newConnections: 0, activeConnections: 0, inBytes: 0, outBytes: Number(bytes) },
  ])
  return [...listeners, ...eips]
}

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

function difference(before: UsageTraffic | undefined, now: UsageTraffic, seconds: number | undefined): UsageTraffic {
  // A counter that went back was made anew: all of it is new.
  const since = (read: (traffic: UsageTraffic) => number) => {
    const [old, current] = [before === undefined ? 0 : read(before), read(now)]
    return current >= old ? current - old : current
  }
  const newConnections = since((traffic) => traffic.newConnections)
  return {
    newConnections,
    ...(seconds === undefined ? {} : { newConnectionsPerSecond: newConnections / seconds }),
    activeConnections: now.activeConnections,
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
    newConnectionsPerSecond: Math.max(before.newConnectionsPerSecond ?? 0, part.newConnectionsPerSecond ?? 0),
    activeConnections: Math.max(before.activeConnections, part.activeConnections),
    inBytes: before.inBytes + part.inBytes,
    outBytes: before.outBytes + part.outBytes,
  }
}
