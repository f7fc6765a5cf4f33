import { isConflict, isNotFound } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { ipAddresses, serviceCidrs } from '../../kube/resource.ts'
import type { IpAddress, ServiceCidr } from '../../kube/types/discovery.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { writeStatus } from '../write-status.ts'
import { planServiceCidr, SERVICE_CIDR_FINALIZER } from './plan.ts'

/** How long a range that nobody needs is kept, so that allocators have heard that it goes (as upstream). */
const GRACE_MS = 10_000

/** Keeps a ServiceCIDR that is deleted for as long as addresses of it are in use, and says so in its conditions. */
export class ServiceCidrController implements Controller {
  readonly #context: ControllerContext
  readonly #ranges: Informer<ServiceCidr>
  readonly #addresses: Informer<IpAddress>
  readonly #queue: WorkQueue

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#ranges = context.informers.for(serviceCidrs)
    this.#addresses = context.informers.for(ipAddresses)
    // Another range may have come or gone that has the same addresses.
    const addAll = () => this.#addAll(() => true)
    this.#ranges.on({ added: addAll, updated: addAll, deleted: addAll })
    const addLeaving = () => this.#addAll(({ metadata }) => metadata.deletionTimestamp !== undefined)
    this.#addresses.on({ deleted: addLeaving })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (name: string) => this.#reconcile(name)
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
  }

  #addAll(concerns: (range: ServiceCidr) => boolean): void {
    for (const range of this.#ranges.list().filter(concerns)) this.#queue.add(range.metadata.name)
  }

  async #reconcile(name: string): Promise<void> {
    const range = this.#ranges.get(name)
    if (range === undefined) return
    const { client, clock } = this.#context
    const leaving = range.metadata.deletionTimestamp !== undefined
    const addresses = leaving ? this.#addresses.list() : []
    const plan = planServiceCidr(range, { ranges: this.#ranges.list(), addresses, now: clock.now() })
    try {
      if (plan.finalizers !== undefined) await this.#writeFinalizers(range, plan.finalizers)
      if (plan.conditions !== undefined) {
        await writeStatus(client, serviceCidrs, { object: range, status: { conditions: plan.conditions } })
      }
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
    if (plan.release) await this.#release(range)
  }

  async #release(range: ServiceCidr): Promise<void> {
    const { name, deletionTimestamp, finalizers = [] } = range.metadata
    const wait = Date.parse(deletionTimestamp ?? '') + GRACE_MS - this.#context.clock.now()
    if (wait > 0) {
      this.#queue.addAfter(name, wait)
      return
    }
    const rest = finalizers.filter((finalizer) => finalizer !== SERVICE_CIDR_FINALIZER)
    await this.#writeFinalizers(range, rest).catch((error) => {
      if (!isNotFound(error)) throw error
    })
  }

  async #writeFinalizers({ metadata }: ServiceCidr, finalizers: readonly string[]): Promise<void> {
    const { uid, resourceVersion } = metadata
    const body = { metadata: { uid, resourceVersion, finalizers } }
    await this.#context.client.patch(serviceCidrs, metadata, { type: 'merge', body })
  }
}
