import { createBill } from '../../cloud/billing/bill.ts'
import type { PriceTable } from '../../cloud/billing/price-table.ts'
import { hourOf } from '../../cloud/billing/usage.ts'
import type { Measurement } from '../cell.ts'
import type { Instance } from '../cloud-desk.ts'
import { VALUES } from '../documented.ts'
import type { Lab } from '../lab.ts'

/** What the cloud has that bears a Service's mark, and what an hour of it costs without traffic. */
export async function measureBilling(lab: Lab, name: string): Promise<Measurement> {
  const instances = await lab.cloud.instancesOf(lab.service(name))
  if (instances.length === 0) {
    return { value: VALUES.free, evidence: [`the cloud has nothing that bears the mark of Service ${name}`] }
  }
  const [now, prices] = [lab.clock.now(), await lab.cloud.prices()]
  const evidence = instances.map((instance) => `${instance.id}: ${hourText(instance, prices, now)}`)
  return { value: VALUES.billed, evidence }
}

function hourText(instance: Instance, prices: PriceTable, now: number): string {
  const { id, address, addressType, chargeType, internetChargeType } = instance
  const resource = {
    kind: 'load-balancer',
    name: address,
    addressType: addressType === 'intranet' ? 'intranet' : 'internet',
    instanceChargeType: chargeType === 'PayBySpec' ? 'PayBySpec' : 'PayByCLCU',
    internetChargeType: internetChargeType === 'paybybandwidth' ? 'paybybandwidth' : 'paybytraffic',
    bandwidth: -1,
    services: {},
  } as const
  const bill = createBill([{ resourceId: id, hour: hourOf(now), resource, traffic: {} }], prices)
  const lines = bill.lines.map(({ item, cost }) =>
    cost === undefined ? `${item} of unknown price` : `${item} ${cost} ${bill.currency}`,
  )
  return `${addressType}, ${chargeType}; an hour is ${lines.join(', ')}, and traffic`
}
