/**
 * What each controller needs, by the name that Kubernetes gives it; in the notation of `rule-notation.ts`. The cluster
 * role is `system:controller:NAME`, bound to the service account of that name in kube-system. Also for those that do not
 * run here: others may run them under these names.
 */
export const CONTROLLER_ROLES: Readonly<Record<string, string>> = {
  'attachdetach-controller': `
    list watch | core | persistentvolumes persistentvolumeclaims pods
    read | core | nodes
    patch update | core | nodes/status
    get create delete list watch | storage | volumeattachments
    read | storage | csidrivers csinodes`,
  'certificate-controller': `
    get list watch delete | certificates | certificatesigningrequests
    update | certificates | certificatesigningrequests/status certificatesigningrequests/approval
    approve | certificates | signers | kubernetes.io/kube-apiserver-client-kubelet
    sign | certificates | signers | kubernetes.io/legacy-unknown kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving
    create | authorization | subjectaccessreviews`,
  'clusterrole-aggregation-controller': `
    escalate get list watch update patch | rbac | clusterroles`,
  'crd-finalizer': `
    read | crd | customresourcedefinitions
    update patch | crd | customresourcedefinitions customresourcedefinitions/status
    list delete | * | *`,
  'cronjob-controller': `
    get list watch update patch | batch | cronjobs
    get list watch create update delete patch | batch | jobs
    update patch | batch | cronjobs/status
    update | batch | cronjobs/finalizers
    list watch delete | core | pods`,
  'daemon-set-controller': `
    get list watch patch update | apps | daemonsets
    update patch | apps | daemonsets/status
    update | apps | daemonsets/finalizers
    list watch | core | nodes
    get list watch create delete patch | core | pods
    create | core | pods/binding
    get list watch create delete update patch | apps | controllerrevisions`,
  'deployment-controller': `
    get list watch update patch | apps | deployments
    update patch | apps | deployments/status
    update | apps | deployments/finalizers
    get list watch create update patch delete | apps | replicasets
    get list watch update | core | pods`,
  'disruption-controller': `
    read | apps | deployments replicasets statefulsets
    read | core | replicationcontrollers
    read | policy | poddisruptionbudgets
    update patch | policy | poddisruptionbudgets/status
    list watch | core | pods
    patch update | core | pods/status
    get | * | */scale`,
  'endpoint-controller': `
    read | core | services pods
    get list watch create update patch delete | core | endpoints
    create | core | endpoints/restricted`,
  'endpointslice-controller': `
    read | core | services pods nodes
    update | core | services/finalizers
    get list watch create update patch delete | discovery | endpointslices`,
  'endpointslicemirroring-controller': `
    read | core | services endpoints
    update | core | services/finalizers endpoints/finalizers
    get list watch create update delete | discovery | endpointslices`,
  'ephemeral-volume-controller': `
    read | core | pods
    update | core | pods/finalizers
    get list watch create | core | persistentvolumeclaims`,
  'expand-controller': `
    get list watch update patch | core | persistentvolumes
    update patch | core | persistentvolumeclaims/status
    read | core | persistentvolumeclaims
    get | core | services`,
  'generic-garbage-collector': `
    get list watch patch update delete | * | *`,
  'horizontal-pod-autoscaler': `
    read | autoscaling | horizontalpodautoscalers
    update | autoscaling | horizontalpodautoscalers/status
    get update | * | */scale
    list watch | core | pods
    list watch | metrics.k8s.io | pods
    read | custom.metrics.k8s.io external.metrics.k8s.io | *`,
  'ipallocator-repair-controller': `
    get list watch create update patch delete | networking | ipaddresses
    read | core | services
    read | networking | servicecidrs`,
  'job-controller': `
    get list watch update patch | batch | jobs
    update patch | batch | jobs/status
    update | batch | jobs/finalizers
    get list watch create delete patch | core | pods`,
  'legacy-service-account-token-cleaner': `
    get | core | configmaps | kube-apiserver-legacy-service-account-token-tracking
    patch delete | core | secrets`,
  'namespace-controller': `
    get list watch delete | core | namespaces
    update patch | core | namespaces/finalize namespaces/status
    get list delete deletecollection | * | *`,
  'node-controller': `
    get list update delete patch watch | core | nodes
    patch update | core | nodes/status pods/status
    get list watch delete | core | pods
    get list watch | coordination | leases`,
  'persistent-volume-binder': `
    get list watch update create delete | core | persistentvolumes
    update | core | persistentvolumes/status persistentvolumeclaims/status
    get list watch update | core | persistentvolumeclaims
    list watch get create delete | core | pods
    read | storage | storageclasses
    list watch | core | nodes
    watch | core | events
    get | core | services`,
  'pod-garbage-collector': `
    get list watch delete | core | pods
    get list watch | core | nodes
    patch | core | pods/status`,
  'pv-protection-controller': `
    get list watch update | core | persistentvolumes`,
  'pvc-protection-controller': `
    get list watch update | core | persistentvolumeclaims
    read | core | pods`,
  'replicaset-controller': `
    get list watch update patch | apps | replicasets
    update patch | apps | replicasets/status
    update | apps | replicasets/finalizers
    get list watch create delete patch | core | pods`,
  'replication-controller': `
    get list watch update patch | core | replicationcontrollers
    update patch | core | replicationcontrollers/status
    update | core | replicationcontrollers/finalizers
    get list watch create delete patch | core | pods`,
  'resource-claim-controller': `
    read | core | pods
    update | core | pods/finalizers
    update patch | core | pods/status
    get list watch create delete update patch | claims | resourceclaims
    update patch | claims | resourceclaims/status`,
  'resourcequota-controller': `
    list watch | * | *
    update | core | resourcequotas/status`,
  'root-ca-cert-publisher': `
    create update patch | core | configmaps`,
  'route-controller': `
    list watch | core | nodes
    patch | core | nodes/status`,
  'selinux-warning-controller': `
    read | core | persistentvolumes persistentvolumeclaims pods
    read | storage | csidrivers`,
  'service-account-controller': `
    create | core | serviceaccounts`,
  'service-controller': `
    read | core | services
    patch update | core | services/status
    list watch | core | nodes`,
  'service-cidrs-controller': `
    get list watch patch update | networking | servicecidrs
    patch update | networking | servicecidrs/status servicecidrs/finalizers
    get list watch | networking | ipaddresses`,
  // Fairlead's own.
  'service-diagnosis-controller': `
    list watch | core | services pods
    patch | core | services/status
    list watch | discovery | endpointslices`,
  'statefulset-controller': `
    get list watch update patch | apps | statefulsets
    update patch | apps | statefulsets/status
    update | apps | statefulsets/finalizers
    get list watch create delete update patch | core | pods
    get list watch create delete update patch | apps | controllerrevisions
    get list watch create update delete | core | persistentvolumeclaims
    update | core | pods/finalizers`,
  'ttl-after-finished-controller': `
    get list watch delete | batch | jobs`,
  'ttl-controller': `
    update patch list watch | core | nodes`,
  'validatingadmissionpolicy-status-controller': `
    read | admission | validatingadmissionpolicies
    get patch update | admission | validatingadmissionpolicies/status`,
  'volumeattributesclass-protection-controller': `
    read | core | persistentvolumeclaims persistentvolumes
    get list watch update | storage | volumeattributesclasses`,
}

/** Controllers that do the work of another one too. */
export const ALSO_BOUND: Readonly<Record<string, readonly string[]>> = {
  'root-ca-cert-publisher': ['service-account-controller'],
  'ttl-after-finished-controller': ['job-controller'],
}
