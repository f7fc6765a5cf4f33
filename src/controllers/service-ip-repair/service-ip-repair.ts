import { canonicalAddress } from '../../base/ip.ts'
import { isAlreadyExists, isNotFound } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { keyOf, parseKey } from '../../kube/object-key.ts'
import { ipAddresses, serviceCidrs, services } from '../../kube/resource.ts'
import type { Service } from '../../kube/types/core.ts'
import type { IpAddress, ServiceCidr } from '../../kube/types/discovery.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import type { Controller, ControllerContext } from '../controller.ts'
import { type AddressFault, addressesOf, faultsOf, leakOf, serviceKeyOf } from './plan.ts'

/** Two watches show one write at different times: what looks wrong is looked at again after this time. */
const SETTLE_MS = 1_000

/**
 * Mends what somebody broke by hand: an address of a Service without IPAddress gets one, an IPAddress that the allocator
 * made for a Service that does not have it goes. What cannot be mended is told in Events of the Service.
 */
export class ServiceIpRepair implements Controller {
  readonly #context: ControllerContext
  readonly #services: Informer<Service>
  readonly #addresses: Informer<IpAddress>
  readonly #ranges: Informer<ServiceCidr>
  /** `namespace/name` of Services, and names of IPAddresses that refer to none. */
  readonly #queue: WorkQueue
  /** IPAddresses by the Service that they are for. */
  readonly #byService = new Map<string, Set<string>>()

  constructor(context: ControllerContext) {
    this.#context = context
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#services = context.informers.for(services)
    this.#addresses = context.informers.for(ipAddresses)
    this.#ranges = context.informers.for(serviceCidrs)
    const look = (service: Service) => this.#look(keyOf(service))
    this.#services.on({ added: look, updated: look, deleted: look })
    this.#addresses.on({
      added: (address) => this.#note(address),
      updated: (address) => this.#note(address),
      deleted: (address) => this.#forget(address),
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#reconcile(key)
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
  }

  #note(address: IpAddress): void {
    const key = serviceKeyOf(address)
    if (key === undefined) {
      if (leakOf(address, undefined) !== undefined) this.#queue.addAfter(address.metadata.name, SETTLE_MS)
      return
    }
    const names = this.#byService.get(key) ?? new Set()
    this.#byService.set(key, names.add(address.metadata.name))
    this.#look(key)
  }

  #forget(address: IpAddress): void {
    const key = serviceKeyOf(address)
    if (key === undefined) return
    const names = this.#byService.get(key)
    names?.delete(address.metadata.name)
    if (names?.size === 0) this.#byService.delete(key)
    this.#look(key)
  }

  /** Nearly always all is well, or will be with the next event. */
  #look(key: string): void {
    if (this.#isSuspect(key)) this.#queue.addAfter(key, SETTLE_MS)
  }

  #isSuspect(key: string): boolean {
    const service = this.#services.get(key)
    const names = this.#byService.get(key) ?? new Set<string>()
    const held = service === undefined ? [] : addressesOf(service)
    return held.length !== names.size || held.some((ip) => !names.has(canonicalAddress(ip) ?? ip))
  }

  async #reconcile(key: string): Promise<void> {
    const { namespace, name } = parseKey(key)
    if (namespace === undefined) {
      await this.#dropLeaked(name, undefined)
      return
    }
    if (!this.#isSuspect(key)) return
    const service = await this.#context.client.find(services, { namespace, name })
    for (const address of [...(this.#byService.get(key) ?? [])]) await this.#dropLeaked(address, service)
    if (service === undefined) return
    const addresses = await Promise.all(addressesOf(service).map((ip) => this.#findLive(ip)))
    const find = (wanted: string) => addresses.find((address) => address?.metadata.name === wanted)
    const findService = (wanted: string) => this.#services.get(wanted)
    const known = { find, findService, ranges: this.#ranges.list() }
    for (const fault of faultsOf(service, known)) await this.#mend(service, fault)
  }

  async #findLive(ip: string): Promise<IpAddress | undefined> {
    const name = canonicalAddress(ip)
    return name === undefined ? undefined : this.#context.client.find(ipAddresses, { name })
  }

  async #mend(service: Service, { event, create, replaces }: AddressFault): Promise<void> {
    const { client, recorder } = this.#context
    if (event !== undefined) recorder.event(service, 'Warning', event.reason, event.message)
    if (replaces !== undefined) await this.#delete(replaces)
    if (create === undefined) return
    await client.create(ipAddresses, create).catch((error) => {
      if (!isAlreadyExists(error)) throw error
    })
  }

  async #dropLeaked(name: string, service: Service | undefined): Promise<void> {
    const { client, recorder, log } = this.#context
    const address = await client.find(ipAddresses, { name })
    const leak = address && leakOf(address, service)
    if (address === undefined || leak === undefined) return
    log.warn({ address: name, why: leak.message }, 'An address that stands for none of a Service goes')
    recorder.event(address, 'Warning', leak.reason, leak.message)
    await this.#delete(address)
  }

  async #delete({ metadata: { name, uid = '', resourceVersion = '' } }: IpAddress): Promise<void> {
    try {
      await this.#context.client.delete(ipAddresses, { name }, { preconditions: { uid, resourceVersion } })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }
}
