/** Messages of the named groups; see `schema.ts` for the notation. */
export const GROUP_MESSAGES = `
Deployment: metadata ObjectMeta 1, spec DeploymentSpec 2, status DeploymentStatus 3
DeploymentSpec: replicas int32 1, selector LabelSelector 2, template PodTemplateSpec 3, strategy DeploymentStrategy 4,
  minReadySeconds int32~ 5, revisionHistoryLimit int32 6, paused bool~ 7, progressDeadlineSeconds int32 9
DeploymentStrategy: type string 1, rollingUpdate RollingUpdateDeployment 2
RollingUpdateDeployment: maxUnavailable intOrString 1, maxSurge intOrString 2
DeploymentStatus: observedGeneration int64~ 1, replicas int32~ 2, updatedReplicas int32~ 3, availableReplicas int32~ 4,
  unavailableReplicas int32~ 5, conditions DeploymentCondition[] 6, readyReplicas int32~ 7, collisionCount int32 8,
  terminatingReplicas int32 9
DeploymentCondition: type string 1, status string 2, reason string 4, message string 5, lastUpdateTime time 6,
  lastTransitionTime time 7
ReplicaSet: metadata ObjectMeta 1, spec ReplicaSetSpec 2, status ReplicaSetStatus 3
ReplicaSetSpec: replicas int32 1, selector LabelSelector 2, template PodTemplateSpec 3, minReadySeconds int32~ 4
ReplicaSetStatus: replicas int32 1, fullyLabeledReplicas int32~ 2, observedGeneration int64~ 3, readyReplicas int32~ 4,
  availableReplicas int32~ 5, conditions WorkloadCondition[] 6, terminatingReplicas int32 7
WorkloadCondition: type string 1, status string 2, lastTransitionTime time 3, reason string 4, message string 5
StatefulSet: metadata ObjectMeta 1, spec StatefulSetSpec 2, status StatefulSetStatus 3
StatefulSetSpec: replicas int32 1, selector LabelSelector 2, template PodTemplateSpec 3,
  volumeClaimTemplates PersistentVolumeClaim[] 4,
  serviceName string 5, podManagementPolicy string 6, updateStrategy StatefulSetUpdateStrategy 7,
  revisionHistoryLimit int32 8, minReadySeconds int32~ 9,
  persistentVolumeClaimRetentionPolicy StatefulSetPersistentVolumeClaimRetentionPolicy 10,
  ordinals StatefulSetOrdinals 11
StatefulSetUpdateStrategy: type string 1, rollingUpdate RollingUpdateStatefulSetStrategy 2
RollingUpdateStatefulSetStrategy: partition int32 1, maxUnavailable intOrString 2
StatefulSetPersistentVolumeClaimRetentionPolicy: whenDeleted string 1, whenScaled string 2
StatefulSetOrdinals: start int32 1
StatefulSetStatus: observedGeneration int64~ 1, replicas int32 2, readyReplicas int32~ 3, currentReplicas int32~ 4,
  updatedReplicas int32~ 5, currentRevision string 6, updateRevision string 7, collisionCount int32 9,
  conditions WorkloadCondition[] 10, availableReplicas int32 11
EndpointSlice: metadata ObjectMeta 1, endpoints Endpoint[] 2, ports EndpointSlicePort[] 3, addressType string 4
Endpoint: addresses string[] 1, conditions EndpointConditions 2, hostname string 3, targetRef ObjectReference 4,
  deprecatedTopology {string} 5, nodeName string 6, zone string 7, hints EndpointHints 8
EndpointConditions: ready bool 1, serving bool 2, terminating bool 3
EndpointHints: forZones ForName[] 1, forNodes ForName[] 2
ForName: name string 1
EndpointSlicePort: name string 1, protocol string 2, port int32 3, appProtocol string 4
Lease: metadata ObjectMeta 1, spec LeaseSpec 2
LeaseSpec: holderIdentity string 1, leaseDurationSeconds int32 2, acquireTime microTime 3, renewTime microTime 4,
  leaseTransitions int32 5, strategy string 6, preferredHolder string 7
ServiceCIDR: metadata ObjectMeta 1, spec ServiceCIDRSpec 2, status ServiceCIDRStatus 3
ServiceCIDRSpec: cidrs string[] 1
ServiceCIDRStatus: conditions Condition[] 1
IPAddress: metadata ObjectMeta 1, spec IPAddressSpec 2
IPAddressSpec: parentRef ParentReference 1
ParentReference: group string 1, resource string 2, namespace string 3, name string 4
Eviction: metadata ObjectMeta 1, deleteOptions DeleteOptions 2
SelfSubjectAccessReview: metadata ObjectMeta 1, spec SelfSubjectAccessReviewSpec 2,
  status SubjectAccessReviewStatus 3
SubjectAccessReviewStatus: allowed bool 1, reason string 2, evaluationError string 3, denied bool 4
SelfSubjectAccessReviewSpec: resourceAttributes ResourceAttributes 1, nonResourceAttributes NonResourceAttributes 2
ResourceAttributes: namespace string 1, verb string 2, group string 3, version string 4, resource string 5,
  subresource string 6, name string 7, fieldSelector FieldSelectorAttributes 8,
  labelSelector LabelSelectorAttributes 9
NonResourceAttributes: path string 1, verb string 2
SelfSubjectRulesReview: metadata ObjectMeta 1, spec SelfSubjectRulesReviewSpec 2, status SubjectRulesReviewStatus 3
SelfSubjectRulesReviewSpec: namespace string 1
SubjectRulesReviewStatus: resourceRules ResourceRule[] 1, nonResourceRules NonResourceRule[] 2, incomplete bool 3,
  evaluationError string 4
SelfSubjectReview: metadata ObjectMeta 1, status SelfSubjectReviewStatus 2
SelfSubjectReviewStatus: userInfo UserInfo 1
UserInfo: username string 1, uid string 2, groups string[] 3, extra {strings} 4
TokenRequest: metadata ObjectMeta 1, spec TokenRequestSpec 2, status TokenRequestStatus 3
TokenRequestStatus: token string 1, expirationTimestamp time 2
TokenRequestSpec: audiences string[] 1, boundObjectRef BoundObjectReference 3, expirationSeconds int64 4
BoundObjectReference: kind string 1, apiVersion string 2, name string 3, uid string 4
TokenReview: metadata ObjectMeta 1, spec TokenReviewSpec 2, status TokenReviewStatus 3
TokenReviewStatus: authenticated bool 1, user UserInfo 2, error string 3, audiences string[] 4
TokenReviewSpec: token string 1, audiences string[] 2
SubjectAccessReview: metadata ObjectMeta 1, spec SubjectAccessReviewSpec 2, status SubjectAccessReviewStatus 3
LocalSubjectAccessReview: metadata ObjectMeta 1, spec SubjectAccessReviewSpec 2, status SubjectAccessReviewStatus 3
SubjectAccessReviewSpec: resourceAttributes ResourceAttributes 1, nonResourceAttributes NonResourceAttributes 2,
  user string 3, groups string[] 4, extra {strings} 5, uid string 6
Role: metadata ObjectMeta 1, rules PolicyRule[] 2
RoleBinding: metadata ObjectMeta 1, subjects Subject[] 2, roleRef RoleRef 3
ClusterRole: metadata ObjectMeta 1, rules PolicyRule[] 2, aggregationRule AggregationRule 3
ClusterRoleBinding: metadata ObjectMeta 1, subjects Subject[] 2, roleRef RoleRef 3
PolicyRule: verbs string[] 1, apiGroups string[] 2, resources string[] 3, resourceNames string[] 4,
  nonResourceURLs string[] 5
AggregationRule: clusterRoleSelectors LabelSelector[] 1
Subject: kind string 1, apiGroup string 2, name string 3, namespace string 4
RoleRef: apiGroup string 1, kind string 2, name string 3
Scale: metadata ObjectMeta 1, spec ScaleSpec 2, status ScaleStatus 3
ScaleSpec: replicas int32~ 1
ScaleStatus: replicas int32 1, selector string 2
FieldSelectorAttributes: rawSelector string 1, requirements FieldSelectorRequirement[] 2
LabelSelectorAttributes: rawSelector string 1, requirements LabelSelectorRequirement[] 2
ResourceRule: verbs string[] 1, apiGroups string[] 2, resources string[] 3, resourceNames string[] 4
NonResourceRule: verbs string[] 1, nonResourceURLs string[] 2
PodFailurePolicy: rules PodFailurePolicyRule[] 1
PodFailurePolicyRule: action string 1, onExitCodes PodFailurePolicyOnExitCodesRequirement 2,
  onPodConditions PodFailurePolicyOnPodConditionsPattern[] 3
PodFailurePolicyOnExitCodesRequirement: containerName string 1, operator string 2, values int32[] 3
PodFailurePolicyOnPodConditionsPattern: type string 1, status string 2
SuccessPolicy: rules SuccessPolicyRule[] 1
SuccessPolicyRule: succeededIndexes string 1, succeededCount int32 2
`
