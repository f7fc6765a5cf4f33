/** Messages of workloads that run to an end or on every node, of networking and of policy; see `schema.ts` for the notation. */
export const WORKLOAD_MESSAGES = `
DaemonSet: metadata ObjectMeta 1, spec DaemonSetSpec 2, status DaemonSetStatus 3
DaemonSetSpec: selector LabelSelector 1, template PodTemplateSpec 2, updateStrategy DaemonSetUpdateStrategy 3,
  minReadySeconds int32~ 4, revisionHistoryLimit int32 6
DaemonSetUpdateStrategy: type string 1, rollingUpdate RollingUpdateDaemonSet 2
RollingUpdateDaemonSet: maxUnavailable intOrString 1, maxSurge intOrString 2
DaemonSetStatus: currentNumberScheduled int32 1, numberMisscheduled int32 2, desiredNumberScheduled int32 3,
  numberReady int32 4, observedGeneration int64~ 5, updatedNumberScheduled int32~ 6, numberAvailable int32~ 7,
  numberUnavailable int32~ 8, collisionCount int32 9, conditions WorkloadCondition[] 10
ControllerRevision: metadata ObjectMeta 1, data raw 2, revision int64 3
ReplicationController: metadata ObjectMeta 1, spec ReplicationControllerSpec 2, status ReplicationControllerStatus 3
ReplicationControllerSpec: replicas int32 1, selector {string} 2, template PodTemplateSpec 3, minReadySeconds int32~ 4
ReplicationControllerStatus: replicas int32 1, fullyLabeledReplicas int32~ 2, observedGeneration int64~ 3,
  readyReplicas int32~ 4, availableReplicas int32~ 5, conditions WorkloadCondition[] 6
PodTemplate: metadata ObjectMeta 1, template PodTemplateSpec 2
Job: metadata ObjectMeta 1, spec JobSpec 2, status JobStatus 3
JobSpec: parallelism int32 1, completions int32 2, activeDeadlineSeconds int64 3, selector LabelSelector 4,
  manualSelector bool 5, template PodTemplateSpec 6, backoffLimit int32 7, ttlSecondsAfterFinished int32 8,
  completionMode string 9, suspend bool 10, podFailurePolicy PodFailurePolicy 11, backoffLimitPerIndex int32 12,
  maxFailedIndexes int32 13, podReplacementPolicy string 14, managedBy string 15, successPolicy SuccessPolicy 16
JobStatus: conditions JobCondition[] 1, startTime time 2, completionTime time 3, active int32~ 4, succeeded int32~ 5,
  failed int32~ 6, completedIndexes string 7, uncountedTerminatedPods UncountedTerminatedPods 8, ready int32 9,
  failedIndexes string 10, terminating int32 11
JobCondition: type string 1, status string 2, lastProbeTime time 3, lastTransitionTime time 4, reason string 5,
  message string 6
UncountedTerminatedPods: succeeded string[] 1, failed string[] 2
CronJob: metadata ObjectMeta 1, spec CronJobSpec 2, status CronJobStatus 3
CronJobSpec: schedule string 1, startingDeadlineSeconds int64 2, concurrencyPolicy string 3, suspend bool 4,
  jobTemplate JobTemplateSpec 5, successfulJobsHistoryLimit int32 6, failedJobsHistoryLimit int32 7, timeZone string 8
JobTemplateSpec: metadata ObjectMeta 1, spec JobSpec 2
CronJobStatus: active ObjectReference[] 1, lastScheduleTime time 4, lastSuccessfulTime time 5
Ingress: metadata ObjectMeta 1, spec IngressSpec 2, status IngressStatus 3
IngressSpec: defaultBackend IngressBackend 1, tls IngressTLS[] 2, rules IngressRule[] 3, ingressClassName string 4
IngressBackend: resource TypedObjectReference 3, service IngressServiceBackend 4
TypedObjectReference: apiGroup string 1, kind string 2, name string 3
IngressServiceBackend: name string 1, port ServiceBackendPort 2
ServiceBackendPort: name string 1, number int32~ 2
IngressTLS: hosts string[] 1, secretName string 2
IngressRule: host string 1, ...IngressRuleValue 2
IngressRuleValue: http HTTPIngressRuleValue 1
HTTPIngressRuleValue: paths HTTPIngressPath[] 1
HTTPIngressPath: path string 1, backend IngressBackend 2, pathType string 3
IngressStatus: loadBalancer IngressLoadBalancerStatus 1
IngressLoadBalancerStatus: ingress IngressLoadBalancerIngress[] 1
IngressLoadBalancerIngress: ip string 1, hostname string 2, ports IngressPortStatus[] 4
IngressPortStatus: port int32 1, protocol string 2, error string 3
IngressClass: metadata ObjectMeta 1, spec IngressClassSpec 2
IngressClassSpec: controller string 1, parameters IngressClassParametersReference 2
IngressClassParametersReference: apiGroup string 1, kind string 2, name string 3, scope string 4, namespace string 5
NetworkPolicy: metadata ObjectMeta 1, spec NetworkPolicySpec 2
NetworkPolicySpec: podSelector LabelSelector 1, ingress NetworkPolicyIngressRule[] 2,
  egress NetworkPolicyEgressRule[] 3,
  policyTypes string[] 4
NetworkPolicyIngressRule: ports NetworkPolicyPort[] 1, from NetworkPolicyPeer[] 2
NetworkPolicyEgressRule: ports NetworkPolicyPort[] 1, to NetworkPolicyPeer[] 2
NetworkPolicyPort: protocol string 1, port intOrString 2, endPort int32 3
NetworkPolicyPeer: podSelector LabelSelector 1, namespaceSelector LabelSelector 2, ipBlock IPBlock 3
IPBlock: cidr string 1, except string[] 2
PodDisruptionBudget: metadata ObjectMeta 1, spec PodDisruptionBudgetSpec 2, status PodDisruptionBudgetStatus 3
PodDisruptionBudgetSpec: minAvailable intOrString 1, selector LabelSelector 2, maxUnavailable intOrString 3,
  unhealthyPodEvictionPolicy string 4
PodDisruptionBudgetStatus: observedGeneration int64~ 1, disruptedPods {time} 2, disruptionsAllowed int32 3,
  currentHealthy int32 4, desiredHealthy int32 5, expectedPods int32 6, conditions Condition[] 7
PriorityClass: metadata ObjectMeta 1, value int32 2, globalDefault bool~ 3, description string 4,
  preemptionPolicy string 5
RuntimeClass: metadata ObjectMeta 1, handler string 2, overhead Overhead 3, scheduling Scheduling 4
Overhead: podFixed {quantity} 1
Scheduling: nodeSelector {string} 1, tolerations Toleration[] 2
NamedEvent: metadata ObjectMeta 1, eventTime microTime 2, series EventSeries 3, reportingController string 4,
  reportingInstance string 5, action string 6, reason string 7, regarding ObjectReference 8, related ObjectReference 9,
  note string 10, type string 11, deprecatedSource EventSource 12, deprecatedFirstTimestamp time 13,
  deprecatedLastTimestamp time 14, deprecatedCount int32~ 15
CustomResourceDefinition: metadata ObjectMeta 1, spec CustomResourceDefinitionSpec 2,
  status CustomResourceDefinitionStatus 3
CustomResourceDefinitionSpec: group string 1, names CustomResourceDefinitionNames 3, scope string 4,
  versions CustomResourceDefinitionVersion[] 7, conversion CustomResourceConversion 9, preserveUnknownFields bool~ 10
CustomResourceDefinitionNames: plural string 1, singular string 2, shortNames string[] 3, kind string 4,
  listKind string 5, categories string[] 6
CustomResourceDefinitionVersion: name string 1, served bool 2, storage bool 3, schema CustomResourceValidation 4,
  subresources CustomResourceSubresources 5, additionalPrinterColumns CustomResourceColumnDefinition[] 6,
  deprecated bool~ 7, deprecationWarning string 8, selectableFields SelectableField[] 9
CustomResourceValidation: openAPIV3Schema JSONSchemaProps 1
CustomResourceSubresources: status CustomResourceSubresourceStatus 1, scale CustomResourceSubresourceScale 2
CustomResourceSubresourceStatus:
CustomResourceSubresourceScale: specReplicasPath string 1, statusReplicasPath string 2, labelSelectorPath string 3
CustomResourceColumnDefinition: name string 1, type string 2, format string 3, description string 4, priority int32~ 5,
  jsonPath string 6
SelectableField: jsonPath string 1
CustomResourceConversion: strategy string 1, webhook WebhookConversion 2
CustomResourceDefinitionStatus: conditions Condition[] 1, acceptedNames CustomResourceDefinitionNames 2,
  storedVersions string[] 3, observedGeneration int64~ 4
JSONSchemaProps: id string 1, $schema string 2, $ref string 3, description string 4, type string 5, format string 6,
  title string 7, default raw 8, maximum double 9, exclusiveMaximum bool 10, minimum double 11,
  exclusiveMinimum bool 12,
  maxLength int64 13, minLength int64 14, pattern string 15, maxItems int64 16, minItems int64 17, uniqueItems bool 18,
  multipleOf double 19, enum raw[] 20, maxProperties int64 21, minProperties int64 22, required string[] 23,
  items schemaOrArray 24,
  allOf JSONSchemaProps[] 25, oneOf JSONSchemaProps[] 26, anyOf JSONSchemaProps[] 27, not JSONSchemaProps 28,
  properties {JSONSchemaProps} 29, additionalProperties schemaOrBool 30, patternProperties {JSONSchemaProps} 31,
  dependencies {schemaOrStrings} 32, additionalItems schemaOrBool 33, definitions {JSONSchemaProps} 34,
  externalDocs ExternalDocumentation 35, example raw 36,
  nullable bool 37, x-kubernetes-preserve-unknown-fields bool 38, x-kubernetes-embedded-resource bool 39,
  x-kubernetes-int-or-string bool 40, x-kubernetes-list-map-keys string[] 41, x-kubernetes-list-type string 42,
  x-kubernetes-map-type string 43, x-kubernetes-validations ValidationRule[] 44
ExternalDocumentation: description string 1, url string 2
ValidationRule: rule string 1, message string 2, messageExpression string 3, reason string 4, fieldPath string 5,
  optionalOldSelf bool 6
WebhookConversion: clientConfig WebhookClientConfig 2, conversionReviewVersions string[] 3
WebhookClientConfig: service WebhookServiceReference 1, caBundle bytes 2, url string 3
WebhookServiceReference: namespace string 1, name string 2, path string 3, port int32 4
`
