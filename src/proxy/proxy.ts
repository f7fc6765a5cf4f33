import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Client } from '../kube/client.ts'
import { serviceKeyOf, serviceKeysOf, triggerTimeOf } from '../kube/endpoint-slice.ts'
import { Informer } from '../kube/informer.ts'
import { keyOf } from '../kube/object-key.ts'
import { endpointSlices, nodes, serviceCidrs, services } from '../kube/resource.ts'
import type { Node, Service } from '../kube/types/core.ts'
import type { EndpointSlice, ServiceCidr } from '../kube/types/discovery.ts'
import { ConntrackSocket } from '../linux/conntrack.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { KeptFields } from './kept-fields.ts'
import { NodeAddresses } from './node-addresses.ts'
import { detectedNode, type NodeDetection } from './node-detection.ts'
import { NodeGate } from './node-gate.ts'
import type { NodeView, ProxyMode } from './node-view.ts'
import { planService } from './plan-service.ts'
import { type PlanListener, Program } from './program.ts'
import { noMetrics, type ProxyMetrics } from './proxy-metrics.ts'
import type { ServicePlan } from './service-plan.ts'
import { Syncer } from './syncer.ts'

export interface ProxyOptions {
  /** Needs list and watch of Services, EndpointSlices and its own Node. */
  readonly client: Client
  readonly nodeName: string
  /** Path of the node's network namespace; the process's own when left out. */
  readonly netns?: string
  readonly log: Log
  readonly clock: Clock
  readonly metrics?: ProxyMetrics
  /** Name of the tables. @default 'fairlead' */
  readonly table?: string
  /** Where NodePorts answer: CIDRs of the node's own addresses, `primary`, `all`. @default ['primary'] */
  readonly nodePortAddresses?: readonly string[]
  /** @default 'nftables' */
  readonly mode?: ProxyMode
  /** What its Node is taken to be. */
  readonly detection?: NodeDetection
  /** Nothing is programmed before the Node exists and has an address, as kube-proxy does it. */
  readonly awaitNode?: boolean
  readonly observer?: ProxyObserver
}

/** Who wants to know what the proxy sees and does; called before the kernel has it. */
export interface ProxyObserver {
  /** The Node as it is now, and what it is taken for; undefined: there is none. */
  nodeSeen(node: Node | undefined, view: NodeView): void
  /** A Service is handed to the compiler. */
  planned: PlanListener
}

/** A running node proxy. Disposing of it leaves the rules in place: connections go on, and the next one takes over. */
export interface NodeProxy extends AsyncDisposable {
  /** Resolves when all Services are in the kernel for the first time; rejects when the kernel refuses. */
  readonly synced: Promise<void>
  /** What the node does for a Service (`namespace/name`) and why, by the newest objects; undefined for an unknown one. */
  planOf(key: string): ServicePlan | undefined
  /** Addresses that a Service wants and another one has, each a phrase. */
  conflictsOf(key: string): readonly string[]
  /** Number of Service ports on the most shared round-robin counter of a Service's; 0 when it uses none. */
  sharersOf(key: string): number
}

/** Service ranges are worth a short wait, not more: older clusters have no ServiceCIDRs, or do not show them. */
const RANGES_PATIENCE_MS = 500

/** Objects per request of a list, as client-go has it. */
const PAGE_SIZE = 500

const BY_SERVICE = 'service'

/**
 * Keeps the Services of the API in the kernel of one node. Nothing is programmed before Services, EndpointSlices and the
 * Node are all known.
 */
export function startProxy(options: ProxyOptions): NodeProxy {
  const { client, nodeName, log, clock, metrics = noMetrics, detection = {}, observer } = options
  const stopping = new AbortController()
  const watched = { client, log, clock }
  const kept = new KeptFields()
  const paged = { ...watched, pageSize: PAGE_SIZE, byPage: true }
  const serviceInformer = new Informer<Service>({ ...paged, resource: services, transform: kept.service })
  const sliceInformer = new Informer<EndpointSlice>({ ...paged, resource: endpointSlices, transform: kept.slice })
  const nodeInformer = new Informer<Node>({ ...watched, resource: nodes, fieldSelector: `metadata.name=${nodeName}` })
  const cidrInformer = new Informer<ServiceCidr>({ ...watched, resource: serviceCidrs })
  sliceInformer.addIndex(BY_SERVICE, serviceKeysOf)

  const kernel = NftSocket.open(options.netns)
  const connections = ConntrackSocket.open(options.netns)
  const table = options.table === undefined ? {} : { table: options.table }
  const listener = observer === undefined ? {} : { onPlanned: observer.planned }
  const program = new Program({ kernel, nodeName, ...table, ...listener })
  const objects = (key: string) => ({
    key,
    service: serviceInformer.get(key),
    slices: sliceInformer.byIndex(BY_SERVICE, key),
  })
  const source = { objects, keys: () => serviceInformer.list().map(keyOf) }
  const syncer = new Syncer({ program, kernel, connections, source, log, clock, metrics })

  followServices(serviceInformer, syncer, metrics)
  followSlices(sliceInformer, syncer, metrics)
  const mode = options.mode === undefined ? {} : { mode: options.mode }
  const view = () => ({ ...ports.of(detectedNode(nodeName, nodeInformer.get(nodeName), detection)), ...mode })
  const isKnown = () => !options.awaitNode || (nodeInformer.get(nodeName) !== undefined && view().addresses.length > 0)
  const gate = new NodeGate({ nodeName, log, clock, isKnown })
  const seeNode = () => {
    const node = nodeInformer.get(nodeName)
    observer?.nodeSeen(node, view())
    // A Node that is gone takes nothing with it: its pods and their connections may still be there.
    if (node !== undefined) syncer.markNode(view())
    gate.look()
  }
  const ports = new NodeAddresses({
    words: options.nodePortAddresses,
    netns: options.netns,
    log,
    clock,
    changed: seeNode,
  })
  nodeInformer.on({ added: seeNode, updated: seeNode, deleted: seeNode })
  const seeRanges = () => syncer.markServiceCidrs(cidrInformer.list().flatMap(({ spec }) => spec.cidrs))
  cidrInformer.on({ added: seeRanges, updated: seeRanges, deleted: seeRanges })

  const informers = [serviceInformer, sliceInformer, nodeInformer]
  const running = [...informers, cidrInformer].map((informer) => informer.run(stopping.signal))
  const prepared = nodeInformer.synced.then(() => gate.wait(stopping.signal)).then(() => syncer.prepare(view()))
  const known = [serviceInformer.synced, sliceInformer.synced, awhile(cidrInformer.synced, clock)]
  const synced = Promise.all([prepared, ...known]).then(() => syncer.start(view()))
  // Who does not wait for it must not be ended by it.
  synced.catch(() => {})
  return {
    synced,
    planOf(key) {
      const { service, slices } = objects(key)
      return service === undefined ? undefined : planService(service, slices, program.node)
    },
    conflictsOf: (key) => program.conflictsOf(key),
    sharersOf: (key) => program.sharersOf(key),
    async [Symbol.asyncDispose]() {
      ports[Symbol.dispose]()
      syncer[Symbol.dispose]()
      stopping.abort()
      await Promise.allSettled([...running, synced])
      connections[Symbol.dispose]()
      kernel[Symbol.dispose]()
    },
  }
}

/** Resolves when `promise` is settled, or after a while. */
function awhile(promise: Promise<unknown>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(RANGES_PATIENCE_MS, resolve)
    const done = () => {
      cancel()
      resolve()
    }
    promise.then(done, done)
  })
}

function followServices(informer: Informer<Service>, syncer: Syncer, metrics: ProxyMetrics): void {
  const changed = (service: Service) => {
    metrics.queued('service')
    syncer.mark(keyOf(service))
  }
  informer.on({ added: changed, updated: changed, deleted: changed })
}

function followSlices(informer: Informer<EndpointSlice>, syncer: Syncer, metrics: ProxyMetrics): void {
  const changed = (slice: EndpointSlice) => {
    const key = serviceKeyOf(slice)
    if (key === undefined) return
    metrics.queued('endpoints')
    syncer.mark(key, triggerTimeOf(slice))
  }
  informer.on({
    added: changed,
    updated(slice, old) {
      if (serviceKeyOf(old) !== serviceKeyOf(slice)) changed(old)
      changed(slice)
    },
    deleted: changed,
  })
}
