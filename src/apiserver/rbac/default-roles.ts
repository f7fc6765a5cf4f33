/**
 * The cluster roles that every cluster has, as Kubernetes documents them ("Default roles and role bindings" of "Using
 * RBAC Authorization"), also for kinds that are not served here: whoever looks for a role by its name finds it; in the notation of `rule-notation.ts`.
 */
export const DEFAULT_ROLES: Readonly<Record<string, string>> = {
  'cluster-admin': `
    * | * | *
    * | *`,
  'system:discovery': `
    get | /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/`,
  'system:public-info-viewer': `
    get | /healthz /livez /readyz /version /version/`,
  'system:monitoring': `
    get | /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*`,
  'system:basic-user': `
    create | authorization | selfsubjectaccessreviews selfsubjectrulesreviews
    create | authentication | selfsubjectreviews`,
  'system:auth-delegator': `
    create | authentication | tokenreviews
    create | authorization | subjectaccessreviews`,
  'system:service-account-issuer-discovery': `
    get | /.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/`,
  'system:kubelet-api-admin': `
    read | core | nodes
    proxy | core | nodes
    * | core | nodes/log nodes/metrics nodes/proxy nodes/stats`,
  'system:node': `
    create | authentication | tokenreviews
    create | authorization | subjectaccessreviews localsubjectaccessreviews
    read | core | services
    create get list watch | core | nodes
    update patch | core | nodes nodes/status
    create patch update | core events | events
    read | core | pods
    create delete | core | pods
    update patch | core | pods/status
    create | core | pods/eviction
    get list watch | core | secrets configmaps
    get | core | endpoints
    create | core | serviceaccounts/token
    get | core | serviceaccounts
    get create update patch delete | coordination | leases
    get | core | persistentvolumeclaims persistentvolumes
    get update patch | core | persistentvolumeclaims/status
    create get list watch | certificates | certificatesigningrequests
    get | storage | volumeattachments
    read | storage | csidrivers
    get create update patch delete | storage | csinodes
    read | node | runtimeclasses
    read | claims | resourceslices
    get | claims | resourceclaims`,
  'system:node-bootstrapper': `
    create get list watch | certificates | certificatesigningrequests`,
  'system:node-problem-detector': `
    get | core | nodes
    patch | core | nodes/status
    create patch update | core events | events`,
  'system:heapster': `
    read | core | events namespaces nodes pods
    read | extensions | deployments`,
  'system:kube-aggregator': `
    read | core | endpoints services`,
  'system:persistent-volume-provisioner': `
    read create delete | core | persistentvolumes
    read update | core | persistentvolumeclaims
    read | storage | storageclasses
    watch | core | events
    create patch update | core events | events`,
  'system:volume-scheduler': `
    read patch update | core | persistentvolumes persistentvolumeclaims
    read | storage | storageclasses`,
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': `
    create | certificates | certificatesigningrequests/nodeclient`,
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': `
    create | certificates | certificatesigningrequests/selfnodeclient`,
  'system:certificates.k8s.io:kube-apiserver-client-approver': `
    approve | certificates | signers | kubernetes.io/kube-apiserver-client`,
  'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': `
    approve | certificates | signers | kubernetes.io/kube-apiserver-client-kubelet`,
  'system:certificates.k8s.io:kubelet-serving-approver': `
    approve | certificates | signers | kubernetes.io/kubelet-serving`,
  'system:certificates.k8s.io:legacy-unknown-approver': `
    approve | certificates | signers | kubernetes.io/legacy-unknown`,
  'system:node-proxier': `
    list watch | core | services endpoints
    read | core | nodes
    create patch update | core events | events
    list watch | discovery | endpointslices
    list watch | networking | servicecidrs`,
  'system:kube-dns': `
    list watch | core | endpoints services`,
  'system:coredns': `
    list watch | core | endpoints services pods namespaces
    list watch | discovery | endpointslices
    get list watch | core | nodes`,
  'system:kube-scheduler': `
    create patch update | core events | events
    create | coordination | leases
    get update | coordination | leases | kube-scheduler
    read | core | nodes namespaces
    read delete | core | pods
    create | core | bindings pods/binding
    patch update | core | pods/status
    read | core | replicationcontrollers services
    read | apps extensions | replicasets
    read | apps | statefulsets
    read | policy | poddisruptionbudgets
    read | scheduling.k8s.io | priorityclasses
    read | core | persistentvolumeclaims persistentvolumes
    read | storage | csinodes csidrivers csistoragecapacities volumeattachments
    create | authentication | tokenreviews
    create | authorization | subjectaccessreviews`,
  'system:kube-controller-manager': `
    create patch update | core events | events
    create | coordination | leases
    get update | coordination | leases | kube-controller-manager
    create update | core | secrets serviceaccounts
    delete | core | secrets
    get | core | configmaps namespaces secrets serviceaccounts
    create | core | serviceaccounts/token
    create | authentication | tokenreviews
    create | authorization | subjectaccessreviews
    list watch | * | *`,
  'system:cloud-controller-manager': `
    create patch update | core events | events
    read | core | services nodes pods endpoints configmaps secrets
    read | discovery | endpointslices
    patch update | core | services services/status nodes nodes/status pods/status
    delete | core | nodes
    create | core | serviceaccounts
    create get list watch update patch | coordination | leases`,
  'system:aggregate-to-view': `
    read | core | configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status
    read | core | bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status
    read | core | namespaces
    read | discovery | endpointslices
    read | apps | controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status
    read | autoscaling | horizontalpodautoscalers horizontalpodautoscalers/status
    read | batch | cronjobs cronjobs/status jobs jobs/status
    read | extensions | daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale
    read | policy | poddisruptionbudgets poddisruptionbudgets/status
    read | networking | ingresses ingresses/status networkpolicies`,
  'system:aggregate-to-edit': `
    read | core | pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy
    impersonate | core | serviceaccounts
    write | core | pods pods/attach pods/exec pods/portforward pods/proxy
    create | core | pods/eviction
    write | core | configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy
    create | core | serviceaccounts/token
    write | apps | daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale
    write | autoscaling | horizontalpodautoscalers
    write | batch | cronjobs jobs
    write | extensions | daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale
    write | policy | poddisruptionbudgets
    write | networking | ingresses networkpolicies
    read write | coordination | leases`,
  'system:aggregate-to-admin': `
    create | authorization | localsubjectaccessreviews
    read write | rbac | roles rolebindings`,
  'fairlead:pod-network': `
    read | core | nodes`,
}

/** Cluster roles made of others: each by the label that the others carry. */
export const AGGREGATED_ROLES: readonly string[] = ['admin', 'edit', 'view']

/** The label by which a cluster role is gathered into another. */
export function aggregationLabel(into: string): string {
  return `rbac.authorization.k8s.io/aggregate-to-${into}`
}

/** Into which aggregated role a role goes. */
export const AGGREGATED_INTO: Readonly<Record<string, string>> = {
  'system:aggregate-to-view': 'view',
  'system:aggregate-to-edit': 'edit',
  'system:aggregate-to-admin': 'admin',
  view: 'edit',
  edit: 'admin',
}

/** Who has which cluster role from the start: `Group x`, `User x`, `ServiceAccount namespace/x`. */
export const DEFAULT_BINDINGS: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': ['Group system:masters'],
  'system:discovery': ['Group system:authenticated'],
  'system:basic-user': ['Group system:authenticated'],
  'system:public-info-viewer': ['Group system:authenticated', 'Group system:unauthenticated'],
  'system:monitoring': ['Group system:monitoring'],
  'system:service-account-issuer-discovery': ['Group system:serviceaccounts'],
  // Nodes have these rules by node authorization, each for what concerns it alone.
  'system:node': [],
  'system:node-proxier': ['User system:kube-proxy'],
  'system:kube-dns': ['ServiceAccount kube-system/kube-dns'],
  'system:coredns': [
    'ServiceAccount kube-system/coredns',
    'ServiceAccount kube-system/kube-dns',
    'ServiceAccount kube-system/cluster-dns',
    'User system:kube-dns',
  ],
  'system:kube-scheduler': ['User system:kube-scheduler'],
  'system:volume-scheduler': ['User system:kube-scheduler'],
  'system:kube-controller-manager': ['User system:kube-controller-manager'],
  'system:cloud-controller-manager': ['User system:cloud-controller-manager'],
  // Each node's pod network leads to the pods of all others (upstream: the role of the network plug-in's own account).
  'fairlead:pod-network': ['Group system:nodes'],
}
