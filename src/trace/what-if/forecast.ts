/** What a change does: who gains or loses access, whose source changes, balance, quota and cost. Pure. */
import { type BillingItem, DEFAULT_PRICES, type PriceTable } from '../../cloud/billing/price-table.ts'
import type { Service } from '../../kube/types/core.ts'
import { backendsOf } from '../load-balancer-model.ts'
import { type Atlas, nameOf } from '../world.ts'
import type { Fork } from './change.ts'
import { type MonthlyCost, monthlyCost } from './monthly-cost.ts'
import { type Cell, reachOf } from './reach.ts'

export interface Access {
  readonly client: string
  readonly address: string
  readonly port: number
  readonly cause?: string
}

export interface SourceChange extends Access {
  readonly before: readonly string[]
  readonly after: readonly string[]
}

export interface Balance {
  readonly pod: string
  /** Share of connections that come by the Service's outer addresses (inner ones for a ClusterIP), 0..1. */
  readonly before: number
  readonly after: number
}

/** Backends that its listeners have attached in all: each counts for the account's quota. */
export interface Units {
  readonly before: number
  readonly after: number
}

export interface Forecast {
  readonly service: string
  readonly changes: readonly string[]
  readonly notes: readonly string[]
  readonly gains: readonly Access[]
  readonly loses: readonly Access[]
  readonly sources: readonly SourceChange[]
  readonly balance: readonly Balance[]
  readonly quota: Units
  /** Fixed fees of a month of 720 hours without traffic, and those of them that nobody published the price of. */
  readonly monthlyCost: Units & { readonly currency: string; readonly unknown: readonly BillingItem[] }
}

export interface ForecastOptions {
  /** As they were edited. @default those that were published */
  readonly prices?: PriceTable
  /** Whose prices count, in milliseconds since the epoch. @default now */
  readonly now?: number
}

export function forecast({ service, before, after, changes, notes }: Fork, options: ForecastOptions = {}): Forecast {
  const { prices = DEFAULT_PRICES, now: time = Date.now() } = options
  const old = before.objects.services.find((one) => nameOf(one) === nameOf(service)) ?? service
  const [then, now] = [reachOf(old, before), reachOf(service, after)]
  const [was, is] = [byPlace(then), byPlace(now)]
  const reaches = (cell: Cell | undefined) => cell?.verdict === 'reachable'
  return {
    service: nameOf(service),
    changes,
    notes,
    gains: now.filter((cell) => reaches(cell) && !reaches(was.get(placeOf(cell)))).map(access),
    loses: then
      .filter((cell) => reaches(cell) && !reaches(is.get(placeOf(cell))))
      .map((cell) => lost(cell, is.get(placeOf(cell)))),
    sources: now.flatMap((cell) => sourceChange(was.get(placeOf(cell)), cell)),
    balance: balances(then, now),
    quota: { before: unitsOf(old, before), after: unitsOf(service, after) },
    monthlyCost: costs(monthlyCost(old, prices, time), monthlyCost(service, prices, time), prices.currency),
  }
}

function costs(before: MonthlyCost, after: MonthlyCost, currency: string): Forecast['monthlyCost'] {
  const unknown = [...new Set([...before.unknown, ...after.unknown])]
  return { before: before.known, after: after.known, currency, unknown }
}

function placeOf({ client, address, port }: Cell): string {
  return `${client} ${address} ${port}`
}

function byPlace(cells: readonly Cell[]): Map<string, Cell> {
  return new Map(cells.map((cell) => [placeOf(cell), cell]))
}

function access({ client, address, port }: Cell): Access {
  return { client, address, port }
}

function lost(cell: Cell, now: Cell | undefined): Access {
  return { ...access(cell), cause: now?.cause ?? 'the Service has no such address then' }
}

function sourceChange(before: Cell | undefined, cell: Cell): SourceChange[] {
  if (before?.verdict !== 'reachable' || cell.verdict !== 'reachable') return []
  if (before.sources.join() === cell.sources.join()) return []
  return [{ ...access(cell), before: before.sources, after: cell.sources }]
}

/** Each outer address that is served gets the same part of all connections, as a balancer or clients in turn do it. */
function balances(before: readonly Cell[], after: readonly Cell[]): Balance[] {
  const [then, now] = [sharesOf(before), sharesOf(after)]
  const pods = [...new Set([...then.keys(), ...now.keys()])].sort()
  return pods.map((pod) => ({ pod, before: rounded(then.get(pod)), after: rounded(now.get(pod)) }))
}

/** Sums of thirds are not quite what they should be. */
function rounded(share = 0): number {
  return Math.round(share * 1e6) / 1e6
}

function sharesOf(cells: readonly Cell[]): Map<string, number> {
  const served = cells.filter(({ shares }) => shares.size > 0)
  const outer = served.filter(({ client }) => client === 'internet')
  const used = outer.length > 0 ? outer : served
  const totals = new Map<string, number>()
  for (const { shares } of used) {
    const all = [...shares.values()].reduce((sum, share) => sum + share, 0)
    for (const [pod, share] of shares) totals.set(pod, (totals.get(pod) ?? 0) + share / all / used.length)
  }
  return totals
}

/** Backends of all listeners. */
function unitsOf(service: Service, atlas: Atlas): number {
  const { spec } = service
  if (spec.type !== 'LoadBalancer') return 0
  return (spec.ports ?? []).reduce((sum, port) => sum + backendsOf(service, port, atlas).length, 0)
}
