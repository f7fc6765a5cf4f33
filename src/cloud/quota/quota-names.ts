export interface QuotaRow {
  readonly product: 'slb' | 'nlb' | 'vpc' | 'ecs'
  readonly limit: number
  /** By which resource it is counted: the whole account, or each load balancer, listener, ACL, table. */
  readonly per: 'account' | 'load-balancer' | 'listener' | 'backend' | 'acl' | 'route-table' | 'instance'
  readonly meaning: string
  /** Whether a request can raise it. */
  readonly adjustable: boolean
}

/**
 * Quotas by name, with the limits that accounts start with (Quota Center; CLB and NLB "Limits" pages).
 */
export const QUOTAS = {
  slb_quota_instances_num: { product: 'slb', limit: 60, per: 'account', meaning: 'CLB instances', adjustable: true },
  slb_quota_backendservers_num: {
    product: 'slb',
    limit: 200,
    per: 'load-balancer',
    meaning: 'backend servers of a CLB instance',
    adjustable: true,
  },
  slb_quota_backendserver_attached_num: {
    product: 'slb',
    limit: 50,
    per: 'backend',
    meaning: 'times that a server can be attached',
    adjustable: true,
  },
  slb_quota_listeners_num: {
    product: 'slb',
    limit: 50,
    per: 'load-balancer',
    meaning: 'listeners of a CLB instance',
    adjustable: true,
  },
  slb_quota_domain_extensions_num: {
    product: 'slb',
    limit: 3,
    per: 'listener',
    meaning: 'extra domains of an HTTPS listener',
    adjustable: true,
  },
  slb_quota_rules_num: {
    product: 'slb',
    limit: 40,
    per: 'listener',
    meaning: 'forwarding rules of an HTTP or HTTPS listener',
    adjustable: false,
  },
  slb_quota_ca_certs_num: { product: 'slb', limit: 100, per: 'account', meaning: 'CA certificates', adjustable: true },
  slb_quota_certs_num: { product: 'slb', limit: 100, per: 'account', meaning: 'server certificates', adjustable: true },
  slb_quota_acls_num: { product: 'slb', limit: 200, per: 'account', meaning: 'access control lists', adjustable: true },
  slb_quota_acl_entries_num: {
    product: 'slb',
    limit: 300,
    per: 'acl',
    meaning: 'entries of an access control list',
    adjustable: true,
  },
  slb_quota_acl_attached_num: {
    product: 'slb',
    limit: 50,
    per: 'acl',
    meaning: 'listeners that use an access control list',
    adjustable: true,
  },
  nlb_quota_loadbalancers_num: {
    product: 'nlb',
    limit: 60,
    per: 'account',
    meaning: 'NLB instances',
    adjustable: true,
  },
  nlb_quota_loadbalancer_listeners_num: {
    product: 'nlb',
    limit: 50,
    per: 'load-balancer',
    meaning: 'listeners of an NLB instance',
    adjustable: true,
  },
  nlb_quota_loadbalancer_noeci_servers_num: {
    product: 'nlb',
    limit: 400,
    per: 'load-balancer',
    meaning: 'servers of an NLB instance',
    adjustable: true,
  },
  nlb_quota_loadbalancer_eci_servers_num: {
    product: 'nlb',
    limit: 1_600,
    per: 'load-balancer',
    meaning: 'elastic container instances of an NLB instance',
    adjustable: true,
  },
  nlb_quota_loadbalancer_certificates_num: {
    product: 'nlb',
    limit: 25,
    per: 'load-balancer',
    meaning: 'certificates of an NLB instance',
    adjustable: true,
  },
  nlb_quota_servergroups_num: {
    product: 'nlb',
    limit: 3_000,
    per: 'account',
    meaning: 'NLB server groups',
    adjustable: true,
  },
  vpc_quota_route_entrys_num: {
    product: 'vpc',
    limit: 200,
    per: 'route-table',
    meaning: 'custom routes of a route table',
    adjustable: true,
  },
  vpc_quota_eip_num: { product: 'vpc', limit: 100, per: 'account', meaning: 'elastic IP addresses', adjustable: true },
  ecs_quota_elastic_network_interfaces_num: {
    product: 'ecs',
    limit: 5_000,
    per: 'account',
    meaning: 'elastic network interfaces',
    adjustable: true,
  },
  ecs_quota_security_groups_num: {
    product: 'ecs',
    limit: 100,
    per: 'account',
    meaning: 'security groups',
    adjustable: true,
  },
} as const satisfies Record<string, QuotaRow>

export type QuotaName = keyof typeof QUOTAS
