import type { User } from './request.ts'

/** What may be done to which resources, as in RBAC. `'*'` stands for all. */
export interface Rule {
  readonly verbs: readonly string[]
  readonly groups: readonly string[]
  /** Plural names, with `/subresource` where one is meant. */
  readonly resources: readonly string[]
  readonly namespace?: string
  /** Only the object that has the name of the node that asks. */
  readonly own?: boolean
}

const READ = ['get', 'list', 'watch']
const WRITE = ['create', 'update', 'patch', 'delete']
const CHANGE = ['update', 'patch']

const recordEvents: Rule = {
  verbs: ['create', 'patch', 'update'],
  groups: ['', 'events.k8s.io'],
  resources: ['events'],
}

const proxyRules: readonly Rule[] = [
  { verbs: READ, groups: [''], resources: ['services', 'endpoints', 'nodes'] },
  { verbs: READ, groups: ['discovery.k8s.io'], resources: ['endpointslices'] },
  { verbs: READ, groups: ['networking.k8s.io'], resources: ['servicecidrs'] },
  recordEvents,
]

const nodeRules: readonly Rule[] = [
  ...proxyRules,
  { verbs: READ, groups: [''], resources: ['pods', 'configmaps', 'secrets', 'serviceaccounts', 'namespaces'] },
  { verbs: ['create'], groups: [''], resources: ['nodes', 'serviceaccounts/token'] },
  { verbs: CHANGE, groups: [''], resources: ['nodes', 'nodes/status'], own: true },
  { verbs: [...CHANGE, 'get'], groups: [''], resources: ['pods/status'] },
  { verbs: ['create', 'delete'], groups: [''], resources: ['pods'] },
  { verbs: [...READ, ...WRITE], groups: ['coordination.k8s.io'], resources: ['leases'], own: true },
]

const leaderRules: readonly Rule[] = [
  { verbs: [...READ, ...WRITE], groups: ['coordination.k8s.io'], resources: ['leases'], namespace: 'kube-system' },
  recordEvents,
]

const schedulerRules: readonly Rule[] = [
  ...leaderRules,
  { verbs: READ, groups: [''], resources: ['nodes', 'pods', 'namespaces', 'services'] },
  { verbs: ['create'], groups: [''], resources: ['pods/binding', 'bindings'] },
  { verbs: [...CHANGE, 'get'], groups: [''], resources: ['pods/status'] },
  { verbs: ['delete'], groups: [''], resources: ['pods'] },
  { verbs: READ, groups: ['apps'], resources: ['replicasets', 'statefulsets'] },
]

/** The controllers make and clear away objects of every kind, as the garbage collector must. */
const controllerRules: readonly Rule[] = [{ verbs: ['*'], groups: ['*'], resources: ['*'] }]

const cloudRules: readonly Rule[] = [
  ...leaderRules,
  {
    verbs: READ,
    groups: ['', 'discovery.k8s.io'],
    resources: ['services', 'nodes', 'pods', 'endpoints', 'endpointslices', 'configmaps', 'secrets'],
  },
  { verbs: CHANGE, groups: [''], resources: ['services', 'services/status', 'nodes', 'nodes/status', 'pods/status'] },
  { verbs: ['delete'], groups: [''], resources: ['nodes'] },
]

const dnsRules: readonly Rule[] = [
  { verbs: READ, groups: [''], resources: ['services', 'pods', 'namespaces', 'nodes', 'endpoints'] },
  { verbs: READ, groups: ['discovery.k8s.io'], resources: ['endpointslices'] },
]

const RULES: Readonly<Record<string, readonly Rule[]>> = {
  'system:nodes': nodeRules,
  'system:kube-proxy': proxyRules,
  'system:kube-scheduler': schedulerRules,
  'system:kube-controller-manager': controllerRules,
  'system:cloud-controller-manager': cloudRules,
  'system:kube-dns': dnsRules,
  'system:serviceaccount:kube-system:kube-dns': dnsRules,
  'system:serviceaccount:kube-system:cluster-dns': dnsRules,
}

/** The rules that hold for a user by its name and its groups. */
export function componentRules(user: User): readonly Rule[] {
  return [user.name, ...user.groups].flatMap((subject) => (Object.hasOwn(RULES, subject) ? (RULES[subject] ?? []) : []))
}
