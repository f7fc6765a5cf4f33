import { readAnnotations } from '../../ccm/annotations/service-annotations.ts'
import { desiredSettings } from '../../ccm/desired/instance.ts'
import { NLB_CLASS } from '../../ccm/names.ts'
import { createBill } from '../../cloud/billing/bill.ts'
import type { BillingItem, PriceTable } from '../../cloud/billing/price-table.ts'
import { type BilledResource, hourOf } from '../../cloud/billing/usage.ts'
import type { Service } from '../../kube/types/core.ts'

const HOURS_OF_A_MONTH = 720

export interface MonthlyCost {
  /** The sum of what is known. */
  readonly known: number
  /** What is charged too, and nobody published the price of. */
  readonly unknown: readonly BillingItem[]
}

/**
 * What the instance of a Service costs in a month of 720 hours that carries no traffic: a bill of the cloud for what the
 * cloud controller would buy. A Service that uses somebody's instance buys none.
 *
 * @param now Whose prices count, in milliseconds since the epoch.
 */
export function monthlyCost(service: Service, prices: PriceTable, now: number): MonthlyCost {
  const resource = boughtFor(service)
  if (resource === undefined) return { known: 0, unknown: [] }
  const { lines } = createBill([{ resourceId: '', hour: hourOf(now), resource, traffic: {} }], prices)
  const charged = lines.filter(({ quantity }) => quantity > 0)
  const known = charged.reduce((sum, { cost = 0 }) => sum + cost * HOURS_OF_A_MONTH, 0)
  const unknown = charged.filter(({ cost }) => cost === undefined).map(({ item }) => item)
  return { known: Math.round(known * 100) / 100, unknown: [...new Set(unknown)] }
}

function boughtFor({ spec, metadata }: Service): BilledResource | undefined {
  if (spec.type !== 'LoadBalancer') return undefined
  const annotations = readAnnotations(metadata.annotations ?? {})
  if (annotations.instance.id !== undefined) return undefined
  const settings = desiredSettings(annotations, { compat: false, defaultName: metadata.name })
  const addressType = settings.addressType === 'intranet' ? 'intranet' : 'internet'
  const { name = '' } = settings
  if (spec.loadBalancerClass === NLB_CLASS)
    return { kind: 'network-load-balancer', name, addressType, protocols: {}, services: {} }
  return {
    kind: 'load-balancer',
    name,
    addressType,
    instanceChargeType: settings.instanceChargeType === 'PayBySpec' ? 'PayBySpec' : 'PayByCLCU',
    ...(settings.spec === undefined ? {} : { spec: settings.spec }),
    internetChargeType: settings.internetChargeType === 'paybybandwidth' ? 'paybybandwidth' : 'paybytraffic',
    bandwidth: Number(settings.bandwidth ?? -1),
    services: {},
  }
}
