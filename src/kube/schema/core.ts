/** Messages of core/v1 other than what makes up a pod; see `schema.ts` for the notation. */
export const CORE_MESSAGES = `
Namespace: metadata ObjectMeta 1, spec NamespaceSpec 2, status NamespaceStatus 3
NamespaceSpec: finalizers string[] 1
NamespaceStatus: phase string 1, conditions NamespaceCondition[] 2
NamespaceCondition: type string 1, status string 2, lastTransitionTime time 4, reason string 5, message string 6
Node: metadata ObjectMeta 1, spec NodeSpec 2, status NodeStatus 3
NodeSpec: podCIDR string 1, externalID string 2, providerID string 3, unschedulable bool~ 4, taints Taint[] 5,
  configSource NodeConfigSource 6, podCIDRs string[] 7, podPreemptionPolicy NodePodPreemptionPolicy 8
Taint: key string 1, value string 2, effect string 3, timeAdded time 4
NodeStatus: capacity {quantity} 1, allocatable {quantity} 2, phase string 3, conditions NodeCondition[] 4,
  addresses NodeAddress[] 5, daemonEndpoints NodeDaemonEndpoints 6, nodeInfo NodeSystemInfo 7,
  images ContainerImage[] 8,
  volumesInUse string[] 9, volumesAttached AttachedVolume[] 10, config NodeConfigStatus 11,
  runtimeHandlers NodeRuntimeHandler[] 12,
  features NodeFeatures 13, declaredFeatures string[] 14
NodeCondition: type string 1, status string 2, lastHeartbeatTime time 3, lastTransitionTime time 4, reason string 5,
  message string 6
NodeAddress: type string 1, address string 2
NodeDaemonEndpoints: kubeletEndpoint DaemonEndpoint 1
DaemonEndpoint: Port int32 1
NodeSystemInfo: machineID string 1, systemUUID string 2, bootID string 3, kernelVersion string 4, osImage string 5,
  containerRuntimeVersion string 6, kubeletVersion string 7, kubeProxyVersion string 8, operatingSystem string 9,
  architecture string 10, swap NodeSwapStatus 11
NodeSwapStatus: capacity int64 1
ContainerImage: names string[] 1, sizeBytes int64 2
AttachedVolume: name string 1, devicePath string 2
NodeRuntimeHandler: name string 1, features NodeRuntimeHandlerFeatures 2
NodeRuntimeHandlerFeatures: recursiveReadOnlyMounts bool 1, userNamespaces bool 2
NodeFeatures: supplementalGroupsPolicy bool 1
Service: metadata ObjectMeta 1, spec ServiceSpec 2, status ServiceStatus 3
ServiceSpec: ports ServicePort[] 1, selector {string} 2, clusterIP string 3, type string 4, externalIPs string[] 5,
  sessionAffinity string 7, loadBalancerIP string 8, loadBalancerSourceRanges string[] 9, externalName string 10,
  externalTrafficPolicy string 11, healthCheckNodePort int32~ 12, publishNotReadyAddresses bool~ 13,
  sessionAffinityConfig SessionAffinityConfig 14, ipFamilyPolicy string 17, clusterIPs string[] 18,
  ipFamilies string[] 19, allocateLoadBalancerNodePorts bool 20, loadBalancerClass string 21,
  internalTrafficPolicy string 22, trafficDistribution string 23
ServicePort: name string 1, protocol string 2, port int32 3, targetPort intOrString 4, nodePort int32~ 5,
  appProtocol string 6
SessionAffinityConfig: clientIP ClientIPConfig 1
ClientIPConfig: timeoutSeconds int32 1
ServiceStatus: loadBalancer LoadBalancerStatus 1, conditions Condition[] 2
LoadBalancerStatus: ingress LoadBalancerIngress[] 1
LoadBalancerIngress: ip string 1, hostname string 2, ipMode string 3, ports PortStatus[] 4
PortStatus: port int32 1, protocol string 2, error string 3
Endpoints: metadata ObjectMeta 1, subsets EndpointSubset[] 2
EndpointSubset: addresses EndpointAddress[] 1, notReadyAddresses EndpointAddress[] 2, ports EndpointPort[] 3
EndpointAddress: ip string 1, targetRef ObjectReference 2, hostname string 3, nodeName string 4
EndpointPort: name string 1, port int32 2, protocol string 3, appProtocol string 4
ObjectReference: kind string 1, namespace string 2, name string 3, uid string 4, apiVersion string 5,
  resourceVersion string 6, fieldPath string 7
LocalObjectReference: name string 1
ConfigMap: metadata ObjectMeta 1, data {string} 2, binaryData {bytes} 3, immutable bool 4
Secret: metadata ObjectMeta 1, data {bytes} 2, type string 3, stringData {string} 4, immutable bool 5
ServiceAccount: metadata ObjectMeta 1, secrets ObjectReference[] 2, imagePullSecrets LocalObjectReference[] 3,
  automountServiceAccountToken bool 4
Event: metadata ObjectMeta 1, involvedObject ObjectReference 2, reason string 3, message string 4, source EventSource 5,
  firstTimestamp time 6, lastTimestamp time 7, count int32~ 8, type string 9, eventTime microTime 10,
  series EventSeries 11,
  action string 12, related ObjectReference 13, reportingComponent string 14, reportingInstance string 15
EventSource: component string 1, host string 2
EventSeries: count int32~ 1, lastObservedTime microTime 2
Binding: metadata ObjectMeta 1, target ObjectReference 2
`
