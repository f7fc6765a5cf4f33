import { type Clock, systemClock } from '../base/clock.ts'
import { Disposables } from '../base/disposables.ts'
import { FairleadError } from '../base/error.ts'
import { silentLog } from '../base/log.ts'
import { INTERNET_CLIENTS, vpcNetnsName } from '../cloud/fabric/fabric-names.ts'
import { instanceId } from '../cloud/region.ts'
import { issueSelfSigned } from '../cloud/self-signed-certificate.ts'
import { type Cluster, startCluster } from '../cluster/cluster.ts'
import { applyClusterDns, clusterDnsReady } from '../cluster/cluster-dns.ts'
import { type ClusterSpec, createClusterSpec } from '../cluster/cluster-spec.ts'
import { DemoWatch } from '../cluster/demo-watch.ts'
import type { LayoutRoots } from '../cluster/layout.ts'
import type { Vantage } from '../cluster/vantage.ts'
import { nodes, pods, services } from '../kube/resource.ts'
import type { Node, Pod, Service } from '../kube/types/core.ts'
import { netnsPath } from '../linux/netns.ts'
import { podNetns } from '../node/pod-netns.ts'
import type { Setting } from './cell.ts'
import type { ClientId } from './clients.ts'
import type { AttachedServer, CloudDesk, Instance } from './cloud-desk.ts'
import { InternetSite } from './internet-site.ts'
import { openCloudDesk } from './open-cloud-desk.ts'
import {
  BACKENDS,
  balancerName,
  CERTIFICATE,
  CLIENT_PODS,
  NAMESPACE,
  NODE_BESIDE,
  NODE_ELSEWHERE,
  NODES,
  podManifests,
  type SceneService,
  SERVICES,
  SITE_NAME,
  serviceManifest,
} from './scene.ts'
import { settle } from './settle.ts'

export interface LabOptions extends Setting {
  /** Of the cluster; nobody else's. */
  readonly name: string
  readonly roots: LayoutRoots
  readonly signal: AbortSignal
  readonly onProgress?: (text: string) => void
  readonly clock?: Clock
}

export const INTERNET_ADDRESS = INTERNET_CLIENTS[0].slice(0, INTERNET_CLIENTS[0].indexOf('/'))
const START_MS = 60_000

/** A cluster with the scene of the experiment in it, and all places to look from. Disposing removes the cluster. */
export class Lab implements AsyncDisposable {
  readonly setting: Setting
  readonly cluster: Cluster
  readonly watch: DemoWatch
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly nodes: readonly Node[]
  readonly #started: Disposables
  #trusted = ''
  #desk: CloudDesk | undefined

  private constructor(options: LabOptions, parts: Pick<Lab, 'cluster' | 'watch' | 'nodes'> & { started: Disposables }) {
    this.setting = { network: options.network, proxyMode: options.proxyMode }
    this.clock = options.clock ?? systemClock
    this.signal = options.signal
    this.cluster = parts.cluster
    this.watch = parts.watch
    this.nodes = parts.nodes
    this.#started = parts.started
  }

  /**
   * Starts a cluster of its own and applies the scene; returns when every part of it is known everywhere.
   *
   * @throws FairleadError where the machine does not allow it, `TIMEOUT` when the scene does not come to stand
   */
  static async open(options: LabOptions): Promise<Lab> {
    const { signal, roots, onProgress = () => {} } = options
    await using started = new Disposables()
    const cluster = started.use(await startCluster({ spec: specOf(options), roots }))
    signal.throwIfAborted()
    started.use(await InternetSite.open(cluster.internet, INTERNET_ADDRESS))
    const { client } = cluster
    const watch = started.use(new DemoWatch({ client, namespace: NAMESPACE, log: silentLog }))
    await abortable(cluster.nodesReady, signal)
    onProgress(`cluster of ${NODES} nodes runs`)
    const dns = applyClusterDns(cluster).then(() => clusterDnsReady(cluster))
    dns.catch(() => {})
    const { items } = await client.list(nodes)
    const lab = new Lab(options, { cluster, watch, nodes: items, started: started.move() })
    try {
      await lab.#stage()
      await abortable(dns, signal)
      await settle(lab)
      onProgress(`${SERVICES.length} Services and ${BACKENDS.length} pods answer`)
      return lab
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** A Service as it is now. @throws FairleadError `CHECK_FAILED` when there is none */
  service(name: string): Service {
    const found = this.watch.service(name)
    if (found !== undefined) return found
    throw new FairleadError('CHECK_FAILED', `There is no Service ${name}`)
  }

  pod(name: string): Pod {
    const found = this.watch.pod(name)
    if (found !== undefined) return found
    throw new FairleadError('CHECK_FAILED', `There is no pod ${name}`)
  }

  /** Addresses of the pods of the Services, by name of the pod. */
  backendAddresses(): ReadonlyMap<string, string> {
    return new Map(BACKENDS.map(({ name }) => [name, this.pod(name).status?.podIP ?? '']))
  }

  /** @throws FairleadError `CHECK_FAILED` when it has no such address */
  clusterIp(name: string): string {
    const address = this.service(name).spec.clusterIP
    if (address !== undefined && address !== '' && address !== 'None') return address
    throw new FairleadError('CHECK_FAILED', `Service ${name} has no ClusterIP`)
  }

  balancerAddress(name: string): string {
    const address = this.service(name).status?.loadBalancer?.ingress?.[0]?.ip
    if (address !== undefined) return address
    throw new FairleadError('CHECK_FAILED', `Service ${name} has no load balancer address`)
  }

  nodePort(name: string): number {
    const port = this.service(name).spec.ports?.[0]?.nodePort
    if (port !== undefined) return port
    throw new FairleadError('CHECK_FAILED', `Service ${name} has no node port`)
  }

  from(client: ClientId): Vantage {
    switch (client) {
      case 'backend-pod':
        return this.#podVantage(BACKENDS[0].name)
      case 'pod-beside':
      case 'pod-elsewhere':
        return this.#podVantage(CLIENT_PODS[client])
      case 'node-beside':
        return this.nodeVantage(NODE_BESIDE)
      case 'node-elsewhere':
        return this.nodeVantage(NODE_ELSEWHERE)
      case 'internet':
        return { name: 'internet', netns: this.cluster.internet }
      default:
        return client satisfies never
    }
  }

  nodeVantage(name: string): Vantage {
    return { name, netns: this.cluster.nodeNetns(name) }
  }

  /** The certificate that clients of the load balancer trust, in PEM. */
  get trusted(): string {
    return this.#trusted
  }

  /** Path of the VPC's namespace. */
  get vpcNetns(): string {
    return netnsPath(vpcNetnsName(this.cluster.spec.name))
  }

  /** The cloud, by its OpenAPI. */
  get cloud(): CloudDesk {
    if (this.#desk !== undefined) return this.#desk
    throw new FairleadError('BUG', 'The cloud is asked before there is a load balancer')
  }

  /** The instance of a Service. @throws FairleadError `CHECK_FAILED` when there is none, or more than one */
  async instanceOf(name: string): Promise<Instance> {
    const found = await this.cloud.instancesOf(this.service(name))
    const [instance] = found
    if (instance !== undefined && found.length === 1) return instance
    throw new FairleadError('CHECK_FAILED', `Service ${name} has ${found.length} load balancer instances`)
  }

  async serversOf(name: string): Promise<readonly AttachedServer[]> {
    return this.cloud.serversOf((await this.instanceOf(name)).id)
  }

  /** The machine of a node, as the cloud calls it. */
  machineOf(node: string): string {
    return instanceId(this.cluster.spec.name, node)
  }

  /** Applies a Service as `kubectl create` does. */
  async create(service: SceneService): Promise<void> {
    await this.cluster.client.create(services, serviceManifest(service))
  }

  /** Resolves with what `look` finds in what is watched. @throws FairleadError `TIMEOUT` that says what is missing */
  async until<R>(what: string, look: () => R | undefined): Promise<R> {
    const limit = AbortSignal.timeout(START_MS)
    try {
      return await this.watch.until(look, AbortSignal.any([limit, this.signal]))
    } catch (cause) {
      if (this.signal.aborted) throw cause
      throw new FairleadError('TIMEOUT', `After ${START_MS / 1000} s there is not yet ${what}`, { cause })
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#started[Symbol.asyncDispose]()
  }

  /** Pods first: a Service finds all its endpoints at once then. */
  async #stage(): Promise<void> {
    const { client } = this.cluster
    const manifests = podManifests()
    for (const pod of manifests) await client.create(pods, pod)
    for (const { metadata } of manifests)
      await this.until(`a ready pod ${metadata.name}`, () => this.#ready(metadata.name))
    for (const service of SERVICES.filter(({ needsCertificate }) => needsCertificate !== true))
      await this.create(service)
    await this.until(
      'a load balancer',
      () => this.watch.service(balancerName('Local'))?.status?.loadBalancer?.ingress?.[0],
    )
    await this.#enterCloud()
    const { certificatePem, privateKeyPem } = await issueSelfSigned(SITE_NAME)
    this.#trusted = certificatePem
    const id = await this.cloud.uploadCertificate(certificatePem, privateKeyPem)
    for (const service of SERVICES.filter(({ needsCertificate }) => needsCertificate === true)) {
      await this.create({ ...service, annotations: { ...service.annotations, [CERTIFICATE]: id } })
    }
  }

  /** Opens the door to the cloud, which is there since the first load balancer. */
  async #enterCloud(): Promise<void> {
    this.#desk = this.#started.use(await openCloudDesk(this.cluster))
  }

  #ready(name: string): true | undefined {
    const conditions = this.watch.pod(name)?.status?.conditions
    return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true ? true : undefined
  }

  #podVantage(name: string): Vantage {
    const uid = this.pod(name).metadata.uid ?? ''
    return { name: `pod ${name}`, netns: netnsPath(podNetns(this.cluster.spec.name, uid)) }
  }
}

function specOf({ name, network, proxyMode }: LabOptions): ClusterSpec {
  return createClusterSpec({ name, nodes: NODES, apiPort: 0, network, proxyMode, dnsUpstream: [INTERNET_ADDRESS] })
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
