/** What the cloud knows that decides about packets: listeners with their backends and lists, security groups, names. */

import type { SecurityGroup } from '../cloud/ecs/model.ts'
import { SECURITY_GROUPS } from '../cloud/ecs/model.ts'
import { type SecurityFacts, securityFacts } from '../cloud/fabric/security-plan.ts'
import { healthKey } from '../cloud/load-balancer/health/unhealthy-file.ts'
import type { ListenerPlan } from '../cloud/load-balancer/plan.ts'
import { compileNlbPlan } from '../cloud/nlb/compile-plan.ts'
import { dnsName } from '../cloud/nlb/load-balancer-views.ts'
import { NETWORK_LOAD_BALANCERS } from '../cloud/nlb/model.ts'
import { namedAddresses } from '../cloud/nlb/zone-mappings.ts'
import { compileSlbPlan } from '../cloud/slb/compile-plan.ts'
import { ACCESS_CONTROL_LISTS, type AccessControlList, LISTENERS, listenerKey } from '../cloud/slb/model.ts'
import type { CloudState } from '../cloud/state/cloud-state.ts'
import type { Protocol } from '../kube/types/meta.ts'
import type { Flow } from './hop.ts'

/** A listener that runs. */
export interface KnownListener {
  readonly plan: ListenerPlan
  /** `lb-…` or `nlb-…` */
  readonly loadBalancer: string
  /** Access control lists that say who may come. */
  readonly lists: readonly Pick<AccessControlList, 'id' | 'name' | 'entries'>[]
  /** Groups of a Network Load Balancer, which say the same. */
  readonly securityGroups: readonly SecurityGroup[]
  /** Keys of backends that do not answer their health checks. */
  readonly unhealthy: ReadonlySet<string>
}

export interface CloudFacts {
  /** By {@link listenerAt} of the first port. */
  readonly listeners: ReadonlyMap<string, KnownListener>
  /** Those of them that are for many ports. */
  readonly ranges: readonly KnownListener[]
  /** Those of all load balancers that run a listener. */
  readonly addresses: ReadonlySet<string>
  readonly security: SecurityFacts
  /** Names of load balancers, and where they lead. */
  readonly names: ReadonlyMap<string, readonly string[]>
}

/** Where a listener is found: `203.0.113.20 TCP 80`. */
export function listenerAt(address: string, protocol: Protocol, port: number): string {
  return `${address} ${protocol} ${port}`
}

/** The listener that takes a connection: one for its port alone before one for many. */
export function findListener(cloud: CloudFacts, { destination, protocol, port }: Flow): KnownListener | undefined {
  return (
    cloud.listeners.get(listenerAt(destination, protocol, port)) ??
    cloud.ranges.find(
      ({ plan }) =>
        plan.address === destination &&
        protocolOf(plan) === protocol &&
        plan.port <= port &&
        port <= (plan.lastPort ?? plan.port),
    )
  )
}

function protocolOf({ protocol }: ListenerPlan): Protocol {
  return protocol === 'udp' ? 'UDP' : 'TCP'
}

type Reader = Pick<CloudState, 'get' | 'list'>

/** @param unhealthy As the data plane keeps them: `<listener's key> <backend's key>`. */
export function cloudFacts(state: Reader, unhealthy: readonly string[] = []): CloudFacts {
  const lists = new Map(
    state
      .list(LISTENERS)
      .map(({ loadBalancerId, protocol, port, acl }) => [
        listenerKey(loadBalancerId, protocol, port),
        listsOf(state, acl?.ids ?? []),
      ]),
  )
  const groups = new Map(
    state.list(NETWORK_LOAD_BALANCERS).map((one) => [one.id, groupsOf(state, one.securityGroupIds)]),
  )
  const plans = [...compileSlbPlan(state), ...compileNlbPlan(state)]
  const listeners = plans.map((plan): [string, KnownListener] => {
    const [key = ''] = plan.key.split('@')
    const [loadBalancer = ''] = key.split('/')
    const down = plan.backends.filter((backend) => unhealthy.includes(healthKey(plan, backend.key)))
    const known = {
      plan,
      loadBalancer,
      lists: lists.get(key) ?? [],
      securityGroups: groups.get(loadBalancer) ?? [],
      unhealthy: new Set(down.map((backend) => backend.key)),
    }
    return [listenerAt(plan.address, protocolOf(plan), plan.port), known]
  })
  const names = state.list(NETWORK_LOAD_BALANCERS).map((one) => [dnsName(one.id), namedAddresses(state, one)] as const)
  const addresses = new Set(plans.map(({ address }) => address))
  const ranges = listeners.flatMap(([, known]) => (known.plan.lastPort === undefined ? [] : [known]))
  return { listeners: new Map(listeners), ranges, addresses, security: securityFacts(state), names: new Map(names) }
}

function listsOf(state: Reader, ids: readonly string[]): readonly AccessControlList[] {
  return ids.flatMap((id) => state.get(ACCESS_CONTROL_LISTS, id) ?? [])
}

function groupsOf(state: Reader, ids: readonly string[]): readonly SecurityGroup[] {
  return ids.flatMap((id) => state.get(SECURITY_GROUPS, id) ?? [])
}
