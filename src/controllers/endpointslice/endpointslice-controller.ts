import { isIPv6 } from 'node:net'
import { serviceKeyOf } from '../../kube/endpoint-slice.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { endpointSlices, nodes, pods, services } from '../../kube/resource.ts'
import type { IpFamily, Node, Pod, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { sameJson } from '../canonical-json.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { BY_SERVICE } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { followSelectedPods, selectedPods } from '../selected-pods.ts'
import { hasSelector } from '../service-pods.ts'
import { desiredEndpoints } from './desired.ts'
import { planSlices, type SlicePlan, withTriggerTime } from './plan.ts'
import { planHinted } from './plan-hinted.ts'
import { CONTROLLER_NAME, MANAGED_BY_LABEL } from './slice.ts'
import {
  DISABLED,
  ENABLED,
  hintMessage,
  wantsAutoHints,
  ZONE_LABEL,
  type ZoneRatios,
  zoneRatios,
} from './topology-hints.ts'
import { TriggerTimes } from './trigger-time.ts'

/** Endpoints per slice, as upstream's `--max-endpoints-per-slice`. */
const MAX_ENDPOINTS = 100

/** Writes the EndpointSlices of every Service with a selector, at once when a pod or the Service changes. */
export class EndpointSliceController implements Controller {
  readonly #context: ControllerContext
  readonly #services: Informer<Service>
  readonly #pods: Informer<Pod>
  readonly #nodes: Informer<Node>
  readonly #slices: Informer<EndpointSlice>
  readonly #written: OwnWrites<EndpointSlice>
  readonly #triggers = new TriggerTimes()
  readonly #queue: WorkQueue
  /** Services that wait for a node to become known. */
  readonly #waiting = new Map<string, Set<string>>()
  #ratios: ZoneRatios
  /** What was told last of the hints of a Service and family. */
  readonly #told = new Map<string, string>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#services = context.informers.for(services)
    this.#pods = context.informers.for(pods)
    this.#nodes = context.informers.for(nodes)
    this.#slices = context.informers.for(endpointSlices)
    this.#written = new OwnWrites(this.#slices)
    this.#listen()
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#reconcile(key)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  #listen(): void {
    const add = (service: Service) => this.#queue.add(keyOf(service))
    this.#services.on({
      added: add,
      updated: add,
      deleted: (service) => {
        this.#triggers.forget(service)
        for (const family of ['IPv4', 'IPv6']) this.#told.delete(`${keyOf(service)}/${family}`)
      },
    })
    followSelectedPods({ services: this.#services, pods: this.#pods }, add)
    this.#nodes.on({
      added: (node) => this.#onNode(node),
      updated: (node, old) => this.#onZone(node, old),
      deleted: () => this.#onNodesChanged(),
    })
    const addOwner = (slice: EndpointSlice) => this.#onSlice(slice)
    this.#slices.on({ added: addOwner, updated: addOwner, deleted: addOwner })
  }

  #onNode({ metadata: { name } }: Node): void {
    this.#onNodesChanged()
    for (const key of this.#waiting.get(name) ?? []) this.#queue.add(key)
    this.#waiting.delete(name)
  }

  /** Zones have other shares of the cluster: hints are weighed again. */
  #onNodesChanged(): void {
    const ratios = zoneRatios(this.#nodes.list())
    if (sameJson([...(ratios ?? [])], [...(this.#ratios ?? [])])) return
    this.#ratios = ratios
    for (const service of this.#services.list()) if (wantsAutoHints(service)) this.#queue.add(keyOf(service))
  }

  #onZone(node: Node, old: Node): void {
    this.#onNodesChanged()
    if (node.metadata.labels?.[ZONE_LABEL] === old.metadata.labels?.[ZONE_LABEL]) return
    for (const service of this.#services.list()) this.#queue.add(keyOf(service))
  }

  /** Someone else changed or deleted a slice of ours. */
  #onSlice(slice: EndpointSlice): void {
    const key = serviceKeyOf(slice)
    if (key === undefined || !isManaged(slice) || this.#written.isEcho(slice)) return
    this.#queue.add(key)
  }

  async #reconcile(key: string): Promise<void> {
    const service = this.#services.get(key)
    if (service === undefined || !hasSelector(service)) return
    const selected = selectedPods(this.#pods, service)
    const existing = this.#slicesOf(key)
    const families = familiesOf(service)
    const foreign = existing.filter(({ addressType }) => !families.some((family) => family === addressType))
    const plans = families.map((family) => this.#plan(service, family, { pods: selected, existing }))
    const triggerTime = this.#triggers.next(service, selected)
    await this.#write(merge([...plans, { create: [], update: [], delete: foreign }]), triggerTime)
  }

  #slicesOf(key: string): readonly EndpointSlice[] {
    const mine = (slice: EndpointSlice) => isManaged(slice) && serviceKeyOf(slice) === key
    return this.#written.view(this.#slices.byIndex(BY_SERVICE, key).filter(mine), mine)
  }

  #plan(
    service: Service,
    family: IpFamily,
    world: { readonly pods: readonly Pod[]; readonly existing: readonly EndpointSlice[] },
  ): SlicePlan {
    const node = (name: string) => this.#nodes.get(name)
    const { groups, unknownNodes } = desiredEndpoints(service, family, { pods: world.pods, node })
    for (const name of unknownNodes) {
      this.#waiting.set(name, (this.#waiting.get(name) ?? new Set()).add(keyOf(service)))
    }
    const existing = world.existing.filter(({ addressType }) => addressType === family)
    const goal = { addressType: family, groups, maxEndpoints: MAX_ENDPOINTS }
    const key = `${keyOf(service)}/${family}`
    if (!wantsAutoHints(service)) {
      if (this.#told.get(key) === ENABLED) this.#tellHints(service, family, DISABLED)
      this.#told.delete(key)
      return planSlices(service, goal, existing)
    }
    const hinted = planHinted(service, { ...goal, ratios: this.#ratios }, existing)
    if (this.#told.get(key) !== hinted.outcome) this.#tellHints(service, family, hinted.outcome)
    this.#told.set(key, hinted.outcome)
    return hinted.plan
  }

  #tellHints(service: Service, family: IpFamily, outcome: string): void {
    const [type, reason] =
      outcome === ENABLED
        ? (['Normal', 'TopologyAwareHintsEnabled'] as const)
        : (['Warning', 'TopologyAwareHintsDisabled'] as const)
    this.#context.recorder.event(service, type, reason, hintMessage(outcome, family))
  }

  async #write(plan: SlicePlan, triggerTime: string | undefined): Promise<void> {
    const { client } = this.#context
    const results = await Promise.allSettled([
      ...plan.create.map(async (slice) => {
        this.#written.wrote(await client.create(endpointSlices, withTriggerTime(slice, triggerTime)))
      }),
      ...plan.update.map(async (slice) => {
        this.#written.wrote(await client.update(endpointSlices, withTriggerTime(slice, triggerTime)))
      }),
      ...plan.delete.map((slice) => this.#delete(slice)),
    ])
    for (const result of results) {
      if (result.status === 'rejected' && !isNamespaceTerminating(result.reason)) throw result.reason
    }
  }

  async #delete(slice: EndpointSlice): Promise<void> {
    await this.#written.delete(slice, () => this.#context.client.delete(endpointSlices, slice.metadata))
  }
}

function isManaged(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[MANAGED_BY_LABEL] === CONTROLLER_NAME
}

/** The Service's families; by its address where a client that knows none has written it. */
function familiesOf(service: Service): readonly IpFamily[] {
  const { ipFamilies = [], clusterIP = '' } = service.spec
  if (ipFamilies.length > 0) return ipFamilies
  return [isIPv6(clusterIP) ? 'IPv6' : 'IPv4']
}

function merge(plans: readonly SlicePlan[]): SlicePlan {
  return {
    create: plans.flatMap((plan) => plan.create),
    update: plans.flatMap((plan) => plan.update),
    delete: plans.flatMap((plan) => plan.delete),
  }
}
