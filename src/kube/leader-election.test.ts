import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../base/log.ts'
import { ApiError } from './api-error.ts'
import type { Client } from './client.ts'
import { runAsLeader } from './leader-election.ts'
import { ManualClock } from './manual-clock.ts'
import type { Lease } from './types/discovery.ts'

/** The one Lease, with optimistic concurrency. */
class LeaseStore {
  lease: Lease | undefined
  #version = 0
  isDown = false

  client(): Client {
    const write = async (lease: Lease, isNew: boolean) => {
      if (this.isDown) throw new ApiError({ reason: 'InternalError', code: 500 } as never)
      const known = this.lease?.metadata.resourceVersion
      if (isNew ? known !== undefined : lease.metadata.resourceVersion !== known) {
        throw new ApiError({ reason: isNew ? 'AlreadyExists' : 'Conflict', code: 409 } as never)
      }
      this.#version++
      this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(this.#version) } }
      return this.lease
    }
    const client = {
      find: async () => this.lease,
      create: (_: unknown, lease: Lease) => write(lease, true),
      update: (_: unknown, lease: Lease) => write(lease, false),
    }
    return client as unknown as Client
  }
}

async function settle(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve()
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let gone = 0; gone < ms; gone += 500) {
    clock.pass(500)
    await settle()
  }
}

function member(store: LeaseStore, clock: ManualClock, identity: string) {
  const stop = new AbortController()
  const state = { leads: false }
  const lead = async (signal: AbortSignal) => {
    state.leads = true
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    state.leads = false
  }
  const options = { client: store.client(), namespace: 'kube-system', name: 'ccm', identity, clock, log: silentLog }
  return { state, stop, ended: runAsLeader(options, lead, stop.signal) }
}

test('one leads; the next takes over at once when it goes, and after the lease when it falls silent', async () => {
  const [store, clock] = [new LeaseStore(), new ManualClock(1_000_000)]
  const first = member(store, clock, 'first')
  await settle()
  const second = member(store, clock, 'second')
  await pass(clock, 60_000)
  assert.deepEqual([first.state.leads, second.state.leads], [true, false])
  first.stop.abort()
  assert.deepEqual(await first.ended, { lost: false })
  await pass(clock, 5_000)
  assert.equal(second.state.leads, true)
  assert.equal(store.lease?.spec?.leaseTransitions, 1)
  second.stop.abort()
  await second.ended
})

test('a leader that cannot give signs of life steps down before others may lead', async () => {
  const [store, clock] = [new LeaseStore(), new ManualClock(1_000_000)]
  const only = member(store, clock, 'only')
  await settle()
  assert.equal(only.state.leads, true)
  store.isDown = true
  await pass(clock, 13_000)
  assert.deepEqual(await only.ended, { lost: true })
  assert.equal(only.state.leads, false)
})
