import { NETWORK_INTERFACES, SECURITY_GROUPS } from '../ecs/model.ts'
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

function counted<T>(items: readonly T[], holderOf: (item: T) => string): QuotaUsage {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(holderOf(item), (counts.get(holderOf(item)) ?? 0) + 1)
  return counts
}
