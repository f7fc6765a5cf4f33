/** What `kubectl explain` tells of kinds outside core; see `notes.ts` for the notation. */
export const GROUP_NOTES = `
Deployment: Keeps pods of one description alive, and replaces them step by step when it changes.
  spec: What is wanted.
  status: How far it is.
DeploymentSpec: What is wanted of a Deployment.
  minReadySeconds: Seconds that a new pod must be ready to count as available. Left out: 0.
  paused: Whether changes of the template wait.
  progressDeadlineSeconds: Seconds without progress after which the Deployment counts as stuck. Left out: 600.
  replicas: How many pods. Left out: 1.
  revisionHistoryLimit: How many old ReplicaSets are kept to go back to. Left out: 10.
  selector!: Which pods are its own; the template's labels must match. It cannot be changed.
  strategy: How old pods are replaced by new ones.
  template!: What the pods look like. Their restartPolicy can only be Always.
DeploymentStrategy: How old pods are replaced by new ones.
  rollingUpdate: How many at a time, for RollingUpdate.
  type {Recreate RollingUpdate}: All at once, after the old ones are gone, or step by step. Left out: RollingUpdate.
RollingUpdateDeployment: How many pods are replaced at a time.
  maxSurge: How many pods there may be beyond those wanted, as a number or in percent. Left out: 25%.
  maxUnavailable: How many pods may be missing, as a number or in percent. Left out: 25%.
DeploymentStatus: How far a Deployment is.
  availableReplicas: Pods that have been ready for minReadySeconds.
  conditions: What holds of the Deployment.
  observedGeneration: The generation that this was found out of.
  readyReplicas: Pods that are ready.
  replicas: Pods that there are.
  unavailableReplicas: Pods that are still missing.
  updatedReplicas: Pods of the newest template.
DeploymentCondition: Something that holds of a Deployment, or does not.
  status!: True, False or Unknown.
  type!: Available, Progressing or ReplicaFailure.
ReplicaSet: Keeps a number of equal pods alive. Made by Deployments, as a rule.
  spec: What is wanted.
  status: How far it is.
ReplicaSetSpec: What is wanted of a ReplicaSet.
  minReadySeconds: Seconds that a new pod must be ready to count as available.
  replicas: How many pods. Left out: 1.
  selector!: Which pods are its own. It cannot be changed.
  template: What the pods look like.
ReplicaSetStatus: How far a ReplicaSet is.
  replicas!: Pods that there are.
WorkloadCondition: Something that holds, or does not.
  status!: True, False or Unknown.
  type!: What the condition is about.
StatefulSet: Keeps pods alive that are not alike: each has a name and storage of its own.
  spec: What is wanted.
  status: How far it is.
StatefulSetSpec: What is wanted of a StatefulSet.
  podManagementPolicy {OrderedReady Parallel}: Whether pods come and go one after the other. Left out: OrderedReady.
  replicas: How many pods. Left out: 1.
  selector!: Which pods are its own. It cannot be changed.
  serviceName: The headless Service that gives the pods their names.
  template!: What the pods look like.
  updateStrategy: How pods follow a change of the template.
StatefulSetUpdateStrategy: How pods follow a change of the template.
  type {OnDelete RollingUpdate}: When somebody deletes them, or by themselves. Left out: RollingUpdate.
StatefulSetStatus: How far a StatefulSet is.
  replicas!: Pods that there are.
DaemonSet: Keeps one pod alive on every node that fits.
  spec: What is wanted.
  status: How far it is.
DaemonSetSpec: What is wanted of a DaemonSet.
  selector!: Which pods are its own. It cannot be changed.
  template!: What the pods look like; its node selector says on which nodes they are.
  updateStrategy: How pods follow a change of the template.
DaemonSetUpdateStrategy: How pods follow a change of the template.
  type {OnDelete RollingUpdate}: When somebody deletes them, or by themselves. Left out: RollingUpdate.
DaemonSetStatus: How far a DaemonSet is.
  currentNumberScheduled!: Nodes that have a pod and should.
  desiredNumberScheduled!: Nodes that should have a pod.
  numberMisscheduled!: Nodes that have a pod and should not.
  numberReady!: Nodes whose pod is ready.
ControllerRevision: What a StatefulSet or DaemonSet once looked like.
  data: The state.
  revision!: Its number.
EndpointSlice: A part of the endpoints of a Service, of one address family.
  addressType! {FQDN IPv4 IPv6}: What the addresses are. It cannot be changed.
  endpoints!: The endpoints, at most 1000.
  ports: The ports that every endpoint has, at most 100.
Endpoint: What answers for a Service, as a rule a pod.
  addresses!: Its addresses, of which the first counts.
  conditions: Whether traffic may go there.
  deprecatedTopology: Labels that the slice was made from; for old versions only.
  hints: For whom the endpoint is meant.
  hostname: Its host name, for DNS.
  nodeName: The node that it is on.
  targetRef: The object behind it.
  zone: The zone that it is in.
EndpointConditions: Whether traffic may go to an endpoint.
  ready: Whether it takes new connections. Left out: yes.
  serving: Whether it answers, also while it ends.
  terminating: Whether it is ending.
EndpointHints: For whom an endpoint is meant.
  forNodes: The nodes whose traffic should go there.
  forZones: The zones whose traffic should go there.
ForName: A zone or a node.
  name!: Its name.
EndpointSlicePort*: A port that every endpoint of a slice has.
  appProtocol: What is spoken there.
  name: The name of the Service's port.
  port: The port's number. Left out: any.
  protocol {SCTP TCP UDP}: The port's protocol. Left out: TCP.
Lease: Who holds something, and for how long: node heartbeats and leader election.
  spec: Who holds it.
LeaseSpec: Who holds a Lease.
  acquireTime: When the holder got it.
  holderIdentity: The holder.
  leaseDurationSeconds: Seconds after renewTime at which others may take it.
  leaseTransitions: How often the holder changed.
  renewTime: When the holder last renewed it.
  strategy: How a leader is chosen among several candidates.
ServiceCIDR: Ranges that addresses of Services come from.
  spec: The ranges.
  status: Whether they are in use.
ServiceCIDRSpec: Ranges that addresses of Services come from.
  cidrs: The ranges, at most one of each family. They cannot be changed.
IPAddress: An address that a Service has, so that no other gets it.
  spec: Whose it is.
IPAddressSpec: Whose an address is.
  parentRef!: The object that has it.
ParentReference: The object that has an address.
  group: Its group.
  name!: Its name.
  namespace: Its namespace.
  resource!: Its resource.
Job: Runs pods until enough of them have succeeded.
  spec: What is wanted.
  status: How far it is.
JobSpec: What is wanted of a Job.
  activeDeadlineSeconds: Seconds after which the Job fails.
  backoffLimit: How many pods may fail. Left out: 6.
  backoffLimitPerIndex: How many pods of one index may fail before the index has. Left out: no limit of its own.
  completionMode {Indexed NonIndexed}: Whether each index must succeed once, or any pods do. Left out: NonIndexed.
  completions: How many pods must succeed.
  maxFailedIndexes: How many indexes may fail before the Job has. Left out: all of them.
  parallelism: How many pods run at once. Left out: 1.
  podReplacementPolicy {Failed TerminatingOrFailed}: When a pod that ends is replaced.
  successPolicy: Which indexes are enough for the Job to have succeeded.
  suspend: Whether no pods run for now.
  template!: What the pods look like.
  ttlSecondsAfterFinished: Seconds after its end at which the Job is deleted. Left out: never.
JobCondition: Something that holds of a Job, or does not.
  status!: True, False or Unknown.
  type!: Complete, Failed, Suspended, ...
PodFailurePolicy: What failed pods mean for a Job.
  rules!: The rules, in order; the first that fits counts.
PodFailurePolicyRule: What one kind of failure means.
  action! {Count FailIndex FailJob Ignore}: What is done about it.
PodFailurePolicyOnExitCodesRequirement: Exit codes of containers.
  operator! {In NotIn}: Whether they must be among the values, or not.
  values!: The codes.
PodFailurePolicyOnPodConditionsPattern: A condition of a pod.
  type!: Its type.
SuccessPolicy: When a Job has succeeded although not all pods have.
  rules!: The rules; one is enough.
CronJob: Makes Jobs at times of a schedule.
  spec: What is wanted.
  status: What it did.
CronJobSpec: What is wanted of a CronJob.
  concurrencyPolicy {Allow Forbid Replace}: What happens when the last Job still runs. Left out: Allow.
  jobTemplate!: What the Jobs look like.
  schedule!: When, in the format of cron.
  suspend: Whether no Jobs are made for now.
  timeZone: The time zone of the schedule. Left out: that of the controller.
Ingress: Rules by which requests from outside get to Services. It is for an ingress controller to follow them.
  spec: The rules.
  status: Where requests are to be sent.
IngressSpec: The rules of an Ingress.
  defaultBackend: Who gets requests that no rule fits.
  ingressClassName: The class whose controller follows the rules.
  rules: The rules.
  tls: Certificates for hosts.
IngressServiceBackend: A Service that gets requests.
  name!: The Service's name.
  port: The Service's port, by number or name.
HTTPIngressRuleValue: Paths of a host.
  paths!: The paths.
HTTPIngressPath: A path that leads to a backend.
  backend!: Who gets the requests.
  path: The path; it begins with a slash.
  pathType! {Exact ImplementationSpecific Prefix}: How paths are compared.
TypedObjectReference*: Points to an object of any kind in the same namespace.
  kind!: Its kind.
  name!: Its name.
IngressPortStatus: What became of a port.
  port!: The port's number.
  protocol! {SCTP TCP UDP}: The port's protocol.
IngressClass: A kind of ingress, and who takes care of it.
  spec: Who takes care of it.
IngressClassSpec: Who takes care of a class.
  controller: The controller's name, such as example.com/ingress.
  parameters: An object with settings for it.
IngressClassParametersReference: An object with settings.
  kind!: Its kind.
  name!: Its name.
NetworkPolicy: Which traffic pods may have. It is for the pod network to enforce it.
  spec: The rules.
NetworkPolicySpec: Which traffic pods may have.
  egress: What they may send. A pod that a policy selects for Egress sends nothing else.
  ingress: What they may receive. A pod that a policy selects for Ingress receives nothing else.
  podSelector: The pods that the policy is for. Empty: all of the namespace.
  policyTypes: Ingress, Egress or both. Left out: Ingress, and Egress when there are rules for it.
NetworkPolicyPort: A port that is allowed.
  endPort: The last port of a range.
  port: The port: a number, or the name of a container's port.
  protocol {SCTP TCP UDP}: The port's protocol. Left out: TCP.
NetworkPolicyPeer: Who is at the other end.
  ipBlock: A range of addresses.
  namespaceSelector: Pods of these namespaces.
  podSelector: These pods.
IPBlock: A range of addresses.
  cidr!: The range.
  except: Parts of it that are left out.
PodDisruptionBudget: How many pods may be missing by intent at a time.
  spec: What is wanted.
  status: How many may go now.
PodDisruptionBudgetSpec: How many pods may be missing by intent.
  maxUnavailable: How many may be missing at most, as a number or in percent.
  minAvailable: How many must be left at least, as a number or in percent.
  selector: Which pods.
  unhealthyPodEvictionPolicy {AlwaysAllow IfHealthyBudget}: Whether pods that are not ready may always go.
PodDisruptionBudgetStatus: How many pods may go now.
  currentHealthy!: Pods that are ready.
  desiredHealthy!: Pods that must be ready at least.
  disruptionsAllowed!: How many may go now.
  expectedPods!: Pods that the budget counts.
NamedEvent: Something that happened to an object. Events are kept for a while only.
  action: What was done.
  eventTime!: When it first happened.
  note: What happened, for people.
  reason: What happened, in one word.
  regarding: The object it happened to.
  reportingController: Who says so.
  type: Normal or Warning.
PriorityClass: How important pods are: they name the class, and get its value.
  description: What the class is for.
  globalDefault: Whether pods that name no class get this one.
  preemptionPolicy {Never PreemptLowerPriority}: Whether pods of the class drive others away. Left out: PreemptLowerPriority.
  value!: The priority; the more, the more important. It cannot be changed.
RuntimeClass: What runs the containers of pods that name the class.
  handler!: The name under which nodes know the runtime. It cannot be changed.
  overhead: What a pod takes beside its containers.
  scheduling: On which nodes the class is to be had.
Overhead: What a pod takes beside its containers.
  podFixed: Amounts by name.
Scheduling: Nodes that have a runtime.
  nodeSelector: Labels of such nodes, which pods of the class ask for as well.
  tolerations: Taints of such nodes, which pods of the class tolerate as well.
CustomResourceDefinition: A kind of one's own, with its names, versions and shape.
  spec!: What is wanted.
  status: Whether the kind is served.
CustomResourceDefinitionSpec: What a kind is called and looks like.
  group!: The group of the kind.
  names!: The names of the kind.
  scope!: Cluster or Namespaced.
  versions!: The versions of the kind.
CustomResourceDefinitionNames: What a kind is called.
  kind!: The name of the kind, such as CronTab.
  plural!: Its plural in URLs, such as crontabs.
CustomResourceDefinitionVersion: One version of a kind.
  name!: The version's name, such as v1.
  served!: Whether it is served.
  storage!: Whether objects are stored in it; that holds of one version.
Role: What may be done in a namespace.
  rules: What may be done.
ClusterRole: What may be done in the whole cluster, or in the namespace of a RoleBinding.
  aggregationRule: Other cluster roles whose rules this one gathers.
  rules: What may be done.
RoleBinding: Gives a role to somebody, in one namespace.
  roleRef!: The role. It cannot be changed.
  subjects: Who gets it.
ClusterRoleBinding: Gives a cluster role to somebody, in the whole cluster.
  roleRef!: The role. It cannot be changed.
  subjects: Who gets it.
PolicyRule: Something that may be done.
  apiGroups: The groups of the resources; "" is core, "*" all.
  nonResourceURLs: Paths that are no resources.
  resourceNames: The names of the objects. Empty: all.
  resources: The resources, with subresources behind a slash; "*" is all.
  verbs!: What may be done with them; "*" is everything.
RoleRef*: A role.
  apiGroup!: Its group.
  kind!: Role or ClusterRole.
  name!: Its name.
Subject*: Somebody who gets a role.
  kind!: User, Group or ServiceAccount.
  name!: The name.
`
