import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { KeyPair } from '../apiserver/pki/certificate.ts'
import { systemClock } from '../base/clock.ts'
import { Disposables } from '../base/disposables.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { instanceId, REGION_ID } from '../cloud/region.ts'
import type { Client } from '../kube/client.ts'
import { createHttpsTransport } from '../kube/https-transport.ts'
import { Informer } from '../kube/informer.ts'
import { nodes } from '../kube/resource.ts'
import { createClient } from '../kube/rest-client.ts'
import type { Transport } from '../kube/transport.ts'
import type { Node, NodeAddress } from '../kube/types/core.ts'
import { startFlannel } from '../network/flannel/flannel.ts'
import type { PodNetwork } from '../network/pod-network.ts'
import { maximumPods } from '../network/terway/pool-plan.ts'
import { createImages } from '../node/images/image-resolver.ts'
import { openImageStore } from '../node/images/image-store.ts'
import { type Kubelet, startKubelet } from '../node/kubelet.ts'
import { nodeDirectories } from '../node/node-directories.ts'
import type { NodeDescription } from '../node/node-status.ts'
import { registerNode } from '../node/register-node.ts'
import { findRunc } from '../node/runtime/runc-command.ts'
import { RuncRuntime } from '../node/runtime/runc-runtime.ts'
import { startKubeletServer } from '../node/server/kubelet-server.ts'
import { defaultConfiguration } from '../proxy/server/proxy-configuration.ts'
import { type ProxyServer, startProxyServer } from '../proxy/server/proxy-server.ts'
import type { CloudAccess } from './cluster-cloud.ts'
import { type ClusterSpec, type NodeSpec, podVSwitch } from './cluster-spec.ts'
import { clusterLayout, type LayoutRoots } from './layout.ts'
import { poolLimits, startNodeTerway } from './node-terway.ts'

/** How long a node's lease is of what silence it may keep: by default 40 s of 50 s. */
const LEASE_SHARE = 0.8

/** What a node's components show to the API server, each its own. */
export interface NodeCredentials {
  readonly kubelet: KeyPair
  readonly proxy: KeyPair
}

/** What a node's agent process is started with. It runs in the node's network namespace. */
export interface AgentConfig {
  readonly spec: ClusterSpec
  readonly roots: LayoutRoots
  readonly node: NodeSpec
  readonly server: string
  readonly caPem: string
  readonly credentials: NodeCredentials
  readonly runcVersion: string
  /** How to reach the cloud, where pods have addresses of it. */
  readonly cloud?: CloudAccess
  /** Where the bundled programs of the built-in images are. */
  readonly builtinDirectory: string
}

/** The node is registered, its network stands and its Services are in the kernel. */
export interface AgentReady {
  readonly node: string
  readonly podCidrs: readonly string[]
}

/** Starts what a node consists of: pod network, Services, pods. All of it outlives the agent. */
export async function startAgent(
  config: AgentConfig,
  log: Log,
): Promise<{ result: AgentReady; stop: () => Promise<void> }> {
  const clock = systemClock
  await using started = new Disposables()
  const stopping = new AbortController()
  started.defer(() => stopping.abort(new FairleadError('NOT_RUNNING', 'The agent stops')))
  const client = connect(config, config.credentials.kubelet, started)
  const addresses = addressesOf(config.node)
  const { runcVersion } = config
  const { name: nodeName } = config.node
  const registered = registerNode({
    client,
    nodeName,
    addresses,
    ...machineOf(config),
    runcVersion,
    clock,
    log,
  })
  const proxy = started.use(startNodeProxy(config, connectTransport(config, config.credentials.proxy, started), log))
  await registered
  log.info('Node is registered')
  const nodeInformer = new Informer({ client, resource: nodes, log, clock })
  const watching = nodeInformer.run(stopping.signal)
  started.defer(() => {
    stopping.abort(new FairleadError('NOT_RUNNING', 'The agent stops'))
    return watching
  })
  const podCidrs = await podCidrsOf(config.spec, nodeInformer, config.node.name)
  log.info({ podCidrs }, 'Node has pod ranges')
  const network = started.use(startPodNetwork(config, { client, podCidrs, nodeInformer, log, signal: stopping.signal }))
  const kubelet = started.use(startPods(config, { client, network, addresses, log }))
  started.use(await startNodeServer(config, kubelet, log))
  await Promise.all([kubelet.synced, proxy.synced])
  log.info('Pods and Services are looked after')
  const running = started.move()
  return {
    result: { node: config.node.name, podCidrs: podRangesOf(config, podCidrs) },
    stop: () => running[Symbol.asyncDispose](),
  }
}

/** The same proxy as `fairlead proxy`, in this process. Its library for metrics waits: the first answer does not. */
function startNodeProxy({ spec, node, server }: AgentConfig, transport: Transport, log: Log): ProxyServer {
  return startProxyServer({
    configuration: defaultConfiguration(spec.proxyMode),
    transport,
    apiHost: new URL(server).host,
    nodeName: node.name,
    log: log.child({ component: 'proxy' }),
    clock: systemClock,
    metricsLast: true,
  })
}

function connect(config: AgentConfig, identity: KeyPair, started: Disposables): Client {
  return createClient(connectTransport(config, identity, started), { userAgent: 'fairlead-agent' })
}

function connectTransport({ server, caPem }: AgentConfig, identity: KeyPair, started: Disposables): Transport {
  return started.use(
    createHttpsTransport({
      server,
      caPem,
      clientCertificatePem: identity.certificatePem,
      clientKeyPem: identity.privateKeyPem,
    }),
  )
}

function addressesOf(node: NodeSpec): NodeAddress[] {
  return [
    { type: 'InternalIP', address: node.address },
    { type: 'ExternalIP', address: node.publicAddress },
    { type: 'Hostname', address: node.name },
  ]
}

/** What the Node says of the machine that it is. */
function machineOf({ spec, node }: AgentConfig): Pick<NodeDescription, 'labels' | 'providerID' | 'maxPods'> {
  // The names before Kubernetes 1.17 too: the cloud controller sees to both.
  const labels = {
    'beta.kubernetes.io/instance-type': node.instanceType,
    'node.kubernetes.io/instance-type': node.instanceType,
    'failure-domain.beta.kubernetes.io/region': REGION_ID,
    'topology.kubernetes.io/region': REGION_ID,
    'failure-domain.beta.kubernetes.io/zone': node.zone,
    'topology.kubernetes.io/zone': node.zone,
  }
  return { labels, providerID: `${REGION_ID}.${instanceId(spec.name, node.name)}`, maxPods: maxPodsOf(spec, node) }
}

/** Under Terway a pod needs an address of the node's interfaces. */
function maxPodsOf({ network, maxPods, pool }: ClusterSpec, node: NodeSpec): number {
  return network === 'terway-eniip' ? Math.min(maxPods, maximumPods(poolLimits(node, pool))) : maxPods
}

/** Where the addresses of the node's pods are from: its own ranges, or those of its zone's vSwitch. */
function podRangesOf({ spec, node }: AgentConfig, podCidrs: readonly string[]): readonly string[] {
  if (podCidrs.length > 0) return podCidrs
  return spec.vSwitches.filter(({ name }) => name === podVSwitch(node.zone)).map(({ cidrBlock }) => cidrBlock)
}

/** The node's pod ranges, as soon as node IPAM has given it some; none where pods have addresses of the VPC. */
async function podCidrsOf(spec: ClusterSpec, informer: Informer<Node>, name: string): Promise<readonly string[]> {
  return spec.clusterCidrs.length === 0 ? [] : podCidrsFrom(informer, name)
}

function podCidrsFrom(informer: Informer<Node>, name: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const look = (node: Node) => {
      if (node.metadata.name !== name) return
      const { podCIDRs, podCIDR } = node.spec ?? {}
      const cidrs = podCIDRs ?? (podCIDR === undefined ? [] : [podCIDR])
      if (cidrs.length === 0) return
      forget()
      resolve(cidrs)
    }
    let forget = () => {}
    forget = informer.on({ added: look, updated: look })
  })
}

interface NetworkNeeds {
  readonly client: Client
  readonly podCidrs: readonly string[]
  readonly nodeInformer: Informer<Node>
  readonly log: Log
  readonly signal: AbortSignal
}

function startPodNetwork(config: AgentConfig, needs: NetworkNeeds): PodNetwork {
  if (config.spec.network === 'terway-eniip') return startNodeTerway(config, needs.log)
  const { client, podCidrs, nodeInformer, log, signal } = needs
  const layout = clusterLayout(config.spec.name, config.roots)
  const stateDirectory = join(layout.runDirectory, 'nodes', config.node.name, 'flannel')
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 })
  return startFlannel({
    client,
    nodeName: config.node.name,
    nodeAddress: config.node.address,
    podCidrs,
    clusterCidrs: config.spec.clusterCidrs,
    stateDirectory,
    nodes: nodeInformer,
    log: log.child({ component: 'flannel' }),
    clock: systemClock,
    signal,
  })
}

function startNodeServer(config: AgentConfig, { pods }: Kubelet, log: Log) {
  const { spec, roots, node, caPem, credentials } = config
  const layout = clusterLayout(spec.name, roots)
  const directories = { run: layout.runDirectory, state: layout.stateDirectory }
  const { certificatePem, privateKeyPem } = credentials.kubelet
  return startKubeletServer({
    nodeName: node.name,
    address: node.address,
    tls: { certificate: certificatePem, privateKey: privateKeyPem, clientAuthority: caPem },
    pods,
    maxPods: maxPodsOf(spec, node),
    logDirectory: dirname(nodeDirectories(directories, node.name).logs),
    clock: systemClock,
    log: log.child({ component: 'kubelet' }),
  })
}

interface PodNeeds {
  readonly client: Client
  readonly network: PodNetwork
  readonly addresses: readonly NodeAddress[]
  readonly log: Log
}

function startPods(config: AgentConfig, { client, network, addresses, log }: PodNeeds) {
  const { spec, node } = config
  const layout = clusterLayout(spec.name, config.roots)
  const clock = systemClock
  const directories = { run: layout.runDirectory, state: layout.stateDirectory }
  const places = nodeDirectories(directories, node.name)
  const kubeletLog = log.child({ component: 'kubelet' })
  const stores = [layout.imageDirectory, layout.sharedImageDirectory].map((directory) => openImageStore({ directory }))
  return startKubelet({
    client,
    nodeName: node.name,
    clusterName: spec.name,
    addresses,
    network,
    images: createImages(stores, { builtinDirectory: config.builtinDirectory }),
    runtime: new RuncRuntime({
      runc: findRunc(places.runc),
      podsDirectory: places.pods,
      logsDirectory: places.logs,
      clock,
      log: kubeletLog,
    }),
    ...(spec.nodeMonitorGraceMs === undefined ? {} : { leaseMs: LEASE_SHARE * spec.nodeMonitorGraceMs }),
    clusterDns: { server: spec.dnsAddress, domain: spec.clusterDomain },
    directories,
    log: kubeletLog,
    clock,
  })
}
