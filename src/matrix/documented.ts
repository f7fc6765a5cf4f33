/**
 * What the document says: "Introduction to Services" of Alibaba Cloud Container Service for Kubernetes, its tables "Service
 * types", "Flannel network plugin" and "Terway-Eniip network plugin", and the example of a failure in the first of them.
 * The lines are the document's own; the values say the same in the words of the experiment. "Use cases" claims nothing
 * that could be measured.
 */
import type { PodNetworkKind } from '../cluster/cluster-spec.ts'
import type { Statement } from './cell.ts'

export const POLICIES = ['Local', 'Cluster'] as const
export type Policy = (typeof POLICIES)[number]

/** The rows of the two tables of networks. */
export const POLICY_ITEMS = [
  'Backend server attachment',
  'Load balancer quota',
  'Intra-cluster access to Service',
  'Pod load balancing',
  'Source IP preservation',
  'Session persistence',
] as const
export type PolicyItem = (typeof POLICY_ITEMS)[number]

export const NETWORK_TABLES: Readonly<Record<PodNetworkKind, string>> = {
  flannel: 'Flannel network plugin',
  'terway-eniip': 'Terway-Eniip network plugin',
}

/** Words of measurements. */
export const VALUES = {
  backendNodes: 'nodes with backend pods',
  allNodes: 'all nodes',
  pods: 'pods',
  unitPerBackendNode: 'a unit per node with backend pods',
  unitPerNode: 'a unit per node',
  unitPerPod: 'a unit per pod',
  even: 'even',
  uneven: 'uneven',
  preserved: 'preserved',
  notPreserved: 'not preserved',
  kept: 'kept',
  notKept: 'not kept',
  reachable: 'reachable',
  unreachable: 'unreachable',
  roundRobin: 'round robin',
  free: 'nothing is billed',
  billed: 'an instance is billed',
  oneNode: 'one node carries all',
} as const

const per = (value: string, line: string): Statement => ({ value, line })
const both = (statement: Statement): Readonly<Record<Policy, Statement>> => ({ Local: statement, Cluster: statement })

/** Of intra-cluster access, `value` says from which nodes there is access. */
export const POLICY_TABLES: Readonly<
  Record<PodNetworkKind, Readonly<Record<PolicyItem, Readonly<Record<Policy, Statement>>>>>
> = {
  flannel: {
    'Backend server attachment': {
      Local: per(
        VALUES.backendNodes,
        'Only nodes that host backend pods are added as backend servers to the load balancer.',
      ),
      Cluster: per(VALUES.allNodes, 'All nodes in the cluster are added as backend servers to the load balancer.'),
    },
    'Load balancer quota': {
      Local: per(VALUES.unitPerBackendNode, 'Consumes fewer load balancer quota resources.'),
      Cluster: per(
        VALUES.unitPerNode,
        'Consumes a large number of load balancer quota resources because all cluster nodes are attached as backends.',
      ),
    },
    'Intra-cluster access to Service': {
      Local: per(VALUES.backendNodes, 'Only nodes that host backend pods for the Service can access it.'),
      Cluster: per(VALUES.allNodes, 'Any node in the cluster can access the Service.'),
    },
    'Pod load balancing': {
      Local: per(
        VALUES.uneven,
        'Load balancing between pods is disabled by default. To enable load balancing, set the scheduler to WRR by adding the annotation',
      ),
      Cluster: per(VALUES.even, 'Load balancing between pods is enabled by default.'),
    },
    'Source IP preservation': {
      Local: per(VALUES.preserved, 'Supported.'),
      Cluster: per(VALUES.notPreserved, 'Not supported.'),
    },
    'Session persistence': {
      Local: per(VALUES.kept, 'Supported.'),
      Cluster: per(VALUES.notKept, 'Not supported.'),
    },
  },
  'terway-eniip': {
    'Backend server attachment': both(
      per(VALUES.pods, 'Pods are directly added to the load balancer as backend servers.'),
    ),
    'Load balancer quota': both(
      per(
        VALUES.unitPerPod,
        'Consumes fewer load balancer quota resources because only application pods are attached.',
      ),
    ),
    'Intra-cluster access to Service': {
      Local: per(
        VALUES.backendNodes,
        'When accessing the Service from within the cluster, traffic passes through kube-proxy on the node and is subject to the [externalTrafficPolicy].',
      ),
      Cluster: per(VALUES.allNodes, 'Any node in the cluster can access the Service.'),
    },
    'Pod load balancing': both(per(VALUES.even, 'Load balancing between pods is enabled by default.')),
    'Source IP preservation': both(per(VALUES.preserved, 'Supported.')),
    'Session persistence': both(per(VALUES.kept, 'Supported.')),
  },
}

/** Once the scheduler is wrr, nobody is left out, under any policy. */
export const WITH_WRR: Statement = per(
  VALUES.even,
  'To enable load balancing, set the scheduler to WRR by adding the annotation',
)

export const TYPES_TABLE = 'Service types'

/** The rows of the table of types, as far as they speak of what is measured. */
export const TYPES = {
  clusterIpInside: per(
    VALUES.reachable,
    'A ClusterIP Service is assigned a virtual IP address that is only reachable from within the cluster.',
  ),
  clusterIpOutside: per(
    VALUES.unreachable,
    'A ClusterIP Service is assigned a virtual IP address that is only reachable from within the cluster.',
  ),
  clusterIpScheduling: per(
    VALUES.roundRobin,
    'kube-proxy intercepts the traffic and forwards it to a backend pod using a round-robin scheduling algorithm.',
  ),
  nodePort: per(
    VALUES.reachable,
    'A NodePort Service opens a specific port on every node in the cluster. You can access the Service from outside the cluster',
  ),
  nodePortRange: per('30000-32767', 'automatically chosen from a default range of 30000-32767'),
  nodePortBottleneck: per(
    VALUES.oneNode,
    'Traffic is sent to only one node, which can easily become a resource bottleneck.',
  ),
  loadBalancer: per(
    VALUES.reachable,
    'The Service automatically provides an external IP address that clients can use to access it.',
  ),
  loadBalancerLayers: per(
    VALUES.reachable,
    'It supports both Layer 4 (TCP/UDP) and Layer 7 (HTTP/HTTPS) traffic management.',
  ),
  headlessPods: per(
    VALUES.reachable,
    'This allows application pods to directly access each ClickHouse pod, balancing data reads or performing targeted writes',
  ),
  externalPods: per(
    VALUES.reachable,
    'This allows pods inside the cluster to access the external domain using the internal service name.',
  ),
  free: per(VALUES.free, 'Free of charge.'),
  billed: per(VALUES.billed, 'For information about fees for load balancing instances, see'),
} as const satisfies Readonly<Record<string, Statement>>

export const NAMES = {
  clusterIp: per(
    'the ClusterIP',
    'When a ClusterIP Service is created, CoreDNS registers a DNS record for it, allowing the service to be resolved and accessed by its name.',
  ),
  headless: per(
    'the addresses of its pods',
    'A DNS query for the service name returns a list of pod IP addresses instead of a single service IP.',
  ),
  external: per(
    'an alias of the external name',
    'An ExternalName Service maps an internal service name to an external domain name.',
  ),
} as const satisfies Readonly<Record<string, Statement>>

export const NAMED_FAILURE = {
  table: 'Example scenario',
  item: 'Flannel + IPVS + externalTrafficPolicy=Local',
  line: 'accessing a LoadBalancer IP from within the cluster may vary significantly or even fail across different environments and Kubernetes versions. Example scenario: Flannel + IPVS + externalTrafficPolicy=Local',
} as const
