import { addressFamily, type Cidr, cidrContains, parseCidr, requireCidr } from '../../base/ip.ts'
import type { Node } from '../../kube/types/core.ts'
import { instanceIdOf, isExcluded, isVirtual } from '../node-facts.ts'

/** A route of a VPC's table to a node's pods. */
export interface Route {
  readonly destination: string
  readonly instanceId: string
}

/** A route as the table has it. */
export interface TableRoute extends Route {
  readonly id: string
}

export interface RoutePlan {
  readonly remove: readonly TableRoute[]
  readonly add: readonly (Route & { readonly node: string })[]
  /** Nodes whose routes are all there already. */
  readonly routed: readonly string[]
}

/**
 * The routes that lead to nodes' pods, against those of a table. Only routes inside the cluster's range are touched; one
 * to pods that no node has is removed, one that leads to another machine is replaced.
 */
export function planRoutes(list: readonly Node[], table: readonly TableRoute[], clusterCidr: string): RoutePlan {
  const range = requireCidr(clusterCidr)
  const wanted = list.flatMap((node) => wantedRoutes(node, range))
  const isThere = ({ destination, instanceId }: Route) =>
    table.some((route) => route.destination === destination && route.instanceId === instanceId)
  // A node that has no machine yet keeps what leads to its pods.
  const unsettled = new Set(
    list.filter((node) => instanceIdOf(node) === undefined || isExcluded(node)).flatMap(podRanges),
  )
  const remove = table.filter(
    ({ destination, instanceId }) =>
      isInside(destination, range) &&
      !unsettled.has(destination) &&
      !wanted.some((route) => route.destination === destination && route.instanceId === instanceId),
  )
  const add = wanted.filter((route) => !isThere(route))
  const lacking = new Set(add.map(({ node }) => node))
  const routed = [...new Set(wanted.map(({ node }) => node))].filter((node) => !lacking.has(node))
  return { remove, add, routed }
}

function wantedRoutes(node: Node, range: Cidr): (Route & { readonly node: string })[] {
  const instanceId = instanceIdOf(node)
  if (instanceId === undefined || isExcluded(node) || isVirtual(node)) return []
  return podRanges(node)
    .filter((destination) => addressFamily(destination.split('/')[0] ?? '') === 4 && isInside(destination, range))
    .map((destination) => ({ destination, instanceId, node: node.metadata.name }))
}

function podRanges({ spec }: Node): readonly string[] {
  return spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR])
}

function isInside(destination: string, range: Cidr): boolean {
  const cidr = parseCidr(destination)
  return cidr !== undefined && cidr.prefixLength >= range.prefixLength && cidrContains(range, cidr.address)
}
