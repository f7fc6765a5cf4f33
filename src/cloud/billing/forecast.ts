import { type Bill, createBill } from './bill.ts'
import type { PriceTable } from './price-table.ts'
import { HOUR_MS, hourOf, type UsageHour, type UsageTraffic } from './usage.ts'

const HOURS_OF_A_MONTH = 720
const RECENT_HOURS = 24

/**
 * What a month of 720 hours would cost if what exists now stayed, and each resource went on carrying per hour what it
 * carried on average in its last 24 hours.
 */
export function forecastMonth(usage: readonly UsageHour[], table: PriceTable, now: number): Bill {
  const hour = hourOf(now)
  const recent = usage.filter((one) => one.hour > hour - RECENT_HOURS * HOUR_MS && one.hour <= hour)
  const current = recent.filter((one) => one.hour === hour)
  const months = current.map((one) => createBill([averaged(one, recent)], table))
  const lines = months.flatMap((bill) =>
    bill.lines.map((line) => ({
      ...line,
      quantity: line.quantity * HOURS_OF_A_MONTH,
      ...(line.cost === undefined ? {} : { cost: line.cost * HOURS_OF_A_MONTH }),
    })),
  )
  const unknown = [...new Set(months.flatMap((bill) => bill.unknown))]
  return { currency: table.currency, lines, total: lines.reduce((sum, line) => sum + (line.cost ?? 0), 0), unknown }
}

/** The hour as it is, with the traffic of an average one. */
function averaged(current: UsageHour, recent: readonly UsageHour[]): UsageHour {
  const own = recent.filter((hour) => hour.resourceId === current.resourceId)
  const keys = new Set(own.flatMap((hour) => Object.keys(hour.traffic)))
  const traffic = [...keys].map((key) => {
    const parts = own.map((hour) => hour.traffic[key])
    const average = (read: keyof UsageTraffic) => parts.reduce((sum, part) => sum + (part?.[read] ?? 0), 0) / own.length
    const connections = {
      newConnections: average('newConnections'),
      newConnectionsPerSecond: average('newConnectionsPerSecond'),
      activeConnections: average('activeConnections'),
    }
    return [key, { ...connections, inBytes: average('inBytes'), outBytes: average('outBytes') }] as const
  })
  return { ...current, traffic: Object.fromEntries(traffic) }
}
