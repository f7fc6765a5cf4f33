/** Messages of core/v1 that make up a pod; see `schema.ts` for the notation. */
export const POD_MESSAGES = `
Pod: metadata ObjectMeta 1, spec PodSpec 2, status PodStatus 3
PodTemplateSpec: metadata ObjectMeta 1, spec PodSpec 2
PodSpec: volumes Volume[] 1, containers Container[] 2, restartPolicy string 3, terminationGracePeriodSeconds int64 4,
  activeDeadlineSeconds int64 5, dnsPolicy string 6, nodeSelector {string} 7, serviceAccountName string 8,
  serviceAccount string 9, nodeName string 10, hostNetwork bool~ 11, hostPID bool~ 12, hostIPC bool~ 13,
  securityContext PodSecurityContext 14, imagePullSecrets LocalObjectReference[] 15, hostname string 16,
  subdomain string 17, affinity Affinity 18, schedulerName string 19, initContainers Container[] 20,
  automountServiceAccountToken bool 21, tolerations Toleration[] 22, hostAliases HostAlias[] 23,
  priorityClassName string 24, priority int32 25, dnsConfig PodDNSConfig 26, shareProcessNamespace bool 27,
  readinessGates PodReadinessGate[] 28, runtimeClassName string 29, enableServiceLinks bool 30,
  preemptionPolicy string 31, overhead {quantity} 32, topologySpreadConstraints TopologySpreadConstraint[] 33,
  ephemeralContainers EphemeralContainer[] 34, setHostnameAsFQDN bool 35, os PodOS 36, hostUsers bool 37,
  schedulingGates PodSchedulingGate[] 38, resourceClaims PodResourceClaim[] 39, resources ResourceRequirements 40,
  hostnameOverride string 41, schedulingGroup PodSchedulingGroup 43
Container: name string 1, image string 2, command string[] 3, args string[] 4, workingDir string 5,
  ports ContainerPort[] 6, env EnvVar[] 7, resources ResourceRequirements 8, volumeMounts VolumeMount[] 9,
  livenessProbe Probe 10, readinessProbe Probe 11, lifecycle Lifecycle 12, terminationMessagePath string 13,
  imagePullPolicy string 14, securityContext SecurityContext 15, stdin bool~ 16, stdinOnce bool~ 17, tty bool~ 18,
  envFrom EnvFromSource[] 19, terminationMessagePolicy string 20, volumeDevices VolumeDevice[] 21,
  startupProbe Probe 22,
  resizePolicy ContainerResizePolicy[] 23, restartPolicy string 24, restartPolicyRules ContainerRestartRule[] 25
EphemeralContainer: ...Container 1, targetContainerName string 2
ContainerPort: name string 1, hostPort int32~ 2, containerPort int32 3, protocol string 4, hostIP string 5
ContainerResizePolicy: resourceName string 1, restartPolicy string 2
EnvVar: name string 1, value string 2, valueFrom EnvVarSource 3
EnvVarSource: fieldRef ObjectFieldSelector 1, resourceFieldRef ResourceFieldSelector 2,
  configMapKeyRef KeySelector 3, secretKeyRef KeySelector 4, fileKeyRef FileKeySelector 5
ObjectFieldSelector: apiVersion string 1, fieldPath string 2
ResourceFieldSelector: containerName string 1, resource string 2, divisor quantity 3
KeySelector: ...LocalObjectReference 1, key string 2, optional bool 3
EnvFromSource: prefix string 1, configMapRef EnvSource 2, secretRef EnvSource 3
EnvSource: ...LocalObjectReference 1, optional bool 2
ResourceRequirements: limits {quantity} 1, requests {quantity} 2, claims ResourceClaim[] 3
ResourceClaim: name string 1, request string 2
VolumeMount: name string 1, readOnly bool~ 2, mountPath string 3, subPath string 4, mountPropagation string 5,
  subPathExpr string 6, recursiveReadOnly string 7
VolumeDevice: name string 1, devicePath string 2
Probe: ...ProbeHandler 1, initialDelaySeconds int32~ 2, timeoutSeconds int32~ 3, periodSeconds int32~ 4,
  successThreshold int32~ 5, failureThreshold int32~ 6, terminationGracePeriodSeconds int64 7
ProbeHandler: exec ExecAction 1, httpGet HTTPGetAction 2, tcpSocket TCPSocketAction 3, grpc GRPCAction 4
ExecAction: command string[] 1
HTTPGetAction: path string 1, port intOrString 2, host string 3, scheme string 4, httpHeaders HTTPHeader[] 5
HTTPHeader: name string 1, value string 2
TCPSocketAction: port intOrString 1, host string 2
GRPCAction: port int32 1, service string 2
Lifecycle: postStart LifecycleHandler 1, preStop LifecycleHandler 2, stopSignal string 3
LifecycleHandler: exec ExecAction 1, httpGet HTTPGetAction 2, tcpSocket TCPSocketAction 3, sleep SleepAction 4
SleepAction: seconds int64 1
SecurityContext: capabilities Capabilities 1, privileged bool 2, seLinuxOptions SELinuxOptions 3, runAsUser int64 4,
  runAsNonRoot bool 5, readOnlyRootFilesystem bool 6, allowPrivilegeEscalation bool 7, runAsGroup int64 8,
  procMount string 9, windowsOptions WindowsSecurityContextOptions 10, seccompProfile SeccompProfile 11,
  appArmorProfile AppArmorProfile 12
Capabilities: add string[] 1, drop string[] 2
SELinuxOptions: user string 1, role string 2, type string 3, level string 4
SeccompProfile: type string 1, localhostProfile string 2
AppArmorProfile: type string 1, localhostProfile string 2
PodSecurityContext: seLinuxOptions SELinuxOptions 1, runAsUser int64 2, runAsNonRoot bool 3,
  supplementalGroups int64[] 4,
  fsGroup int64 5, runAsGroup int64 6, sysctls Sysctl[] 7, windowsOptions WindowsSecurityContextOptions 8,
  fsGroupChangePolicy string 9,
  seccompProfile SeccompProfile 10, appArmorProfile AppArmorProfile 11, supplementalGroupsPolicy string 12,
  seLinuxChangePolicy string 13
Sysctl: name string 1, value string 2
Affinity: nodeAffinity NodeAffinity 1, podAffinity PodAffinity 2, podAntiAffinity PodAffinity 3
NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution NodeSelector 1,
  preferredDuringSchedulingIgnoredDuringExecution PreferredSchedulingTerm[] 2
NodeSelector: nodeSelectorTerms NodeSelectorTerm[] 1
NodeSelectorTerm: matchExpressions NodeSelectorRequirement[] 1, matchFields NodeSelectorRequirement[] 2
NodeSelectorRequirement: key string 1, operator string 2, values string[] 3
PreferredSchedulingTerm: weight int32 1, preference NodeSelectorTerm 2
PodAffinity: requiredDuringSchedulingIgnoredDuringExecution PodAffinityTerm[] 1,
  preferredDuringSchedulingIgnoredDuringExecution WeightedPodAffinityTerm[] 2
PodAffinityTerm: labelSelector LabelSelector 1, namespaces string[] 2, topologyKey string 3,
  namespaceSelector LabelSelector 4, matchLabelKeys string[] 5, mismatchLabelKeys string[] 6
WeightedPodAffinityTerm: weight int32 1, podAffinityTerm PodAffinityTerm 2
Toleration: key string 1, operator string 2, value string 3, effect string 4, tolerationSeconds int64 5
HostAlias: ip string 1, hostnames string[] 2
PodDNSConfig: nameservers string[] 1, searches string[] 2, options PodDNSConfigOption[] 3
PodDNSConfigOption: name string 1, value string 2
PodReadinessGate: conditionType string 1
PodSchedulingGate: name string 1
PodResourceClaim: name string 1, resourceClaimName string 3, resourceClaimTemplateName string 4
PodOS: name string 1
TopologySpreadConstraint: maxSkew int32 1, topologyKey string 2, whenUnsatisfiable string 3,
  labelSelector LabelSelector 4, minDomains int32 5, nodeAffinityPolicy string 6, nodeTaintsPolicy string 7,
  matchLabelKeys string[] 8
Volume: name string 1, ...VolumeSource 2
VolumeSource: hostPath HostPathVolumeSource 1, emptyDir EmptyDirVolumeSource 2,
  gcePersistentDisk GCEPersistentDiskVolumeSource 3,
  awsElasticBlockStore AWSElasticBlockStoreVolumeSource 4, gitRepo GitRepoVolumeSource 5,
  secret SecretVolumeSource 6, nfs NFSVolumeSource 7, iscsi ISCSIVolumeSource 8,
  glusterfs GlusterfsVolumeSource 9, persistentVolumeClaim PersistentVolumeClaimVolumeSource 10,
  rbd RBDVolumeSource 11, flexVolume FlexVolumeSource 12, cinder CinderVolumeSource 13,
  cephfs CephFSVolumeSource 14, flocker FlockerVolumeSource 15, downwardAPI DownwardAPIVolumeSource 16,
  fc FCVolumeSource 17, azureFile AzureFileVolumeSource 18,
  configMap ConfigMapVolumeSource 19, vsphereVolume VsphereVirtualDiskVolumeSource 20,
  quobyte QuobyteVolumeSource 21, azureDisk AzureDiskVolumeSource 22,
  photonPersistentDisk PhotonPersistentDiskVolumeSource 23,
  portworxVolume PortworxVolumeSource 24, scaleIO ScaleIOVolumeSource 25, projected ProjectedVolumeSource 26,
  storageos StorageOSVolumeSource 27, csi CSIVolumeSource 28, ephemeral EphemeralVolumeSource 29,
  image ImageVolumeSource 30
HostPathVolumeSource: path string 1, type string 2
EmptyDirVolumeSource: medium string 1, sizeLimit quantity 2
SecretVolumeSource: secretName string 1, items KeyToPath[] 2, defaultMode int32 3, optional bool 4
NFSVolumeSource: server string 1, path string 2, readOnly bool~ 3
PersistentVolumeClaimVolumeSource: claimName string 1, readOnly bool~ 2
DownwardAPIVolumeSource: items DownwardAPIVolumeFile[] 1, defaultMode int32 2
DownwardAPIVolumeFile: path string 1, fieldRef ObjectFieldSelector 2, resourceFieldRef ResourceFieldSelector 3,
  mode int32 4
ConfigMapVolumeSource: ...LocalObjectReference 1, items KeyToPath[] 2, defaultMode int32 3, optional bool 4
KeyToPath: key string 1, path string 2, mode int32 3
ProjectedVolumeSource: sources VolumeProjection[] 1, defaultMode int32 2
VolumeProjection: secret ProjectedKeys 1, downwardAPI DownwardAPIProjection 2, configMap ProjectedKeys 3,
  serviceAccountToken ServiceAccountTokenProjection 4, clusterTrustBundle ClusterTrustBundleProjection 5,
  podCertificate PodCertificateProjection 6
ProjectedKeys: ...LocalObjectReference 1, items KeyToPath[] 2, optional bool 4
DownwardAPIProjection: items DownwardAPIVolumeFile[] 1
ServiceAccountTokenProjection: audience string 1, expirationSeconds int64 2, path string 3
PodStatus: phase string 1, conditions PodCondition[] 2, message string 3, reason string 4, hostIP string 5,
  podIP string 6, startTime time 7, containerStatuses ContainerStatus[] 8, qosClass string 9,
  initContainerStatuses ContainerStatus[] 10, nominatedNodeName string 11, podIPs PodIP[] 12,
  ephemeralContainerStatuses ContainerStatus[] 13, resize string 14,
  resourceClaimStatuses PodResourceClaimStatus[] 15, hostIPs PodIP[] 16,
  observedGeneration int64~ 17, extendedResourceClaimStatus PodExtendedResourceClaimStatus 18,
  allocatedResources {quantity} 19,
  resources ResourceRequirements 20
PodCondition: type string 1, status string 2, lastProbeTime time 3, lastTransitionTime time 4, reason string 5,
  message string 6, observedGeneration int64~ 7
PodIP: ip string 1
ContainerStatus: name string 1, state ContainerState 2, lastState ContainerState 3, ready bool 4, restartCount int32 5,
  image string 6, imageID string 7, containerID string 8, started bool 9, allocatedResources {quantity} 10,
  resources ResourceRequirements 11, volumeMounts VolumeMountStatus[] 12, user ContainerUser 13,
  allocatedResourcesStatus ResourceStatus[] 14,
  stopSignal string 15
VolumeMountStatus: name string 1, mountPath string 2, readOnly bool 3, recursiveReadOnly string 4
ContainerState: waiting ContainerStateWaiting 1, running ContainerStateRunning 2, terminated ContainerStateTerminated 3
ContainerStateWaiting: reason string 1, message string 2
ContainerStateRunning: startedAt time 1
ContainerStateTerminated: exitCode int32 1, signal int32~ 2, reason string 3, message string 4, startedAt time 5,
  finishedAt time 6, containerID string 7
`
