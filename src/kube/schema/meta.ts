/** Messages of meta/v1; see `schema.ts` for the notation. */
export const META_MESSAGES = `
ObjectMeta: name string 1, generateName string 2, namespace string 3, selfLink string 4, uid string 5,
  resourceVersion string 6, generation int64~ 7, creationTimestamp time 8, deletionTimestamp time 9,
  deletionGracePeriodSeconds int64 10, labels {string} 11, annotations {string} 12, ownerReferences OwnerReference[] 13,
  finalizers string[] 14, managedFields ManagedFieldsEntry[] 17
OwnerReference: kind string 1, name string 3, uid string 4, apiVersion string 5, controller bool 6,
  blockOwnerDeletion bool 7
ManagedFieldsEntry: manager string 1, operation string 2, apiVersion string 3, time time 4, fieldsType string 6,
  fieldsV1 raw 7, subresource string 8
LabelSelector: matchLabels {string} 1, matchExpressions LabelSelectorRequirement[] 2
LabelSelectorRequirement: key string 1, operator string 2, values string[] 3
FieldSelectorRequirement: key string 1, operator string 2, values string[] 3
DeleteOptions: gracePeriodSeconds int64 1, preconditions Preconditions 2, orphanDependents bool 3,
  propagationPolicy string 4, dryRun string[] 5, ignoreStoreReadErrorWithClusterBreakingPotential bool 6
Preconditions: uid string 1, resourceVersion string 2
Condition: type string 1, status string 2, observedGeneration int64~ 3, lastTransitionTime time 4, reason string 5,
  message string 6
ListMeta: selfLink string 1, resourceVersion string 2, continue string 3, remainingItemCount int64 4,
  shardInfo ShardInfo 5
ShardInfo: selector string 1
Status: metadata ListMeta 1, status string 2, message string 3, reason string 4, details StatusDetails 5,
  code int32~ 6
StatusDetails: name string 1, group string 2, kind string 3, uid string 6, causes StatusCause[] 4,
  retryAfterSeconds int32~ 5
StatusCause: reason string 1, message string 2, field string 3
PartialObjectMetadata: metadata ObjectMeta 1
APIVersions: versions string[] 1, serverAddressByClientCIDRs ServerAddressByClientCIDR[] 2
APIGroupList: groups APIGroup[] 1
APIGroup: name string 1, versions GroupVersionForDiscovery[] 2, preferredVersion GroupVersionForDiscovery 3,
  serverAddressByClientCIDRs ServerAddressByClientCIDR[] 4
GroupVersionForDiscovery: groupVersion string 1, version string 2
ServerAddressByClientCIDR: clientCIDR string 1, serverAddress string 2
APIResourceList: groupVersion string 1, resources APIResource[] 2
APIResource: name string 1, singularName string 6, namespaced bool 2, group string 8, version string 9, kind string 3,
  verbs strings 4, shortNames string[] 5, categories string[] 7, storageVersionHash string 10
`
