/** What `whatif` says of a Service, in the words of the matrix. */
import type { LayoutRoots } from '../../src/cluster/layout.ts'
import { openTraceSite } from '../../src/cluster/trace-site.ts'
import { type Policy, VALUES } from '../../src/matrix/documented.ts'
import { isEven } from '../../src/matrix/experiments.ts'
import {
  BACKEND_NODES,
  BACKENDS,
  balancerName,
  NAMESPACE,
  NODE_BESIDE,
  NODE_ELSEWHERE,
  NODES,
} from '../../src/matrix/scene.ts'
import { fork } from '../../src/trace/what-if/change.ts'
import { forecast } from '../../src/trace/what-if/forecast.ts'
import { type Cell, reachOf } from '../../src/trace/what-if/reach.ts'
import { type Atlas, atlasOf } from '../../src/trace/world.ts'

/** Who whatif asks for, by the matrix's name. The pods of the Service themselves are none of its classes. */
const CLIENTS = {
  'pod-beside': `a pod on ${NODE_BESIDE}`,
  'pod-elsewhere': `a pod on ${NODE_ELSEWHERE}`,
  'node-beside': NODE_BESIDE,
  'node-elsewhere': NODE_ELSEWHERE,
} as const

const UNITS: Readonly<Record<number, string>> = {
  [BACKEND_NODES.length]: VALUES.unitPerBackendNode,
  [NODES]: VALUES.unitPerNode,
  [BACKENDS.length]: VALUES.unitPerPod,
}

export async function atlasOfCluster(name: string, roots: LayoutRoots): Promise<Atlas> {
  return atlasOf((await openTraceSite({ name, roots })).world)
}

/** Values by id of the cells that speak of the load balancer which has the policy before the change. */
export function forecastValues(atlas: Atlas, policy: Policy, changes: readonly string[]): Map<string, string> {
  const name = balancerName(policy)
  const service = atlas.objects.services.find(
    ({ metadata }) => metadata.name === name && metadata.namespace === NAMESPACE,
  )
  if (service === undefined) throw new Error(`There is no Service ${name}`)
  const forked = fork(atlas, service, changes)
  const reach = reachOf(forked.service, forked.after).filter(({ address }) => address === 'load balancer')
  const cellOf = (client: string): Cell => {
    const found = reach.find((cell) => cell.client === client)
    if (found === undefined) throw new Error(`whatif says nothing of ${client}`)
    return found
  }
  const access = Object.entries(CLIENTS).map(
    ([id, client]) => [`Intra-cluster access to Service/${policy}/${id}`, accessValue(cellOf(client))] as const,
  )
  const outside = cellOf('internet')
  const preserved = outside.sources.length === 1 && outside.sources[0] === 'its own'
  const pods = BACKENDS.map((backend) => `${NAMESPACE}/${backend.name}`)
  const units = forecast(forked).quota.after
  return new Map([
    ...access,
    [`LoadBalancer/${policy}/internet`, accessValue(outside)],
    [`Source IP preservation/${policy}`, preserved ? VALUES.preserved : VALUES.notPreserved],
    [`Pod load balancing/${policy}`, isEven(outside.shares, pods) ? VALUES.even : VALUES.uneven],
    [`Load balancer quota/${policy}`, UNITS[units] ?? `${units} units`],
  ])
}

function accessValue({ verdict }: Cell): string {
  return verdict === 'reachable' ? VALUES.reachable : VALUES.unreachable
}
