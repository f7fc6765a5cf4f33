/** A role within a namespace, and who has it there. */
export interface NamespaceRole {
  readonly namespace: string
  readonly name: string
  /** In the notation of `rule-notation.ts`. */
  readonly rules: string
  /** Name of the binding, where it is not the role's. */
  readonly boundAs?: string
  /** As in `default-roles.ts`. */
  readonly subjects: readonly string[]
}

const EVENTS = 'create update patch | core events | events'

/** The roles that upstream puts into the namespaces of the system, whether or not somebody comes for them. */
export const NAMESPACE_ROLES: readonly NamespaceRole[] = [
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    rules: 'read | core | configmaps | extension-apiserver-authentication',
    boundAs: 'system::extension-apiserver-authentication-reader',
    subjects: ['User system:kube-controller-manager', 'User system:kube-scheduler'],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-controller-manager',
    rules: `
      watch | core | configmaps
      get update | core | configmaps | kube-controller-manager
      get watch list create update | coordination | leases`,
    subjects: [
      'User system:kube-controller-manager',
      'ServiceAccount kube-system/kube-controller-manager',
      'ServiceAccount kube-system/leader-election-controller',
    ],
  },
  {
    namespace: 'kube-system',
    name: 'system::leader-locking-kube-scheduler',
    rules: `
      watch | core | configmaps
      get update | core | configmaps | kube-scheduler`,
    subjects: ['User system:kube-scheduler', 'ServiceAccount kube-system/kube-scheduler'],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: 'read | core | secrets',
    subjects: ['ServiceAccount kube-system/bootstrap-signer'],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:cloud-provider',
    rules: 'create get list watch | core | configmaps',
    subjects: ['ServiceAccount kube-system/cloud-provider'],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: `get list watch delete | core | secrets\n${EVENTS}`,
    subjects: ['ServiceAccount kube-system/token-cleaner'],
  },
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: `read | core | configmaps\nupdate | core | configmaps | cluster-info\n${EVENTS}`,
    subjects: ['ServiceAccount kube-system/bootstrap-signer'],
  },
]
