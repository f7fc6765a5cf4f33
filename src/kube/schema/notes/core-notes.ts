/** What `kubectl explain` tells of core/v1 and of what all kinds share; see `notes.ts` for the notation. */
export const CORE_NOTES = `
ObjectMeta: What every object has: its name, its labels, and what the server keeps of it.
  annotations: Notes for programs and people, up to 256 KiB together. Nothing is selected by them.
  creationTimestamp: When the object was made. Set by the server.
  deletionGracePeriodSeconds: How long the object may still take to end. Set by the server at a deletion.
  deletionTimestamp: When the object is to be gone. Set by the server at a deletion; it cannot be taken back.
  finalizers: Who has something to do before the object may go. It stays until the list is empty.
  generateName: The beginning of a name that the server completes with five random characters.
  generation: Counts changes of what is wanted. Set by the server.
  labels: Keys and values by which objects are selected.
  managedFields: Who set which field, as server-side apply keeps it.
  name: Unique among objects of the kind, within its namespace. It never changes.
  namespace: The namespace of the object. It never changes.
  ownerReferences: Objects that this one belongs to. When all are gone, so is this one.
  resourceVersion: The version of the object, for watches and for updates that must not overwrite others' changes.
  selfLink: No longer set.
  uid: Unique over all time. Set by the server.
OwnerReference: An object that another one belongs to.
  apiVersion!: Group and version of the owner.
  blockOwnerDeletion: Whether the owner stays, in a foreground deletion, until this object is gone.
  controller: Whether the owner is the one that manages this object.
  kind!: Kind of the owner.
  name!: Name of the owner.
  uid!: Unique id of the owner.
ManagedFieldsEntry: The fields that one manager has set.
  apiVersion: The version of the kind that the fields are of.
  fieldsType: The format of the fields: FieldsV1.
  fieldsV1: The fields, as a tree.
  manager: Who set them.
  operation: How they were set: Apply or Update.
  subresource: Through which subresource they were set.
  time: When they were last set.
LabelSelector*: Selects objects by their labels; all conditions must hold. An empty one selects everything.
  matchExpressions: Conditions on single keys.
  matchLabels: Keys with the value that they must have.
LabelSelectorRequirement: A condition on one label.
  key!: The label's key.
  operator!: How the label relates to the values: In, NotIn, Exists or DoesNotExist.
  values: The values, for In and NotIn.
Condition: Something that holds of an object, or does not.
  lastTransitionTime!: When the status last changed.
  message!: Details, for people.
  observedGeneration: The generation of the object that this was found out of.
  reason!: Why, in one word in CamelCase.
  status! {False True Unknown}: Whether it holds.
  type!: What the condition is about.
ObjectReference*: Points to an object, or a part of it.
  apiVersion: Group and version of the object.
  fieldPath: The part of the object, such as spec.containers{name}.
  kind: Kind of the object.
  name: Name of the object.
  namespace: Namespace of the object.
  resourceVersion: The version that is meant.
  uid: Unique id of the object.
LocalObjectReference*: Points to an object in the same namespace.
  name: Name of the object.
Namespace: A place for names: objects of one namespace are listed, limited and deleted together.
  spec: What is wanted of the namespace.
  status: How far it is.
NamespaceSpec: What is wanted of a namespace.
  finalizers: Who has something to do before the namespace may go.
NamespaceStatus: How far a namespace is.
  conditions: What keeps it from going.
  phase {Active Terminating}: Whether the namespace is in use or on its way out.
Node: A machine that runs pods.
  spec: What is wanted of the node.
  status: What the node says of itself.
NodeSpec: What is wanted of a node.
  podCIDR: The first of podCIDRs.
  podCIDRs: The ranges of addresses for pods of this node, at most one of each family.
  providerID: What the cloud calls the machine: PROVIDER://ID.
  taints: What keeps pods away that do not tolerate it.
  unschedulable: Whether new pods are kept away (kubectl cordon).
Taint: Keeps pods from a node that do not tolerate it.
  effect! {NoExecute NoSchedule PreferNoSchedule}: What happens to pods that do not tolerate it.
  key!: The taint's key.
  timeAdded: When the taint was put on; for NoExecute only.
  value: The taint's value.
NodeStatus: What a node says of itself.
  addresses: Where the node is reached.
  allocatable: How much pods may have of each resource.
  capacity: How much there is of each resource.
  conditions: What holds of the node, such as Ready.
  daemonEndpoints: Ports of the programs on the node.
  images: The images that the node has.
  nodeInfo: The machine and its software.
  phase {Pending Running Terminated}: No longer set.
NodeAddress: Where a node is reached.
  address!: The address.
  type!: Hostname, InternalIP, ExternalIP, InternalDNS or ExternalDNS.
NodeCondition: Something that holds of a node, or does not.
  status!: True, False or Unknown.
  type!: Ready, MemoryPressure, DiskPressure, PIDPressure or NetworkUnavailable.
Service: One name and address for a set of pods, and how traffic gets there.
  spec: What is wanted of the Service.
  status: What was made of it.
ServiceSpec: What is wanted of a Service.
  allocateLoadBalancerNodePorts: Whether a LoadBalancer gets node ports. Load balancers that lead to pods directly need none. Left out: true.
  clusterIP: The first of clusterIPs: an address within the cluster, None for a headless Service, or empty to be given one. It cannot be changed, except by changing the type from or to ExternalName.
  clusterIPs: The addresses within the cluster, at most one of each family, or None alone.
  externalIPs: Further addresses that nodes take traffic for. Who sends it there is not Kubernetes' concern.
  externalName: The DNS name that an ExternalName stands for, as a CNAME record.
  externalTrafficPolicy {Cluster Local}: Where traffic from outside goes. Cluster: to any pod, with the node's address as its source where need be. Local: to pods on the node that it came to, with its source kept; nodes without a pod drop it.
  healthCheckNodePort: The port of each node that tells load balancers whether it has a pod, of a LoadBalancer whose traffic stays Local. Given out by the server, and then fixed.
  internalTrafficPolicy {Cluster Local}: Where traffic from within goes: to any pod, or only to pods on the sender's own node.
  ipFamilies: The families of the addresses, IPv4, IPv6 or both, the first one first.
  ipFamilyPolicy {PreferDualStack RequireDualStack SingleStack}: Whether the Service has one family or two: one, two where the cluster has two, or two in any case.
  loadBalancerClass: Which implementation makes the load balancer. Left out: the cluster's own. It cannot be changed while the type is LoadBalancer.
  loadBalancerIP: The address that the load balancer should have, where the cloud allows to choose. Deprecated.
  loadBalancerSourceRanges: The ranges that may reach the load balancer. Empty: everybody.
  ports: The ports that the Service has.
  publishNotReadyAddresses: Whether DNS names pods that are not ready, for peers that must find each other before they are.
  selector: The labels of the pods that traffic goes to. Empty: somebody else writes the endpoints. Not for ExternalName.
  sessionAffinity ["None"] {ClientIP None}: Whether connections of one client address go to the same pod.
  sessionAffinityConfig: For how long they do.
  trafficDistribution: Which endpoints are preferred: PreferSameZone (also called PreferClose) or PreferSameNode. Left out: none.
  type ["ClusterIP"] {ClusterIP ExternalName LoadBalancer NodePort}: Where the Service is reached. ClusterIP: within the cluster. NodePort: also at a port of every node. LoadBalancer: also at an address from outside. ExternalName: it is another name for a host elsewhere.
ServicePort: One port of a Service.
  appProtocol: What is spoken there, as a hint for implementations: a name of IANA, kubernetes.io/h2c, kubernetes.io/ws, or one with a prefix of one's own.
  name: The port's name, needed when there are several; endpoints use the same name.
  nodePort: The port of every node, for NodePort and LoadBalancer; given out by the server unless one is named.
  port! : The port at the Service's addresses.
  protocol ["TCP"] {SCTP TCP UDP}: The protocol of the port.
  targetPort: The port of the pods: a number, or the name of a container's port. Left out: the same as port.
SessionAffinityConfig: For how long a client keeps its pod.
  clientIP: For affinity by client address.
ClientIPConfig: For affinity by client address.
  timeoutSeconds: Seconds without traffic after which the pod is chosen anew, up to a day. Left out: 10800, three hours.
ServiceStatus: What was made of a Service.
  conditions: What holds of the Service.
  loadBalancer: Where the load balancer is, when it is there.
LoadBalancerStatus: Where a load balancer is.
  ingress: Its addresses. Traffic is to be sent there.
LoadBalancerIngress: One address of a load balancer.
  hostname: A name, for load balancers that have no fixed address.
  ip: An IP address.
  ipMode: How packets arrive at nodes. VIP: with the load balancer's address. Proxy: with that of the node or pod.
  ports: What became of each port.
PortStatus: What became of a port of a load balancer.
  error: Why the port does not work, in CamelCase.
  port!: The port's number.
  protocol!: The port's protocol.
Endpoints: The addresses behind a Service, in one object. Deprecated: EndpointSlice takes its place.
  subsets: Addresses together with the ports that they have.
EndpointSubset: Addresses together with the ports that all of them have.
  addresses: Those that are ready.
  notReadyAddresses: Those that are not ready.
  ports: The ports.
EndpointAddress*: One address.
  hostname: The host name of the endpoint.
  ip!: The IP address.
  nodeName: The node that it is on.
  targetRef: The object that is behind it.
EndpointPort*: One port of endpoints.
  appProtocol: What is spoken there.
  name: The name of the Service's port.
  port!: The port's number.
  protocol {SCTP TCP UDP}: The port's protocol. Left out: TCP.
ConfigMap: Settings for pods, as text or bytes.
  binaryData: Values that are no UTF-8 text, in base64.
  data: Values that are text.
  immutable: Whether the data is fixed for good.
Secret: Settings for pods that not everybody may read.
  data: The values, in base64.
  immutable: Whether the data is fixed for good.
  stringData: Values as plain text, only to be written: they become part of data.
  type: What the secret is for; some types want certain keys.
ServiceAccount: Who a pod is, when it talks to the API.
  automountServiceAccountToken: Whether pods of the account get a token. A pod may say otherwise.
  imagePullSecrets: Secrets for pulling images, for pods that name none.
  secrets: Secrets that pods of the account may use.
Event: Something that happened to an object. Events are kept for a while only.
  action: What was done, or went wrong.
  count: How often it happened.
  firstTimestamp: When it first happened.
  involvedObject!: The object it happened to.
  lastTimestamp: When it last happened.
  message: What happened, for people.
  reason: What happened, in one word.
  reportingComponent: Who says so.
  type: Normal or Warning.
ReplicationController: Keeps a number of pods alive. Deployment is what is used today.
  spec: What is wanted.
  status: How far it is.
PodTemplate: A description of pods, to be copied.
  template: The description.
`
