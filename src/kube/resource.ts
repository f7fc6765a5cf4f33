import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from './types/apps.ts'
import type { CronJob, Job } from './types/batch.ts'
import type {
  ConfigMap,
  CoreEvent,
  Endpoints,
  Namespace,
  Node,
  Pod,
  Secret,
  Service,
  ServiceAccount,
} from './types/core.ts'
import type { CustomResourceDefinition } from './types/custom-resource-definition.ts'
import type { EndpointSlice, IpAddress, Lease, ServiceCidr } from './types/discovery.ts'
import type { KubeObject } from './types/meta.ts'
import type { NamedEvent } from './types/named-event.ts'
import type { Ingress, IngressClass, NetworkPolicy } from './types/networking.ts'
import type { PodDisruptionBudget, PriorityClass } from './types/policy.ts'
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from './types/rbac.ts'
import type { PodTemplate, ReplicationController } from './types/replication.ts'
import type { RuntimeClass } from './types/runtime-class.ts'

/** Where objects of one kind live in the API. `T` ties the address to the type of its objects. */
export interface Resource<T extends KubeObject> {
  /** '' for core. */
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Lower-case plural as in the URL. */
  readonly plural: string
  readonly namespaced: boolean
  /** Never set; carries the type. */
  readonly object?: T
}

export const namespaces: Resource<Namespace> = core('Namespace', 'namespaces', false)
export const nodes: Resource<Node> = core('Node', 'nodes', false)
export const pods: Resource<Pod> = core('Pod', 'pods')
export const services: Resource<Service> = core('Service', 'services')
export const endpoints: Resource<Endpoints> = core('Endpoints', 'endpoints')
export const configMaps: Resource<ConfigMap> = core('ConfigMap', 'configmaps')
export const secrets: Resource<Secret> = core('Secret', 'secrets')
export const serviceAccounts: Resource<ServiceAccount> = core('ServiceAccount', 'serviceaccounts')
export const events: Resource<CoreEvent> = core('Event', 'events')

export const deployments: Resource<Deployment> = named('apps', 'Deployment', 'deployments')
export const replicaSets: Resource<ReplicaSet> = named('apps', 'ReplicaSet', 'replicasets')
export const daemonSets: Resource<DaemonSet> = named('apps', 'DaemonSet', 'daemonsets')
export const controllerRevisions: Resource<ControllerRevision> = named(
  'apps',
  'ControllerRevision',
  'controllerrevisions',
)
export const replicationControllers: Resource<ReplicationController> = core(
  'ReplicationController',
  'replicationcontrollers',
)
export const podTemplates: Resource<PodTemplate> = core('PodTemplate', 'podtemplates')
export const jobs: Resource<Job> = named('batch', 'Job', 'jobs')
export const cronJobs: Resource<CronJob> = named('batch', 'CronJob', 'cronjobs')
export const ingresses: Resource<Ingress> = named('networking.k8s.io', 'Ingress', 'ingresses')
export const ingressClasses: Resource<IngressClass> = named(
  'networking.k8s.io',
  'IngressClass',
  'ingressclasses',
  false,
)
export const networkPolicies: Resource<NetworkPolicy> = named('networking.k8s.io', 'NetworkPolicy', 'networkpolicies')
export const podDisruptionBudgets: Resource<PodDisruptionBudget> = named(
  'policy',
  'PodDisruptionBudget',
  'poddisruptionbudgets',
)
export const runtimeClasses: Resource<RuntimeClass> = named('node.k8s.io', 'RuntimeClass', 'runtimeclasses', false)
export const priorityClasses: Resource<PriorityClass> = named(
  'scheduling.k8s.io',
  'PriorityClass',
  'priorityclasses',
  false,
)
/** The same Events as {@link events}, with the names that newer clients know. */
export const namedEvents: Resource<NamedEvent> = named('events.k8s.io', 'Event', 'events')
export const customResourceDefinitions: Resource<CustomResourceDefinition> = named(
  'apiextensions.k8s.io',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  false,
)
export const statefulSets: Resource<StatefulSet> = named('apps', 'StatefulSet', 'statefulsets')

export const endpointSlices: Resource<EndpointSlice> = named('discovery.k8s.io', 'EndpointSlice', 'endpointslices')
export const leases: Resource<Lease> = named('coordination.k8s.io', 'Lease', 'leases')
export const ipAddresses: Resource<IpAddress> = named('networking.k8s.io', 'IPAddress', 'ipaddresses', false)
export const serviceCidrs: Resource<ServiceCidr> = named('networking.k8s.io', 'ServiceCIDR', 'servicecidrs', false)

const RBAC = 'rbac.authorization.k8s.io'
export const roles: Resource<Role> = named(RBAC, 'Role', 'roles')
export const roleBindings: Resource<RoleBinding> = named(RBAC, 'RoleBinding', 'rolebindings')
export const clusterRoles: Resource<ClusterRole> = named(RBAC, 'ClusterRole', 'clusterroles', false)
export const clusterRoleBindings: Resource<ClusterRoleBinding> = named(
  RBAC,
  'ClusterRoleBinding',
  'clusterrolebindings',
  false,
)

function core<T extends KubeObject>(kind: string, plural: string, namespaced = true): Resource<T> {
  return { group: '', version: 'v1', kind, plural, namespaced }
}

function named<T extends KubeObject>(group: string, kind: string, plural: string, namespaced = true): Resource<T> {
  return { group, version: 'v1', kind, plural, namespaced }
}

/** `v1` or `apps/v1`. */
export function apiVersionOf(resource: Resource<KubeObject>): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}
