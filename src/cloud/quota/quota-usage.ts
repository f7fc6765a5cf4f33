import { NETWORK_INTERFACES, SECURITY_GROUPS } from '../ecs/model.ts'
import { certificatesOf, NETWORK_LOAD_BALANCERS, NLB_LISTENERS, SERVER_GROUPS } from '../nlb/model.ts'
import { backendKey } from '../slb/backend-servers.ts'
import { ACCESS_CONTROL_LISTS, LISTENERS, LOAD_BALANCERS, SERVER_CERTIFICATES, VSERVER_GROUPS } from '../slb/model.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { ELASTIC_IPS, ROUTE_ENTRIES } from '../vpc/model.ts'
import type { QuotaName } from './quota-names.ts'

type Reader = Pick<CloudState, 'list'>

/** How much of a quota is used, by what it is counted for: `''` for the account, else an id. */
export type QuotaUsage = ReadonlyMap<string, number>

/** Counts the use of every quota whose resources exist here. */
export const QUOTA_USAGE: Readonly<Partial<Record<QuotaName, (state: Reader) => QuotaUsage>>> = {
  slb_quota_instances_num: (state) => account(state.list(LOAD_BALANCERS)),
  slb_quota_listeners_num: (state) => counted(state.list(LISTENERS), ({ loadBalancerId }) => loadBalancerId),
  slb_quota_backendservers_num: (state) => counted(backends(state), ({ loadBalancerId }) => loadBalancerId),
  slb_quota_backendserver_attached_num: (state) => counted(backends(state), ({ server }) => server),
  slb_quota_domain_extensions_num: (state) =>
    new Map(
      state.list(LISTENERS).flatMap(({ loadBalancerId, port, layer7 }) => {
        return layer7?.tls === undefined
          ? []
          : [[`${loadBalancerId}:${port}`, layer7.tls.domainExtensions.length] as const]
      }),
    ),
  slb_quota_certs_num: (state) => account(state.list(SERVER_CERTIFICATES)),
  slb_quota_acls_num: (state) => account(state.list(ACCESS_CONTROL_LISTS)),
  slb_quota_acl_entries_num: (state) =>
    new Map(state.list(ACCESS_CONTROL_LISTS).map(({ id, entries }) => [id, entries.length])),
  slb_quota_acl_attached_num: (state) =>
    counted(
      state.list(LISTENERS).flatMap(({ acl }) => acl?.ids ?? []),
      (id) => id,
    ),
  nlb_quota_loadbalancers_num: (state) => account(state.list(NETWORK_LOAD_BALANCERS)),
  nlb_quota_loadbalancer_listeners_num: (state) =>
    counted(state.list(NLB_LISTENERS), ({ loadBalancerId }) => loadBalancerId),
  nlb_quota_loadbalancer_noeci_servers_num: networkServers,
  nlb_quota_loadbalancer_certificates_num: (state) =>
    counted(
      state.list(NLB_LISTENERS).flatMap((listener) => certificatesOf(listener).map(() => listener.loadBalancerId)),
      (id) => id,
    ),
  nlb_quota_servergroups_num: (state) => account(state.list(SERVER_GROUPS)),
  vpc_quota_route_entrys_num: (state) =>
    counted(
      state.list(ROUTE_ENTRIES).filter(({ type }) => type === 'Custom'),
      ({ routeTableId }) => routeTableId,
    ),
  vpc_quota_eip_num: (state) => account(state.list(ELASTIC_IPS)),
  ecs_quota_elastic_network_interfaces_num: (state) => account(state.list(NETWORK_INTERFACES)),
  ecs_quota_security_groups_num: (state) => account(state.list(SECURITY_GROUPS)),
}

function account(documents: readonly object[]): QuotaUsage {
  return new Map([['', documents.length]])
}

function backends(state: Reader): { loadBalancerId: string; server: string }[] {
  return state.list(VSERVER_GROUPS).flatMap(({ loadBalancerId, backends: servers }) =>
    servers.map((backend) => ({
      loadBalancerId,
      server: backend.type === 'eni' ? backendKey({ ...backend, port: 0 }) : backend.serverId,
    })),
  )
}

/** The servers of all groups that an instance's listeners lead to, those of a group once. */
function networkServers(state: Reader): QuotaUsage {
  const sizes = new Map(state.list(SERVER_GROUPS).map(({ id, servers }) => [id, servers.length]))
  const pairs = new Set(state.list(NLB_LISTENERS).map((one) => `${one.loadBalancerId} ${one.serverGroupId}`))
  const counts = new Map<string, number>()
  for (const pair of pairs) {
    const [loadBalancerId = '', groupId = ''] = pair.split(' ')
    counts.set(loadBalancerId, (counts.get(loadBalancerId) ?? 0) + (sizes.get(groupId) ?? 0))
  }
  return counts
}

function counted<T>(items: readonly T[], holderOf: (item: T) => string): QuotaUsage {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(holderOf(item), (counts.get(holderOf(item)) ?? 0) + 1)
  return counts
}
