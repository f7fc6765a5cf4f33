import { serviceKeyOf } from '../../kube/endpoint-slice.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { endpointSlices, endpoints, services } from '../../kube/resource.ts'
import type { Endpoints, Service } from '../../kube/types/core.ts'
import type { EndpointSlice } from '../../kube/types/discovery.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { MANAGED_BY_LABEL } from '../endpointslice/slice.ts'
import { BY_SERVICE } from '../indexes.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'
import { OwnWrites } from '../own-writes.ts'
import { isMirrored, MAX_PER_SUBSET, MIRRORING_NAME, type Mirroring, planMirroring } from './mirror.ts'

/** Makes slices of Endpoints that people write for Services without a selector, so that proxies and DNS see them. */
export class EndpointSliceMirroringController implements Controller {
  readonly #context: ControllerContext
  readonly #services: Informer<Service>
  readonly #endpoints: Informer<Endpoints>
  readonly #slices: Informer<EndpointSlice>
  readonly #written: OwnWrites<EndpointSlice>
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#services = context.informers.for(services)
    this.#endpoints = context.informers.for(endpoints)
    this.#slices = context.informers.for(endpointSlices)
    this.#written = new OwnWrites(this.#slices)
    this.#services.on({
      added: (service) => isSelectorless(service) && this.#queue.add(keyOf(service)),
      updated: (service, old) => isSelectorless(service) !== isSelectorless(old) && this.#queue.add(keyOf(service)),
      deleted: (service) => isSelectorless(service) && this.#queue.add(keyOf(service)),
    })
    const add = (object: Endpoints) => isMirrored(object) && this.#queue.add(keyOf(object))
    this.#endpoints.on({
      added: add,
      updated: (object, old) => (isMirrored(old) || isMirrored(object)) && this.#queue.add(keyOf(object)),
      deleted: add,
    })
    const onSlice = (slice: EndpointSlice) => this.#onSlice(slice)
    this.#slices.on({ added: onSlice, updated: onSlice, deleted: onSlice })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#reconcile(key)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  /** Someone else changed or deleted a slice of ours, or it is left from before. */
  #onSlice(slice: EndpointSlice): void {
    const key = serviceKeyOf(slice)
    if (key === undefined || !isOurs(slice) || this.#written.isEcho(slice)) return
    this.#queue.add(key)
  }

  async #reconcile(key: string): Promise<void> {
    const mine = (slice: EndpointSlice) => isOurs(slice) && serviceKeyOf(slice) === key
    const existing = this.#written.view(this.#slices.byIndex(BY_SERVICE, key).filter(mine), mine)
    const object = this.#endpoints.get(key)
    const service = this.#services.get(key)
    if (object === undefined || service === undefined || !isMirrored(object) || !isSelectorless(service)) {
      await Promise.all(existing.map((slice) => this.#delete(slice)))
      return
    }
    const plan = planMirroring(object, existing)
    const changes = plan.create.length + plan.update.length + plan.delete.length
    await this.#write(plan)
    if (changes > 0) this.#tell(object, plan)
  }

  #tell(object: Endpoints, { invalid, skipped }: Mirroring): void {
    const { recorder } = this.#context
    if (invalid > 0) {
      const message = `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`
      recorder.event(object, 'Warning', 'InvalidIPAddress', message)
    }
    if (skipped > invalid) {
      const message = `A max of ${MAX_PER_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`
      recorder.event(object, 'Warning', 'TooManyAddressesToMirror', message)
    }
  }

  async #write(plan: Mirroring): Promise<void> {
    const { client } = this.#context
    try {
      for (const slice of plan.create) this.#written.wrote(await client.create(endpointSlices, slice))
      for (const slice of plan.update) this.#written.wrote(await client.update(endpointSlices, slice))
      for (const slice of plan.delete) await this.#delete(slice)
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error
    }
  }

  async #delete(slice: EndpointSlice): Promise<void> {
    await this.#written.delete(slice, () => this.#context.client.delete(endpointSlices, slice.metadata))
  }
}

function isSelectorless({ spec }: Service): boolean {
  return Object.keys(spec.selector ?? {}).length === 0
}

function isOurs({ metadata }: EndpointSlice): boolean {
  return metadata.labels?.[MANAGED_BY_LABEL] === MIRRORING_NAME
}
