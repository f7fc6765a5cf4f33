import { capacityUnits } from './capacity-units.ts'
import { type BillingItem, type Price, type PriceTable, type PriceUnit, priceAt } from './price-table.ts'
import type { BilledResource, ServiceName, UsageHour, UsageTraffic } from './usage.ts'

/** One line: so much of one item for one resource, and for the Service that used it where one did. */
export interface BillLine {
  readonly resourceId: string
  readonly service?: ServiceName
  readonly item: BillingItem
  readonly unit: PriceUnit
  readonly quantity: number
  /** `undefined` where the price was never published. */
  readonly cost?: number
}

export interface Bill {
  readonly currency: string
  readonly lines: readonly BillLine[]
  /** The sum of what is known. */
  readonly total: number
  /** Items with a quantity and no price. */
  readonly unknown: readonly BillingItem[]
}

const GIGABYTE = 1_000_000_000
const LOW_BANDWIDTH_MBPS = 5

interface Charge {
  readonly item: BillingItem
  readonly variant?: string
  readonly unit: PriceUnit
  readonly quantity: number
}

/** The bill for some hours of usage, by prices as they held in each hour. */
export function createBill(usage: readonly UsageHour[], table: PriceTable): Bill {
  const lines = mergeLines(usage.flatMap((hour) => linesOf(hour, table)))
  const unknown = [...new Set(lines.filter((line) => line.cost === undefined).map((line) => line.item))]
  return { currency: table.currency, lines, total: lines.reduce((sum, line) => sum + (line.cost ?? 0), 0), unknown }
}

/** What a bill comes to for each of something: an instance, a Service, a namespace. */
export function groupBill(
  bill: Bill,
  keyOf: (line: BillLine) => string,
): ReadonlyMap<string, { known: number; unknown: readonly BillingItem[] }> {
  const groups = new Map<string, { known: number; unknown: BillingItem[] }>()
  for (const line of bill.lines) {
    const group = groups.get(keyOf(line)) ?? { known: 0, unknown: [] }
    groups.set(keyOf(line), group)
    group.known += line.cost ?? 0
    if (line.cost === undefined && !group.unknown.includes(line.item)) group.unknown.push(line.item)
  }
  return groups
}

function linesOf(hour: UsageHour, table: PriceTable): BillLine[] {
  const shares = sharesOf(hour)
  return chargesOf(hour).flatMap((charge) => {
    const price = priceAt(table, charge, hour.hour)
    return shares(charge).map(({ service, share }) => lineOf({ hour, charge, price }, { service, share }))
  })
}

function lineOf(
  { hour, charge, price }: { hour: UsageHour; charge: Charge; price: Price | undefined },
  { service, share }: Share,
): BillLine {
  const quantity = charge.quantity * share
  return {
    resourceId: hour.resourceId,
    ...(service === undefined ? {} : { service }),
    item: charge.item,
    unit: charge.unit,
    quantity,
    // Hours that stand for a number that nobody knows have no price.
    ...(price === undefined || price.unit !== charge.unit ? {} : { cost: quantity * price.amount }),
  }
}

function chargesOf({ resource, traffic }: UsageHour): Charge[] {
  switch (resource.kind) {
    case 'eip':
      return eipCharges(resource, traffic)
    case 'load-balancer':
      return loadBalancerCharges(resource, traffic)
    case 'network-load-balancer':
      return networkLoadBalancerCharges(resource, traffic)
    default:
      return resource satisfies never
  }
}

/** What it sends to the internet is its EIPs'. */
function networkLoadBalancerCharges(
  { protocols }: BilledResource & { kind: 'network-load-balancer' },
  traffic: UsageHour['traffic'],
): Charge[] {
  const units = capacityUnits(protocols, traffic)
  return [
    { item: 'nlb-instance-fee', unit: 'hour', quantity: 1 },
    units === undefined
      ? { item: 'nlb-lcu-fee', unit: 'hour', quantity: 1 }
      : { item: 'nlb-lcu-fee', unit: 'LCU-hour', quantity: units },
  ]
}

function loadBalancerCharges(
  resource: BilledResource & { kind: 'load-balancer' },
  traffic: UsageHour['traffic'],
): Charge[] {
  const charges: Charge[] = [{ item: 'instance-fee', unit: 'hour', quantity: 1 }]
  if (resource.addressType === 'internet')
    charges.push({ item: 'public-ip-retention-fee', unit: 'hour', quantity: 1 }, internetCharge(resource, traffic))
  // How many units an hour's use makes is not published with the price: the hour stands for what is not known.
  if (resource.instanceChargeType === 'PayByCLCU') charges.push({ item: 'lcu-fee', unit: 'hour', quantity: 1 })
  else if (resource.spec !== undefined)
    charges.push({ item: 'spec-fee', variant: resource.spec, unit: 'hour', quantity: 1 })
  return charges
}

/** What leaves towards the internet counts, or the bandwidth that was bought. */
function internetCharge(resource: BilledResource & { kind: 'load-balancer' }, traffic: UsageHour['traffic']): Charge {
  if (resource.internetChargeType === 'paybytraffic') {
    return { item: 'traffic-fee', unit: 'GB', quantity: outBytes(traffic) / GIGABYTE }
  }
  const variant = resource.bandwidth > LOW_BANDWIDTH_MBPS ? 'above-5' : '1-5'
  return { item: 'bandwidth-fee', variant, unit: 'Mbps-hour', quantity: resource.bandwidth }
}

function eipCharges(resource: BilledResource & { kind: 'eip' }, traffic: UsageHour['traffic']): Charge[] {
  const configuration: Charge[] = resource.bound ? [] : [{ item: 'eip-configuration-fee', unit: 'hour', quantity: 1 }]
  return [...configuration, { item: 'eip-traffic-fee', unit: 'GB', quantity: outBytes(traffic) / GIGABYTE }]
}

function outBytes(traffic: UsageHour['traffic']): number {
  return Object.values(traffic).reduce((sum, part) => sum + part.outBytes, 0)
}

/** What is paid for by the byte. */
const BY_TRAFFIC: ReadonlySet<BillingItem> = new Set(['traffic-fee', 'eip-traffic-fee'])

interface Share {
  readonly service: ServiceName | undefined
  /** 0 to 1; all shares of a charge make 1. */
  readonly share: number
}

/** Services that share an instance share its bill: traffic by what each sent, everything else by listeners. */
function sharesOf({ resource, traffic }: UsageHour): (charge: Charge) => Share[] {
  const listeners = Object.entries(resource.services ?? {})
  if (listeners.length === 0) return () => [{ service: undefined, share: 1 }]
  const byListener = listeners.map(([, service]) => ({ service, share: 1 / listeners.length }))
  const sent = listeners.reduce((sum, [key]) => sum + sentBy(traffic[key]), 0)
  if (sent === 0) return () => byListener
  const byTraffic = listeners.map(([key, service]) => ({ service, share: sentBy(traffic[key]) / sent }))
  return (charge) => (BY_TRAFFIC.has(charge.item) ? byTraffic : byListener)
}

function sentBy(traffic: UsageTraffic | undefined): number {
  return traffic?.outBytes ?? 0
}

/** Lines of the same resource, Service and item become one; a sum with an unknown part is unknown. */
function mergeLines(lines: readonly BillLine[]): BillLine[] {
  const merged = new Map<string, BillLine>()
  for (const line of lines) {
    const key = JSON.stringify([line.resourceId, line.service, line.item, line.unit, line.cost === undefined])
    const before = merged.get(key)
    merged.set(key, before === undefined ? line : added(before, line))
  }
  return [...merged.values()].filter((line) => line.quantity > 0)
}

function added(a: BillLine, b: BillLine): BillLine {
  const quantity = a.quantity + b.quantity
  return a.cost === undefined || b.cost === undefined ? { ...a, quantity } : { ...a, quantity, cost: a.cost + b.cost }
}
