import type { User } from '../request.ts'

/** Service accounts of controllers whose role has another name than the controller says of itself in Events. */
const ACCOUNTS: Readonly<Record<string, string>> = {
  'daemonset-controller': 'daemon-set-controller',
  'endpoint-slice-controller': 'endpointslice-controller',
  'endpoint-slice-mirroring-controller': 'endpointslicemirroring-controller',
  'service-cidr-controller': 'service-cidrs-controller',
  cidrAllocator: 'node-controller',
  'taint-eviction-controller': 'node-controller',
}

/** Who a controller is: the service account that holds its role (`controller-roles.ts`); the scheduler is a user of its own. */
export function controllerUser(component: string): User {
  if (component === 'default-scheduler') return { name: 'system:kube-scheduler', groups: [] }
  const account = ACCOUNTS[component] ?? component
  return {
    name: `system:serviceaccount:kube-system:${account}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'],
  }
}
