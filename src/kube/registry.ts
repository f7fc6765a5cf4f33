import type { KindDefinition } from './kind.ts'
import { clusterRoleKind } from './kinds/cluster-role.ts'
import { clusterRoleBindingKind } from './kinds/cluster-role-binding.ts'
import { configMapKind } from './kinds/config-map.ts'
import { controllerRevisionKind } from './kinds/controller-revision.ts'
import { cronJobKind } from './kinds/cron-job.ts'
import { customResourceDefinitionKind } from './kinds/custom-resource-definition.ts'
import { daemonSetKind } from './kinds/daemon-set.ts'
import { deploymentKind } from './kinds/deployment.ts'
import { endpointSliceKind } from './kinds/endpoint-slice.ts'
import { endpointsKind } from './kinds/endpoints.ts'
import { eventKind } from './kinds/event.ts'
import { ingressKind } from './kinds/ingress.ts'
import { ingressClassKind } from './kinds/ingress-class.ts'
import { ipAddressKind } from './kinds/ip-address.ts'
import { jobKind } from './kinds/job.ts'
import { leaseKind } from './kinds/lease.ts'
import { namedEventKind } from './kinds/named-event.ts'
import { namespaceKind } from './kinds/namespace.ts'
import { networkPolicyKind } from './kinds/network-policy.ts'
import { nodeKind } from './kinds/node.ts'
import { podKind } from './kinds/pod.ts'
import { podDisruptionBudgetKind } from './kinds/pod-disruption-budget.ts'
import { podTemplateKind } from './kinds/pod-template-kind.ts'
import { priorityClassKind } from './kinds/priority-class.ts'
import { replicaSetKind } from './kinds/replica-set.ts'
import { replicationControllerKind } from './kinds/replication-controller.ts'
import { roleKind } from './kinds/role.ts'
import { roleBindingKind } from './kinds/role-binding.ts'
import { runtimeClassKind } from './kinds/runtime-class.ts'
import { secretKind } from './kinds/secret.ts'
import { serviceKind } from './kinds/service.ts'
import { serviceAccountKind } from './kinds/service-account.ts'
import { serviceCidrKind } from './kinds/service-cidr.ts'
import { statefulSetKind } from './kinds/stateful-set.ts'
import type { KubeObject } from './types/meta.ts'

/** A kind whose objects' type does not matter to the one who holds it. */
export type AnyKind = KindDefinition<KubeObject>

/** Every kind that Fairlead serves. */
export const KINDS: readonly AnyKind[] = [
  namespaceKind,
  nodeKind,
  podKind,
  serviceKind,
  endpointsKind,
  configMapKind,
  secretKind,
  serviceAccountKind,
  eventKind,
  deploymentKind,
  replicaSetKind,
  statefulSetKind,
  endpointSliceKind,
  leaseKind,
  serviceCidrKind,
  ipAddressKind,
  replicationControllerKind,
  podTemplateKind,
  daemonSetKind,
  controllerRevisionKind,
  jobKind,
  cronJobKind,
  ingressKind,
  ingressClassKind,
  networkPolicyKind,
  podDisruptionBudgetKind,
  namedEventKind,
  customResourceDefinitionKind,
  roleKind,
  roleBindingKind,
  clusterRoleKind,
  clusterRoleBindingKind,
  priorityClassKind,
  runtimeClassKind,
]
