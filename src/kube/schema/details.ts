/** Messages of rare parts of pods, nodes and claims; see `schema.ts` for the notation. */
export const DETAIL_MESSAGES = `
PersistentVolumeClaim: apiVersion string 0, kind string 0, metadata ObjectMeta 1, spec PersistentVolumeClaimSpec 2,
  status PersistentVolumeClaimStatus 3
PersistentVolumeClaimSpec: accessModes string[] 1, selector LabelSelector 4, resources VolumeResourceRequirements 2,
  volumeName string 3, storageClassName string 5, volumeMode string 6, dataSource TypedObjectReference 7,
  dataSourceRef NamespacedTypedReference 8, volumeAttributesClassName string 9
VolumeResourceRequirements: limits {quantity} 1, requests {quantity} 2
PersistentVolumeClaimStatus: phase string 1, accessModes string[] 2, capacity {quantity} 3,
  conditions PersistentVolumeClaimCondition[] 4, allocatedResources {quantity} 5,
  allocatedResourceStatuses {string} 7, currentVolumeAttributesClassName string 8,
  modifyVolumeStatus ModifyVolumeStatus 9, healthStatus VolumeHealthStatus 10
PersistentVolumeClaimCondition: type string 1, status string 2, lastProbeTime time 3, lastTransitionTime time 4,
  reason string 5, message string 6
ModifyVolumeStatus: targetVolumeAttributesClassName string 1, status string 2
VolumeHealthStatus: healthConditions VolumeHealthCondition[] 1, lastTransitionTime time 2
VolumeHealthCondition: status string 1, reason string 2, message string 3
NodeConfigSource: configMap ConfigMapNodeConfigSource 2
ConfigMapNodeConfigSource: namespace string 1, name string 2, uid string 3, resourceVersion string 4,
  kubeletConfigKey string 5
NodeConfigStatus: assigned NodeConfigSource 1, active NodeConfigSource 2, lastKnownGood NodeConfigSource 3,
  error string 4
PodSchedulingGroup: podGroupName string 1
ContainerRestartRule: action string 1, exitCodes ContainerRestartRuleOnExitCodes 2
ContainerRestartRuleOnExitCodes: operator string 1, values int32[] 2
FileKeySelector: volumeName string 1, path string 2, key string 3, optional bool 4
WindowsSecurityContextOptions: gmsaCredentialSpecName string 1, gmsaCredentialSpec string 2, runAsUserName string 3,
  hostProcess bool 4
GCEPersistentDiskVolumeSource: pdName string 1, fsType string 2, partition int32~ 3, readOnly bool~ 4
AWSElasticBlockStoreVolumeSource: volumeID string 1, fsType string 2, partition int32~ 3, readOnly bool~ 4
GitRepoVolumeSource: repository string 1, revision string 2, directory string 3
ISCSIVolumeSource: targetPortal string 1, iqn string 2, lun int32 3, iscsiInterface string 4, fsType string 5,
  readOnly bool~ 6, portals string[] 7, chapAuthDiscovery bool~ 8, chapAuthSession bool~ 11,
  secretRef LocalObjectReference 10, initiatorName string 12
GlusterfsVolumeSource: endpoints string 1, path string 2, readOnly bool~ 3
RBDVolumeSource: monitors string[] 1, image string 2, fsType string 3, pool string 4, user string 5, keyring string 6,
  secretRef LocalObjectReference 7, readOnly bool~ 8
FlexVolumeSource: driver string 1, fsType string 2, secretRef LocalObjectReference 3, readOnly bool~ 4,
  options {string} 5
CinderVolumeSource: volumeID string 1, fsType string 2, readOnly bool~ 3, secretRef LocalObjectReference 4
CephFSVolumeSource: monitors string[] 1, path string 2, user string 3, secretFile string 4,
  secretRef LocalObjectReference 5, readOnly bool~ 6
FlockerVolumeSource: datasetName string 1, datasetUUID string 2
FCVolumeSource: targetWWNs string[] 1, lun int32 2, fsType string 3, readOnly bool~ 4, wwids string[] 5
AzureFileVolumeSource: secretName string 1, shareName string 2, readOnly bool~ 3
VsphereVirtualDiskVolumeSource: volumePath string 1, fsType string 2, storagePolicyName string 3,
  storagePolicyID string 4
QuobyteVolumeSource: registry string 1, volume string 2, readOnly bool~ 3, user string 4, group string 5,
  tenant string 6
AzureDiskVolumeSource: diskName string 1, diskURI string 2, cachingMode string 3, fsType string 4, readOnly bool 5,
  kind string 6
PhotonPersistentDiskVolumeSource: pdID string 1, fsType string 2
PortworxVolumeSource: volumeID string 1, fsType string 2, readOnly bool~ 3
ScaleIOVolumeSource: gateway string 1, system string 2, secretRef LocalObjectReference 3, sslEnabled bool~ 4,
  protectionDomain string 5, storagePool string 6, storageMode string 7, volumeName string 8, fsType string 9,
  readOnly bool~ 10
StorageOSVolumeSource: volumeName string 1, volumeNamespace string 2, fsType string 3, readOnly bool~ 4,
  secretRef LocalObjectReference 5
CSIVolumeSource: driver string 1, readOnly bool 2, fsType string 3, volumeAttributes {string} 4,
  nodePublishSecretRef LocalObjectReference 5
EphemeralVolumeSource: volumeClaimTemplate PersistentVolumeClaimTemplate 1
PersistentVolumeClaimTemplate: metadata ObjectMeta 1, spec PersistentVolumeClaimSpec 2
ImageVolumeSource: reference string 1, pullPolicy string 2
ClusterTrustBundleProjection: name string 1, signerName string 2, labelSelector LabelSelector 3, optional bool 5,
  path string 4, user int64 6
PodCertificateProjection: signerName string 1, keyType string 2, maxExpirationSeconds int32 3,
  credentialBundlePath string 4, keyPath string 5, certificateChainPath string 6, userAnnotations {string} 7,
  user int64 8
PodResourceClaimStatus: name string 1, resourceClaimName string 2
PodExtendedResourceClaimStatus: requestMappings ContainerExtendedResourceRequest[] 1, resourceClaimName string 2
ContainerExtendedResourceRequest: containerName string 1, resourceName string 2, requestName string 3
ContainerUser: linux LinuxContainerUser 1
LinuxContainerUser: uid int64 1, gid int64 2, supplementalGroups int64[] 3
ResourceStatus: name string 1, resources ResourceHealth[] 2
ResourceHealth: resourceID string 1, health string 2, message string 6
NodePodPreemptionPolicy: disableResizePreemption string[] 1
NamespacedTypedReference: apiGroup string 1, kind string 2, name string 3, namespace string 4
`
