import { canonicalAddress, formatCidr, parseCidr } from '../../base/ip.ts'
import { INSTANCES, NETWORK_INTERFACES } from '../ecs/model.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { pageByNumber, pageByToken } from '../resource/page.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { ROUTE_ENTRIES, ROUTE_TABLES, type RouteEntry, type RouteTable, VSWITCHES } from './model.ts'

/** Route tables: where Flannel's pod ranges lead to nodes. */
export const ROUTE_ACTIONS: readonly (readonly [string, Action])[] = [
  ['DescribeRouteTableList', describeRouteTableList],
  ['DescribeRouteEntryList', describeRouteEntryList],
  ['CreateRouteEntry', createRouteEntry],
  ['DeleteRouteEntry', deleteRouteEntry],
]

const NEXT_HOPS = ['Instance', 'NetworkInterface'] as const

function describeRouteTableList({ parameters, transaction }: Call): object {
  const vpcId = parameters.string('VpcId')
  const found = transaction.list(ROUTE_TABLES).filter((table) => vpcId === undefined || table.vpcId === vpcId)
  const { items, ...page } = pageByNumber(found, parameters, { default: 10, max: 50 })
  const RouterTableListType = items.map((table) => ({
    RouteTableId: table.id,
    VpcId: table.vpcId,
    RouteTableType: table.type,
    RouterType: 'VRouter',
    Status: 'Available',
  }))
  return { RouterTableList: { RouterTableListType }, ...page, Code: '200', Success: true }
}

function describeRouteEntryList({ parameters, transaction }: Call): object {
  const table = requireTable(parameters.required('RouteTableId'), transaction)
  const [destination, hop, type] = ['DestinationCidrBlock', 'NextHopId', 'RouteEntryType'].map((name) =>
    parameters.string(name),
  )
  const found = entriesOf(transaction, table.id)
    .filter(
      (entry) =>
        (destination === undefined || entry.destinationCidrBlock === destination) &&
        (hop === undefined || entry.nextHopId === hop) &&
        (type === undefined || entry.type === type),
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const { items, MaxResults, NextToken } = pageByToken(found, parameters, {
    keyOf: (entry) => entry.id,
    sizes: { default: 50, max: 500 },
  })
  return {
    RouteEntrys: { RouteEntry: items.map(describeEntry) },
    MaxResult: MaxResults,
    ...(NextToken === undefined ? {} : { NextToken }),
  }
}

function describeEntry(entry: RouteEntry): object {
  return {
    RouteEntryId: entry.id,
    RouteEntryName: entry.name,
    RouteTableId: entry.routeTableId,
    DestinationCidrBlock: entry.destinationCidrBlock,
    Type: entry.type,
    Status: 'Available',
    NextHops: { NextHop: [{ NextHopType: entry.nextHopType, NextHopId: entry.nextHopId, Enabled: 1, Weight: 0 }] },
  }
}

function createRouteEntry({ parameters, transaction, now }: Call): object {
  const table = requireTable(parameters.required('RouteTableId'), transaction)
  const destination = requireRange(parameters.required('DestinationCidrBlock'))
  const nextHopType = parameters.oneOf('NextHopType', NEXT_HOPS) ?? 'Instance'
  const nextHopId = requireHop(transaction, { nextHopType, nextHopId: parameters.required('NextHopId') })
  const entries = entriesOf(transaction, table.id)
  requireNew(transaction, { table, destination, entries })
  const custom = entries.filter((entry) => entry.type === 'Custom').length
  requireQuota(transaction, 'vpc_quota_route_entrys_num', {
    wanted: custom + 1,
    holder: table.id,
    code: 'QuotaExceeded.RouteEntry',
  })
  const id = newResourceId('rte')
  transaction.put(ROUTE_ENTRIES, id, {
    id,
    routeTableId: table.id,
    destinationCidrBlock: destination,
    nextHopType,
    nextHopId,
    name: parameters.string('RouteEntryName') ?? '',
    type: 'Custom',
    createdAt: now,
  })
  return { RouteEntryId: id }
}

function deleteRouteEntry({ parameters, transaction }: Call): object {
  const id = parameters.string('RouteEntryId')
  const entry = id === undefined ? entryByDestination({ parameters, transaction }) : transaction.get(ROUTE_ENTRIES, id)
  if (entry === undefined)
    throw new Refusal('InvalidRouteEntry.NotFound', 'The specified route entry does not exist.', 404)
  if (entry.type === 'System')
    throw new Refusal('InvalidOperation.SystemRoute', `The route ${entry.id} is the cloud's own.`)
  transaction.delete(ROUTE_ENTRIES, entry.id)
  return {}
}

function entryByDestination({
  parameters,
  transaction,
}: Pick<Call, 'parameters' | 'transaction'>): RouteEntry | undefined {
  const table = requireTable(parameters.required('RouteTableId'), transaction)
  const [destination, hop] = [parameters.required('DestinationCidrBlock'), parameters.string('NextHopId')]
  return entriesOf(transaction, table.id).find(
    (entry) => entry.destinationCidrBlock === destination && (hop === undefined || entry.nextHopId === hop),
  )
}

function entriesOf(transaction: Call['transaction'], tableId: string): RouteEntry[] {
  return transaction.list(ROUTE_ENTRIES).filter((entry) => entry.routeTableId === tableId)
}

function requireTable(id: string, transaction: Call['transaction']): RouteTable {
  const table = transaction.get(ROUTE_TABLES, id)
  if (table !== undefined) return table
  throw new Refusal('InvalidRouteTableId.NotFound', `The route table ${id} does not exist.`, 404)
}

function requireRange(text: string): string {
  const cidr = parseCidr(text)
  const canonical = cidr === undefined ? undefined : formatCidr(cidr)
  if (canonical !== undefined && canonical === text && canonicalAddress(text.split('/')[0] ?? '') !== undefined)
    return text
  throw new Refusal(
    'InvalidDestinationCidrBlock.Malformed',
    `The DestinationCidrBlock '${text}' is not a range such as 10.244.0.0/24.`,
  )
}

function requireHop(
  transaction: Call['transaction'],
  { nextHopType, nextHopId }: { nextHopType: (typeof NEXT_HOPS)[number]; nextHopId: string },
): string {
  const there =
    nextHopType === 'Instance' ? transaction.get(INSTANCES, nextHopId) : transaction.get(NETWORK_INTERFACES, nextHopId)
  if (there !== undefined) return nextHopId
  throw new Refusal('InvalidNextHopId.NotFound', `The ${nextHopType} ${nextHopId} does not exist.`, 404)
}

function requireNew(
  transaction: Call['transaction'],
  { table, destination, entries }: { table: RouteTable; destination: string; entries: readonly RouteEntry[] },
): void {
  if (entries.some((entry) => entry.destinationCidrBlock === destination)) {
    throw new Refusal(
      'InvalidCIDRBlock.Duplicate',
      `The route table ${table.id} has a route to ${destination} already.`,
    )
  }
  const vSwitch = transaction.list(VSWITCHES).find((one) => one.vpcId === table.vpcId && one.cidrBlock === destination)
  if (vSwitch === undefined) return
  throw new Refusal(
    'InvalidCidrBlock.ConflictsWithVSwitch',
    `The range ${destination} is that of the vSwitch ${vSwitch.id}.`,
  )
}
