import assert from 'node:assert/strict'
import { openTestBench, type TestBench } from '../../src/apiserver/test-bench.ts'
import { type Clock, systemClock } from '../../src/base/clock.ts'
import { errorMessage, FairleadError } from '../../src/base/error.ts'
import { createLog } from '../../src/base/log.ts'
import { awaitJobs } from '../../src/ccm/api/await-jobs.ts'
import type { CloudApi, CloudProduct } from '../../src/ccm/api/cloud-api.ts'
import { createPopClient } from '../../src/ccm/api/pop-client.ts'
import type { CloudConfig } from '../../src/ccm/cloud-config.ts'
import { syncSettings } from '../../src/ccm/cloud-controller.ts'
import { Interfaces } from '../../src/ccm/interfaces.ts'
import { NetworkBalancer } from '../../src/ccm/nlb/network-balancer.ts'
import type { Reconciler } from '../../src/ccm/service-controller.ts'
import { ClassicBalancer } from '../../src/ccm/sync/classic-balancer.ts'
import { ServiceSync } from '../../src/ccm/sync/service-sync.ts'
import type { ClusterView } from '../../src/ccm/sync/sync-context.ts'
import { createNlbProduct } from '../../src/cloud/nlb/nlb-product.ts'
import { instanceId, REGION_ID, type RegionSpec, regionIds, vSwitchId } from '../../src/cloud/region.ts'
import { createSlbProduct } from '../../src/cloud/slb/slb-product.ts'
import type { ChangedSince } from '../../src/cloud/state/unfollowed.ts'
import { type Acs3Client, openTestCloud, TEST_REGION, TEST_USER, type TestCloud } from '../../src/cloud/test-cloud.ts'
import type { Client } from '../../src/kube/client.ts'
import { createEventRecorder, type EventRecorder } from '../../src/kube/event-recorder.ts'
import { keyOf } from '../../src/kube/object-key.ts'
import { endpointSlices, events, nodes, pods, services } from '../../src/kube/resource.ts'
import { createClient } from '../../src/kube/rest-client.ts'
import type { CoreEvent, Node, Pod, Service, ServicePort } from '../../src/kube/types/core.ts'
import type { Endpoint, EndpointSlice } from '../../src/kube/types/discovery.ts'

export const log = createLog({ component: 'test', level: process.env.FAIRLEAD_LOG_LEVEL ?? 'silent' })

/** What happens to calls on their way: tests count them, let them fail, or lose their answers. */
export type Meddle = (action: string, count: number) => 'pass' | 'refuse' | 'lose' | 'kill'

export class WatchedApi implements CloudApi {
  readonly #api: CloudApi
  readonly calls: string[] = []
  meddle: Meddle = () => 'pass'

  constructor(api: CloudApi) {
    this.#api = api
  }

  async call(product: CloudProduct, action: string, parameters: Readonly<Record<string, unknown>>) {
    this.calls.push(action)
    const fate = this.meddle(action, this.calls.length)
    if (fate === 'refuse') throw new FairleadError('API_UNREACHABLE', `no way to ${action}`)
    const answer = await this.#api.call(product, action, parameters)
    if (fate === 'lose') throw new FairleadError('API_UNREACHABLE', `answer to ${action} lost`)
    if (fate === 'kill') throw new Killed()
    return answer
  }

  /** Calls that change something, since the last look. */
  takeWrites(): string[] {
    return this.takeCalls().filter((action) => !/^(Describe|List|Get)/.test(action))
  }

  takeCalls(): string[] {
    return this.calls.splice(0)
  }
}

/** The program is no more: nothing that comes after it counts. */
export class Killed extends Error {}

export interface CcmOptions {
  /** Which load balancers Services get. @default 'clb' */
  readonly kind?: 'clb' | 'nlb'
  readonly compat?: boolean
  readonly config?: Partial<CloudConfig>
  readonly clock?: Clock
  readonly region?: RegionSpec
  readonly driftPeriodMs?: number
  readonly batchSize?: number
  readonly dryRun?: boolean
  /** Whether packets do not follow a job of NLB yet. @default they do */
  readonly isOpen?: (jobId: string) => boolean
  /** Since when load balancers are being configured. @default never */
  readonly since?: ChangedSince
}

/** An API server, a cloud, and what reconciles Services between them, one step at a time. */
export class CcmBench implements AsyncDisposable {
  readonly cloud: TestCloud
  readonly client: Client
  readonly api: WatchedApi
  readonly #bench: TestBench
  readonly #options: CcmOptions
  readonly #view = new ListedView()
  #recorder: EventRecorder
  #sync: Reconciler
  #services = 0
  #nlb: Acs3Client | undefined

  constructor(bench: TestBench, cloud: TestCloud, options: CcmOptions) {
    this.#bench = bench
    this.cloud = cloud
    this.#options = options
    this.client = createClient(bench.transport)
    this.api = new WatchedApi(createPopClient({ access: accessTo(cloud) }))
    this.#recorder = this.#newRecorder()
    this.#sync = this.#newSync(options)
  }

  #newRecorder(): EventRecorder {
    return createEventRecorder({ client: this.client, component: 'service-controller', clock: systemClock, log })
  }

  #newSync(options: CcmOptions): Reconciler {
    const { clock = systemClock } = options
    const settings = syncSettings({ ...options, config: { ...configOf(this.cloud), ...options.config } })
    const interfaces = new Interfaces(this.api, settings.vpcId)
    this.#recorder = this.#newRecorder()
    const context = {
      api: awaitJobs(this.api, clock),
      client: this.client,
      recorder: this.#recorder,
      cluster: this.#view,
      interfaces,
      settings,
      clock,
      log,
    }
    if (this.#options.kind === 'nlb') return new ServiceSync(context, new NetworkBalancer(context))
    return new ServiceSync(context, new ClassicBalancer(context))
  }

  /** The program starts anew, and remembers nothing. */
  restart(options: CcmOptions = {}): void {
    this.#sync = this.#newSync({ ...this.#options, ...options })
  }

  async refresh(): Promise<void> {
    await this.#view.refresh(this.client)
  }

  /** Reconciles a Service once, with the cluster as it is now. */
  async sync(name: string): Promise<void> {
    await this.refresh()
    await this.#sync.sync(`default/${name}`)
  }

  /** Reconciles Services at the same time, with the cluster as it is now; what each fails with, by name. */
  async syncAll(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    await this.refresh()
    const failures = new Map<string, string>()
    const sync = (name: string) =>
      this.#sync.sync(`default/${name}`).catch((error: unknown) => failures.set(name, errorMessage(error)))
    await Promise.all(names.map(sync))
    return failures
  }

  /** Reconciles, and returns what it fails with. */
  async syncFails(name: string): Promise<string> {
    return this.sync(name).then(
      () => assert.fail(`Reconciling ${name} did not fail`),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
  }

  /** Messages of a Service's Events, of one reason. */
  async events(name: string, reason: string): Promise<string[]> {
    await this.#recorder.flush()
    const { items } = await this.client.list<CoreEvent>(events, { namespace: 'default' })
    return items
      .filter((event) => event.involvedObject.name === name && event.reason === reason)
      .map((event) => event.message ?? '')
  }

  async addService(options: Partial<ServiceOptions> = {}): Promise<Service> {
    this.#services++
    return this.client.create(services, serviceOf({ name: `web-${this.#services}`, ...options }))
  }

  /** A Service's endpoints, as of the last look. */
  endpointsOf(name: string): readonly Endpoint[] {
    return this.#view.slices(`default/${name}`).flatMap(({ endpoints }) => endpoints ?? [])
  }

  service(name: string): Promise<Service> {
    return this.client.get(services, { namespace: 'default', name })
  }

  /** Sets and (with null) removes annotations by suffix. */
  async annotate(name: string, annotations: Readonly<Record<string, string | null>>): Promise<void> {
    const full = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [annotation(key), value]))
    await this.patch(name, { metadata: { annotations: full } })
  }

  async patch(name: string, body: object): Promise<void> {
    await this.client.patch(services, { namespace: 'default', name }, { type: 'merge', body })
  }

  async clearStatus(name: string): Promise<void> {
    const body = { status: { loadBalancer: { ingress: null } } }
    await this.client.patch(
      services,
      { namespace: 'default', name },
      { type: 'merge', body },
      { subresource: 'status' },
    )
  }

  async addNode(name: string, change: NodeChange = {}): Promise<void> {
    await this.client.create(nodes, nodeOf(name, change))
  }

  /** Gives a Service its endpoints of a family, in the place of those that it had. */
  async setEndpoints(
    service: string,
    endpoints: readonly Endpoint[],
    addressType: EndpointSlice['addressType'] = 'IPv4',
  ): Promise<void> {
    const name = `${service}-${addressType.toLowerCase()}`
    const found = await this.client.find(endpointSlices, { namespace: 'default', name })
    const slice: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
      addressType,
      endpoints,
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    }
    if (found === undefined) await this.client.create(endpointSlices, slice)
    else await this.client.update(endpointSlices, { ...slice, metadata: found.metadata })
  }

  /** Asks SLB as a person at the console would. */
  async ask<Answer = Record<string, unknown>>(
    action: string,
    parameters: object = {},
    version = '2014-05-15',
  ): Promise<Answer> {
    const answer = await this.cloud.client(version).request<Answer>(action, parameters, { method: 'POST' })
    // The client's objects have no prototype.
    return JSON.parse(JSON.stringify(answer))
  }

  /** Asks NLB as a person at the console would. */
  async askNlb<Answer = Record<string, unknown>>(action: string, parameters: object = {}): Promise<Answer> {
    this.#nlb ??= this.cloud.acs3('2022-04-30')
    return JSON.parse(JSON.stringify(await this.#nlb(action, parameters)))
  }

  machine(name: string): string {
    return instanceId(TEST_REGION.cluster, name)
  }

  async instances(): Promise<Described[]> {
    const { LoadBalancers } = await this.ask<{ LoadBalancers: { LoadBalancer: Described[] } }>(
      'DescribeLoadBalancers',
      {
        PageSize: 100,
      },
    )
    return LoadBalancers.LoadBalancer
  }

  /** The one instance of a Service. */
  async instanceOf(name: string): Promise<Described> {
    const id = (await this.service(name)).metadata.labels?.['service.k8s.alibaba/loadbalancer-id']
    const found = (await this.instances()).find((one) => one.LoadBalancerId === id)
    return found ?? assert.fail(`${name} has no instance`)
  }

  async listenersOf(id: string): Promise<DescribedListener[]> {
    const { Listeners } = await this.ask<{ Listeners: DescribedListener[] }>('DescribeLoadBalancerListeners', {
      LoadBalancerId: [id],
      MaxResults: 100,
    })
    return Listeners
  }

  async groupsOf(id: string): Promise<DescribedGroup[]> {
    type Listed = { VServerGroups: { VServerGroup: { VServerGroupId: string; VServerGroupName: string }[] } }
    const { VServerGroups } = await this.ask<Listed>('DescribeVServerGroups', { LoadBalancerId: id })
    return Promise.all(
      VServerGroups.VServerGroup.map(async ({ VServerGroupId, VServerGroupName }) => {
        type Attribute = { BackendServers: { BackendServer: DescribedServer[] } }
        const { BackendServers } = await this.ask<Attribute>('DescribeVServerGroupAttribute', { VServerGroupId })
        return { id: VServerGroupId, name: VServerGroupName, servers: BackendServers.BackendServer }
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#recorder.flush()
    await this.cloud[Symbol.asyncDispose]()
    await this.#bench[Symbol.asyncDispose]()
  }
}

export interface Described {
  readonly LoadBalancerId: string
  readonly LoadBalancerName: string
  readonly Address: string
  readonly Tags: { readonly Tag: readonly { readonly TagKey: string; readonly TagValue: string }[] }
  readonly [name: string]: unknown
}

export interface DescribedListener {
  readonly ListenerPort: number
  readonly ListenerProtocol: string
  readonly Description: string
  readonly Status: string
  readonly VServerGroupId: string
  readonly [name: string]: unknown
}

export interface DescribedServer {
  readonly ServerId: string
  readonly ServerIp: string
  readonly Port: number
  readonly Weight: number
  readonly Type: string
  readonly Description: string
}

export interface DescribedGroup {
  readonly id: string
  readonly name: string
  readonly servers: readonly DescribedServer[]
}

export async function openCcmBench(options: CcmOptions = {}): Promise<CcmBench> {
  const bench = await openTestBench()
  const region = options.region === undefined ? {} : { region: options.region }
  const { isOpen = () => false, since = () => undefined } = options
  const nlb = createNlbProduct({ health: () => undefined, isOpen, since })
  const cloud = await openTestCloud({ products: [createSlbProduct(() => undefined, since), nlb], ...region })
  return new CcmBench(bench, cloud, options)
}

export function accessTo(cloud: TestCloud) {
  const { url } = cloud.endpoint
  const { accessKeyId, accessKeySecret } = TEST_USER
  const endpoints = { slb: url, nlb: url, ecs: url, vpc: url }
  return { accessKeyId, accessKeySecret, endpoints, region: REGION_ID, clusterId: 'c1' }
}

export function configOf(cloud: TestCloud): CloudConfig {
  return {
    region: REGION_ID,
    clusterId: 'c1',
    vpcId: cloud.ids.vpcId,
    vSwitchIds: [vSwitchId(TEST_REGION.cluster, 'zone-a')],
    keys: { accessKeyId: TEST_USER.accessKeyId, accessKeySecret: TEST_USER.accessKeySecret },
    routeTableIds: [regionIds(TEST_REGION.cluster).routeTableId],
    serviceBackendType: 'ecs',
    serviceMaxConcurrentReconciles: 3,
    disablePublicSlb: false,
    nodeMonitorPeriodSeconds: 300,
    featureGates: {},
  }
}

/** The full key of an annotation: `loadbalancer-id`, or `id` for short. */
export function annotation(suffix: string): string {
  if (suffix.includes('/')) return suffix
  if (suffix === 'backend-type') return `service.beta.kubernetes.io/${suffix}`
  const whole = suffix.startsWith('loadbalancer-') ? suffix : `loadbalancer-${suffix}`
  return `service.beta.kubernetes.io/alibaba-cloud-${whole}`
}

export interface ServiceOptions {
  readonly name: string
  readonly annotations: Readonly<Record<string, string>>
  readonly ports: readonly ServicePort[]
  readonly spec: Partial<Service['spec']>
}

export function serviceOf({
  name,
  annotations = {},
  ports,
  spec = {},
}: Partial<ServiceOptions> & { name: string }): Service {
  const full = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [annotation(key), value]))
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', annotations: full },
    spec: { type: 'LoadBalancer', selector: { app: name }, ports: ports ?? [{ port: 80, targetPort: 8080 }], ...spec },
  }
}

export interface NodeChange {
  readonly labels?: Readonly<Record<string, string>>
  readonly spec?: Node['spec']
  readonly ready?: boolean
}

export function nodeOf(name: string, { labels = {}, spec = {}, ready = true }: NodeChange = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec: { providerID: `${REGION_ID}.${instanceId(TEST_REGION.cluster, name)}`, ...spec },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  }
}

export function endpoint(ip: string, nodeName: string, conditions: Endpoint['conditions'] = { ready: true }): Endpoint {
  return { addresses: [ip], nodeName, conditions: { serving: true, terminating: false, ...conditions } }
}

class ListedView implements ClusterView {
  #services = new Map<string, Service>()
  #nodes = new Map<string, Node>()
  #slices: readonly EndpointSlice[] = []
  #pods = new Map<string, Pod>()

  async refresh(client: Client): Promise<void> {
    const [found, machines, slices, running] = await Promise.all([
      client.list(services),
      client.list(nodes),
      client.list(endpointSlices),
      client.list(pods),
    ])
    this.#services = new Map(found.items.map((service) => [keyOf(service), service]))
    this.#nodes = new Map(machines.items.map((node) => [node.metadata.name, node]))
    this.#slices = slices.items
    this.#pods = new Map(running.items.map((pod) => [keyOf(pod), pod]))
  }

  service(key: string): Service | undefined {
    return this.#services.get(key)
  }

  nodes(): ReadonlyMap<string, Node> {
    return this.#nodes
  }

  slices(key: string): readonly EndpointSlice[] {
    return this.#slices.filter(
      ({ metadata }) => `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name']}` === key,
    )
  }

  pod(namespace: string, name: string): Pod | undefined {
    return this.#pods.get(`${namespace}/${name}`)
  }
}
