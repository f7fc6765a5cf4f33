import type { Clock } from '../../base/clock.ts'
import { errorMessage, FairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import { CloudRefusal, type InterfaceCloud } from './interface-cloud.ts'
import { type PoolInterface, type PoolLimits, type PoolStep, planPool } from './pool-plan.ts'

/** How often the pool is compared with the cloud, beside after failures. */
const RECONCILE_MS = 60_000
const RETRY_MS = 5_000

/** An address and the interface that carries it. */
export interface PooledAddress {
  readonly address: string
  readonly interfaceId: string
  readonly macAddress: string
}

export interface AddressPoolOptions {
  readonly cloud: InterfaceCloud
  readonly limits: PoolLimits
  /** For reasons: `vsw-…`, `ecs.g7.large`. */
  readonly vSwitchId: string
  readonly instanceType: string
  /** How long an address rests after a pod. */
  readonly coolingMs: number
  /** What pods had when a former agent ended. */
  readonly reserved: readonly PooledAddress[]
  /** Resolves when packets can go through an interface that was attached. */
  readonly connect: (card: PoolInterface) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

interface Waiter {
  readonly give: (address: PooledAddress) => void
  readonly refuse: (reason: unknown) => void
}

/**
 * The addresses that a node's interfaces have, ready for pods: a few more than are in use, as few as the marks allow. Asks
 * the cloud for one thing at a time. An address is a pod's, or rests, or is free; never two of these.
 */
export class AddressPool implements AsyncDisposable {
  readonly #options: AddressPoolOptions
  /** Pods' addresses, with their interfaces. */
  readonly #used: Map<string, PooledAddress>
  /** Until when addresses rest. */
  readonly #cooling = new Map<string, number>()
  /** The order in which free addresses are given out again: as late as possible. */
  readonly #releases = new Map<string, number>()
  readonly #waiters = new Set<Waiter>()
  readonly #timers = new Set<() => void>()
  #interfaces: readonly PoolInterface[] = []
  #isKnown = false
  #running: Promise<void> | undefined
  #changed = false
  #disposed = false
  #releaseCount = 0

  constructor(options: AddressPoolOptions) {
    this.#options = options
    this.#used = new Map(options.reserved.map((held) => [held.address, held]))
    this.#kick()
  }

  /** A free address, from now on the caller's; undefined when none is ready. */
  take(): PooledAddress | undefined {
    // Who waits is served first.
    if (this.#waiters.size > 0) return undefined
    const taken = this.#pick()
    if (taken !== undefined) this.#kick()
    return taken
  }

  /**
   * The next address that becomes free, from then on the caller's.
   *
   * @throws FairleadError `CLOUD_REFUSED` that names the limit, `API_UNREACHABLE`
   */
  wait(signal: AbortSignal): Promise<PooledAddress> {
    const { promise, waiter } = pending()
    this.#waiters.add(waiter)
    const abandon = () => waiter.refuse(signal.reason)
    signal.addEventListener('abort', abandon, { once: true })
    if (signal.aborted) abandon()
    this.#kick()
    return promise.finally(() => {
      signal.removeEventListener('abort', abandon)
      this.#waiters.delete(waiter)
    })
  }

  /** Gives an address back; it rests before it is free. One that is nobody's is fine. */
  release(address: string): void {
    if (!this.#used.delete(address)) return
    const { clock, coolingMs } = this.#options
    this.#cooling.set(address, clock.now() + coolingMs)
    this.#releases.set(address, ++this.#releaseCount)
    this.#later(coolingMs)
  }

  /** What pods have, and what is free now: for looking at. */
  counts(): { readonly interfaces: number; readonly used: number; readonly cooling: number; readonly free: number } {
    const free = this.#free().length
    return { interfaces: this.#interfaces.length, used: this.#used.size, cooling: this.#cooling.size, free }
  }

  /** Resolves when nothing more is to be done for now. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true
    for (const cancel of this.#timers) cancel()
    this.#refuse(new FairleadError('NOT_RUNNING', 'failed to allocate address: the agent stops'))
    await this.#running
  }

  #kick(): void {
    this.#changed = true
    if (!this.#disposed) this.#running ??= this.#run()
  }

  #later(ms: number): void {
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(timer)
      this.#kick()
    })
    this.#timers.add(timer)
  }

  async #run(): Promise<void> {
    await Promise.resolve()
    while (this.#changed && !this.#disposed) {
      this.#changed = false
      try {
        if (!this.#isKnown) await this.#reconcile()
        await this.#work()
      } catch (error) {
        this.#onFailure(error)
      }
    }
    this.#running = undefined
  }

  async #work(): Promise<void> {
    for (;;) {
      this.#serve()
      const step = planPool(this.#view(), this.#options.limits)
      if (step === undefined || this.#disposed) return
      if (step.kind === 'full') return this.#onFull()
      await this.#perform(step)
    }
  }

  #view() {
    const taken = new Set([...this.#used.keys(), ...this.#cooling.keys()])
    return { interfaces: this.#interfaces, taken, waiting: this.#waiters.size }
  }

  #serve(): void {
    const now = this.#options.clock.now()
    for (const [address, until] of this.#cooling) if (until <= now) this.#cooling.delete(address)
    for (const waiter of this.#waiters) {
      const taken = this.#pick()
      if (taken === undefined) return
      this.#waiters.delete(waiter)
      waiter.give(taken)
    }
  }

  #pick(): PooledAddress | undefined {
    const order = ({ address }: PooledAddress) => this.#releases.get(address) ?? 0
    const [first, ...others] = this.#free()
    if (first === undefined) return undefined
    const chosen = others.reduce((best, next) => (order(next) < order(best) ? next : best), first)
    this.#used.set(chosen.address, chosen)
    return chosen
  }

  #free(): PooledAddress[] {
    return this.#interfaces.flatMap(({ id, macAddress, addresses }) =>
      addresses
        .filter((address) => !this.#used.has(address) && !this.#cooling.has(address))
        .map((address) => ({ address, interfaceId: id, macAddress })),
    )
  }

  async #perform(step: Exclude<PoolStep, { kind: 'full' }>): Promise<void> {
    const { cloud, log } = this.#options
    log.debug({ step }, 'The address pool changes')
    switch (step.kind) {
      case 'create':
        return this.#grow(step.count, (count) => this.#create(count))
      case 'assign':
        return this.#grow(step.count, async (count) => {
          const added = await cloud.assign(step.interfaceId, count)
          this.#change(step.interfaceId, (addresses) => [...addresses, ...added])
        })
      case 'unassign':
        // Nobody gets them from now on, whether the call comes through or not.
        this.#change(step.interfaceId, (addresses) => addresses.filter((one) => !step.addresses.includes(one)))
        return cloud.unassign(step.interfaceId, step.addresses)
      case 'remove':
        this.#interfaces = this.#interfaces.filter(({ id }) => id !== step.interfaceId)
        return cloud.remove(step.interfaceId)
      default:
        return step satisfies never
    }
  }

  /** Asks for fewer when the vSwitch has not as many. */
  async #grow(count: number, ask: (count: number) => Promise<void>): Promise<void> {
    for (let wanted = count; ; wanted = Math.floor(wanted / 2)) {
      try {
        return await ask(wanted)
      } catch (error) {
        if (wanted < 2 || !isVSwitchFull(error)) throw error
      }
    }
  }

  async #create(count: number): Promise<void> {
    const { cloud } = this.#options
    const card = await cloud.create(count)
    await this.#attach(card)
    this.#interfaces = [...this.#interfaces, card]
  }

  /** An interface that cannot be attached is of no use to anybody. */
  async #attach(card: PoolInterface): Promise<void> {
    const { cloud, connect } = this.#options
    try {
      await cloud.attach(card.id)
    } catch (error) {
      await cloud.remove(card.id)
      throw error
    }
    await connect(card)
  }

  #change(interfaceId: string, edit: (addresses: readonly string[]) => readonly string[]): void {
    this.#interfaces = this.#interfaces.map((card) =>
      card.id === interfaceId ? { ...card, addresses: edit(card.addresses) } : card,
    )
  }

  /** What the cloud says counts; what pods have and the cloud does not know is claimed again. */
  async #reconcile(): Promise<void> {
    const { cloud, connect, log } = this.#options
    const cards = await cloud.interfaces()
    for (const card of cards) {
      if (!card.attached) await this.#attach(card)
      else await connect(card)
    }
    this.#interfaces = cards
    for (const { id, addresses } of cards) {
      const lost = [...this.#used.values()].filter(
        (held) => held.interfaceId === id && !addresses.includes(held.address),
      )
      if (lost.length === 0) continue
      const claimed = lost.map(({ address }) => address)
      log.warn({ interface: id, addresses: claimed }, 'The cloud has lost addresses that pods have; claiming them')
      await cloud.claim(id, claimed)
      this.#change(id, (before) => [...before, ...claimed])
    }
    this.#isKnown = true
    this.#timers.add(
      this.#options.clock.after(RECONCILE_MS, () => {
        this.#isKnown = false
        this.#kick()
      }),
    )
  }

  #onFull(): void {
    // One that rests is free soon, and those who wait get it.
    if (this.#cooling.size > 0) return
    const { interfaces, addressesPerInterface, isCapped } = this.#options.limits
    const limit = isCapped === true ? 'max_eni' : `instance type ${this.#options.instanceType}`
    this.#refuse(
      new FairleadError(
        'CLOUD_REFUSED',
        `failed to allocate address: ${limit} allows ${interfaces} secondary interfaces with ${addressesPerInterface} addresses each, and all are in use`,
      ),
    )
  }

  #onFailure(error: unknown): void {
    this.#options.log.warn({ err: error }, 'Cannot fit the pool of addresses; will try again')
    // What came of the call is for the cloud to say.
    this.#isKnown = false
    this.#later(RETRY_MS)
    const full = isVSwitchFull(error)
    const why = full ? `vSwitch ${this.#options.vSwitchId} has no free address` : errorMessage(error)
    const code = error instanceof FairleadError ? error.code : 'BUG'
    this.#refuse(new FairleadError(code, `failed to allocate address: ${why}`, { cause: error }))
  }

  #refuse(reason: FairleadError): void {
    for (const waiter of this.#waiters) waiter.refuse(reason)
    this.#waiters.clear()
  }
}

function isVSwitchFull(error: unknown): boolean {
  return error instanceof CloudRefusal && error.apiCode === 'InvalidVSwitchId.IpNotEnough'
}

function pending(): { promise: Promise<PooledAddress>; waiter: Waiter } {
  let give: Waiter['give'] = () => {}
  let refuse: Waiter['refuse'] = () => {}
  const promise = new Promise<PooledAddress>((resolve, reject) => {
    give = resolve
    refuse = reject
  })
  return { promise, waiter: { give, refuse } }
}
