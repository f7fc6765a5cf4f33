/** What `kubectl explain` tells of pods; see `notes.ts` for the notation. */
export const POD_NOTES = `
Pod: Containers that live together on one node, with one network address.
  spec: What is wanted of the pod.
  status: What the node says of it.
PodTemplateSpec: What pods made from a template look like.
  spec: What is wanted of each pod.
PodSpec: What is wanted of a pod.
  activeDeadlineSeconds: Seconds after its start at which the pod is ended.
  affinity: Which nodes and which other pods it wants to be near, or not.
  automountServiceAccountToken: Whether the pod gets a token of its service account.
  containers!: The containers of the pod, at least one. They cannot be added or removed.
  dnsConfig: Further settings for resolving names.
  dnsPolicy ["ClusterFirst"] {ClusterFirst ClusterFirstWithHostNet Default None}: Who resolves names: the cluster's DNS, the node's resolvers (Default), or only what dnsConfig says (None).
  enableServiceLinks: Whether containers get environment variables for the Services of their namespace. Left out: true.
  ephemeralContainers: Containers added to a running pod to look into it (kubectl debug).
  hostAliases: Lines for the pod's /etc/hosts.
  hostIPC: Whether the pod shares the node's interprocess communication.
  hostNetwork: Whether the pod uses the node's own network.
  hostPID: Whether the pod sees the node's processes.
  hostname: The pod's host name. Left out: the pod's name.
  imagePullSecrets: Secrets for pulling images.
  initContainers: Containers that run before the others, one after the other, each to its end.
  nodeName: The node of the pod. Set by the scheduler, as a rule.
  nodeSelector: Labels that the pod's node must have.
  os: The operating system that the containers are made for.
  overhead: Resources that running the pod takes besides its containers.
  preemptionPolicy {Never PreemptLowerPriority}: Whether pods of less priority may be driven away for this one.
  priority: The pod's priority; the more, the sooner it gets a node. Set from priorityClassName.
  priorityClassName: The PriorityClass of the pod.
  readinessGates: Conditions that must hold besides the readiness of its containers.
  restartPolicy ["Always"] {Always Never OnFailure}: Which containers are started again after they have ended.
  runtimeClassName: The RuntimeClass that runs the pod.
  schedulerName: The scheduler that gives the pod a node.
  schedulingGates: What must be removed before the pod is given a node.
  securityContext: Users, groups and privileges for the whole pod.
  serviceAccount: Another name for serviceAccountName. Deprecated.
  serviceAccountName: The service account that the pod acts as.
  setHostnameAsFQDN: Whether the kernel's host name is the whole DNS name.
  shareProcessNamespace: Whether containers see each other's processes.
  subdomain: The pod is found as HOSTNAME.SUBDOMAIN of its namespace, given a headless Service of that name.
  terminationGracePeriodSeconds: Seconds that containers have to end when they are asked to. Left out: 30.
  tolerations: The taints of nodes that the pod puts up with.
  topologySpreadConstraints: How pods are spread over zones, nodes and the like.
  volumes: Directories that containers can mount.
Container: One container of a pod.
  args: Arguments for the command. Left out: those of the image. $(NAME) stands for an environment variable.
  command: The program, with its first arguments. Left out: that of the image.
  env: Environment variables.
  envFrom: Objects whose keys become environment variables.
  image: The image that the container runs.
  imagePullPolicy {Always IfNotPresent Never}: When the image is pulled. Left out: Always for the tag latest, otherwise IfNotPresent.
  lifecycle: What is done after the start and before the end.
  livenessProbe: Tells whether the container has to be started again.
  name!: The container's name, unique in the pod.
  ports: Ports that the container serves at. For information, and for names.
  readinessProbe: Tells whether the container can serve; if not, Services leave the pod out.
  resources: What the container needs, and what it may use at most.
  restartPolicy: Of an init container Always: it goes on beside the others.
  securityContext: User, groups and privileges of the container.
  startupProbe: Tells whether the container has come up; the other probes wait for it.
  stdin: Whether there is an input to attach to.
  stdinOnce: Whether the input ends with the first who attached to it.
  terminationMessagePath: The file from which the container's last words are read.
  terminationMessagePolicy {FallbackToLogsOnError File}: Whether the log serves when that file is empty and the container failed.
  tty: Whether the container has a terminal.
  volumeMounts: Where volumes are mounted.
  workingDir: The directory that the command starts in.
ContainerPort: A port that a container serves at.
  containerPort!: The port's number in the pod.
  hostIP: The node's address that hostPort is at.
  hostPort: A port of the node that leads here.
  name: The port's name, which Services may use.
  protocol ["TCP"] {SCTP TCP UDP}: The port's protocol.
EnvVar: An environment variable.
  name!: The variable's name.
  value: Its value. $(NAME) stands for a variable before it.
  valueFrom: Where else the value comes from.
ObjectFieldSelector*: A field of the pod.
  apiVersion: The version that the path is of.
  fieldPath!: Path of the field, such as status.podIP.
ResourceFieldSelector*: A resource of a container.
  containerName: The container.
  divisor: The unit that is counted in.
  resource!: The resource, such as limits.memory.
KeySelector*: A key of an object.
  key!: The key.
  name: Name of the object.
  optional: Whether object and key may be missing.
ContainerResizePolicy: What a change of a resource means for a running container.
  resourceName!: The resource: cpu or memory.
  restartPolicy!: NotRequired or RestartContainer.
VolumeMount: Where a container finds a volume.
  mountPath!: The directory in the container.
  mountPropagation {Bidirectional HostToContainer None}: Whether mounts made later are seen on the other side.
  name!: The volume's name.
  readOnly: Whether the container cannot write there.
  subPath: The part of the volume.
VolumeDevice: A block device for a container.
  devicePath!: Its path in the container.
  name!: The claim's name.
Probe: A question that is put to a container again and again.
  exec: A command that must succeed.
  failureThreshold: How often in a row it must fail to count as failed. Left out: 3.
  grpc: A health check by gRPC that must succeed.
  httpGet: A request by HTTP that must succeed.
  initialDelaySeconds: Seconds from the start of the container to the first question.
  periodSeconds: Seconds between questions. Left out: 10.
  successThreshold: How often in a row it must succeed to count as successful. Left out: 1.
  tcpSocket: A port that must take a connection.
  terminationGracePeriodSeconds: Seconds that the container has to end when the probe fails.
  timeoutSeconds: Seconds after which no answer is a failure. Left out: 1.
ExecAction: A command in the container.
  command: The command with its arguments; no shell is involved. 0 is success.
HTTPGetAction: A request by HTTP. 200 to 399 is success.
  host: The host. Left out: the pod's address.
  httpHeaders: Headers of the request.
  path: The path.
  port!: The port: a number, or the name of one of the container's ports.
  scheme {HTTP HTTPS}: HTTP or HTTPS. Left out: HTTP.
HTTPHeader: A header of a request.
  name!: The header's name.
  value!: The header's value.
TCPSocketAction: A port that must take a connection.
  host: The host. Left out: the pod's address.
  port!: The port: a number, or the name of one of the container's ports.
GRPCAction: A health check by gRPC.
  port!: The port's number.
  service [""]: The service that is asked about.
SleepAction: Waiting.
  seconds!: For how long.
Lifecycle: What is done after the start and before the end of a container.
  stopSignal {SIGABRT SIGALRM SIGHUP SIGINT SIGKILL SIGPIPE SIGQUIT SIGTERM SIGUSR1 SIGUSR2}: The signal that asks the container to end.
SecurityContext: User, groups and privileges of a container.
  procMount {Default Unmasked}: How much of /proc the container sees.
SeccompProfile: Which system calls are allowed.
  type! {Localhost RuntimeDefault Unconfined}: Where the profile comes from.
AppArmorProfile: Which AppArmor profile holds.
  type! {Localhost RuntimeDefault Unconfined}: Where the profile comes from.
PodSecurityContext: Users, groups and privileges for a whole pod.
  fsGroupChangePolicy {Always OnRootMismatch}: When the owner of a volume's files is changed.
  supplementalGroupsPolicy {Merge Strict}: Whether groups of the image count as well.
Sysctl: A setting of the kernel.
  name!: Its name.
  value!: Its value.
NodeSelector*: Which nodes, by their labels and fields; one term must hold.
  nodeSelectorTerms!: The terms.
NodeSelectorTerm*: Conditions on a node that must all hold.
NodeSelectorRequirement: A condition on a label or field of a node.
  key!: The key.
  operator! {DoesNotExist Exists Gt In Lt NotIn}: How the label relates to the values.
PreferredSchedulingTerm: Nodes that are preferred.
  preference!: Which nodes.
  weight!: How much, from 1 to 100.
PodAffinityTerm: Other pods that this one wants to be near, or not.
  topologyKey!: The label of nodes by which two of them count as near.
WeightedPodAffinityTerm: Pods that are preferred near.
  podAffinityTerm!: Which pods.
  weight!: How much, from 1 to 100.
Toleration: A taint that a pod puts up with.
  effect {NoExecute NoSchedule PreferNoSchedule}: The effect of the taint. Left out: any.
  key: The key of the taint. Left out, with Exists: any.
  operator {Equal Exists Gt Lt}: How key and value relate. Left out: Equal.
  tolerationSeconds: For how long a NoExecute taint is put up with. Left out: for ever.
  value: The value of the taint.
HostAlias: A line for /etc/hosts.
  hostnames: The names.
  ip!: The address.
PodReadinessGate: A condition that must hold before the pod counts as ready.
  conditionType!: The condition's type.
PodSchedulingGate: Something that keeps a pod from being given a node.
  name!: The gate's name.
PodOS: The operating system of a pod.
  name!: linux or windows.
TopologySpreadConstraint: How pods are spread.
  maxSkew!: By how many pods two domains may differ.
  nodeAffinityPolicy {Honor Ignore}: Whether nodes that the pod cannot go to count.
  nodeTaintsPolicy {Honor Ignore}: Whether nodes with taints that the pod does not tolerate count.
  topologyKey!: The label of nodes whose values are the domains.
  whenUnsatisfiable! {DoNotSchedule ScheduleAnyway}: Whether the pod waits, or goes where it does least harm.
Volume: A directory that containers can mount.
  name!: The volume's name.
HostPathVolumeSource: A file or directory of the node.
  path!: Its path.
  type {BlockDevice CharDevice Directory DirectoryOrCreate File FileOrCreate Socket}: What must be there. Left out: nothing is checked.
EmptyDirVolumeSource: A directory that lives as long as the pod.
  medium: Where it is: on the node's disk, or in Memory.
  sizeLimit: How much it may hold.
NFSVolumeSource: A directory of an NFS server.
  path!: The directory.
  server!: The server.
PersistentVolumeClaimVolumeSource: A volume by its claim.
  claimName!: The claim's name.
DownwardAPIVolumeFile: A file with something about the pod.
  path!: The file's path.
KeyToPath: A key that becomes a file.
  key!: The key.
  path!: The file's path.
ServiceAccountTokenProjection: A token of the pod's service account, as a file.
  path!: The file's path.
ImageVolumeSource: The files of an image.
  pullPolicy {Always IfNotPresent Never}: When the image is pulled.
PodStatus: What a node says of a pod.
  conditions: What holds of the pod, such as Ready.
  containerStatuses: How its containers are.
  hostIP: The node's address.
  message: Why the pod is as it is, for people.
  phase {Failed Pending Running Succeeded Unknown}: Where the pod is in its life.
  podIP: The first of podIPs.
  podIPs: The pod's addresses, at most one of each family.
  qosClass {BestEffort Burstable Guaranteed}: How soon the pod is given up when the node runs out of memory.
  reason: Why the pod is as it is, in one word.
  startTime: When the node took the pod over.
PodCondition: Something that holds of a pod, or does not.
  status!: True, False or Unknown.
  type!: What the condition is about: PodScheduled, Initialized, ContainersReady, Ready, ...
PodIP: An address of a pod.
  ip!: The address.
ContainerStatus: How a container is.
  image!: The image that it runs.
  imageID!: The image's digest.
  name!: The container's name.
  ready!: Whether it can serve.
  restartCount!: How often it was started again.
ContainerStateTerminated: A container that has ended.
  exitCode!: What it ended with.
`
