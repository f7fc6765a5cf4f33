import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { isAlreadyExists, isConflict } from './api-error.ts'
import type { Client } from './client.ts'
import { leases } from './resource.ts'
import type { Lease } from './types/discovery.ts'

export interface LeaderElectionOptions {
  readonly client: Client
  readonly namespace: string
  /** Name of the Lease that the members of the election share. */
  readonly name: string
  /** Name of this member. */
  readonly identity: string
  /** How long others wait after the last sign of life, in milliseconds. @default 15_000 */
  readonly leaseMs?: number
  /** How long the leader tries to give a sign before it steps down. @default 10_000 */
  readonly renewMs?: number
  /** Between two tries. @default 2_000 */
  readonly retryMs?: number
  readonly clock: Clock
  readonly log: Log
}

/**
 * Waits until this member leads, then lets `lead` run until the signal aborts or the lead is lost; its signal aborts in
 * both cases. The Lease is given up at the end, so that the next need not wait (client-go `leaderelection`).
 *
 * @returns Whether the lead was lost to somebody else, or for want of an answer.
 */
export async function runAsLeader(
  options: LeaderElectionOptions,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<{ readonly lost: boolean }> {
  const election = new Election(options)
  if (!(await election.win(signal))) return { lost: false }
  const stop = new AbortController()
  const onAbort = () => stop.abort(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const working = lead(stop.signal)
  const lost = await election.hold(stop.signal)
  stop.abort()
  await working
  signal.removeEventListener('abort', onAbort)
  if (!lost) await election.giveUp()
  return { lost }
}

class Election {
  readonly #options: Required<LeaderElectionOptions>
  /** What another member's Lease looked like last, and since when: clocks of machines are not compared. */
  #seen: { readonly version: string; readonly at: number } | undefined

  constructor(options: LeaderElectionOptions) {
    this.#options = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000, ...options }
  }

  async win(signal: AbortSignal): Promise<boolean> {
    const { log, identity } = this.#options
    while (!signal.aborted) {
      if (await this.#try()) {
        log.info({ identity }, 'Became leader')
        return true
      }
      await this.#wait(signal)
    }
    return false
  }

  /** Gives signs of life; resolves with `true` when the lead is lost. */
  async hold(signal: AbortSignal): Promise<boolean> {
    const { clock, renewMs, log } = this.#options
    let renewedAt = clock.now()
    for (;;) {
      await this.#wait(signal)
      if (signal.aborted) return false
      if (await this.#try()) renewedAt = clock.now()
      else if (clock.now() - renewedAt >= renewMs) {
        log.error('Leader election lost')
        return true
      }
    }
  }

  async giveUp(): Promise<void> {
    const { client, log, identity } = this.#options
    try {
      const lease = await client.find(leases, this.#key())
      if (lease?.spec?.holderIdentity !== identity) return
      await client.update(leases, { ...lease, spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 } })
    } catch (err) {
      log.warn({ err }, 'Lease not given up')
    }
  }

  async #try(): Promise<boolean> {
    const { client, identity, log } = this.#options
    try {
      const lease = await client.find(leases, this.#key())
      if (lease === undefined) {
        await client.create(leases, this.#lease(undefined))
        return true
      }
      if (lease.spec?.holderIdentity !== identity && !this.#isFree(lease)) return false
      await client.update(leases, this.#lease(lease))
      return true
    } catch (err) {
      if (!isConflict(err) && !isAlreadyExists(err)) log.warn({ err }, 'Lease not renewed')
      return false
    }
  }

  #isFree({ metadata, spec }: Lease): boolean {
    if ((spec?.holderIdentity ?? '') === '') return true
    const { clock, leaseMs } = this.#options
    const version = metadata.resourceVersion ?? ''
    if (this.#seen?.version !== version) {
      this.#seen = { version, at: clock.now() }
      return false
    }
    return clock.now() - this.#seen.at >= leaseMs
  }

  #lease(before: Lease | undefined): Lease {
    const { identity, leaseMs, clock } = this.#options
    const now = new Date(clock.now()).toISOString().replace('Z', '000Z')
    const isOurs = before?.spec?.holderIdentity === identity
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: before?.metadata ?? this.#key(),
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.round(leaseMs / 1_000),
        acquireTime: isOurs ? (before.spec?.acquireTime ?? now) : now,
        renewTime: now,
        leaseTransitions: (before?.spec?.leaseTransitions ?? 0) + (before === undefined || isOurs ? 0 : 1),
      },
    }
  }

  #key() {
    return { namespace: this.#options.namespace, name: this.#options.name }
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { clock, retryMs } = this.#options
    await clock.sleep(retryMs, signal).catch((error) => {
      if (!signal.aborted) throw error
    })
  }
}
