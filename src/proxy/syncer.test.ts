import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { NftBatch } from '../linux/nftables/batch.ts'
import { FakeNftKernel } from '../linux/nftables/fake-kernel.ts'
import { Program, type ServiceObjects } from './program.ts'
import { noMetrics } from './proxy-metrics.ts'
import { Syncer } from './syncer.ts'
import { frontendLines, kernelMeaning } from './test-meaning.ts'
import { aService, aSlice, together } from './test-objects.ts'

const NODE = { name: 'n1', addresses: ['192.168.0.1'], podCidrs: ['10.244.1.0/24'] }
const ports = [{ name: 'tcp', protocol: 'TCP', port: 80 }] as const

/** Time that passes when told. */
class ManualClock implements Clock {
  #now = 1_000_000
  readonly #timers = new Map<() => void, number>()

  now(): number {
    return this.#now
  }

  async sleep(): Promise<void> {}

  after(ms: number, callback: () => void): () => void {
    this.#timers.set(callback, this.#now + ms)
    return () => this.#timers.delete(callback)
  }

  advance(ms: number): void {
    this.#now += ms
    for (const [callback, due] of [...this.#timers]) {
      if (due > this.#now || !this.#timers.delete(callback)) continue
      callback()
    }
  }
}

const addressesIn = (slices: ServiceObjects['slices']) =>
  slices.flatMap(({ endpoints }) => endpoints?.flatMap(({ addresses }) => addresses) ?? []).join(' ')

function bench() {
  const kernel = new FakeNftKernel()
  const clock = new ManualClock()
  const services = new Map<string, ServiceObjects>()
  const put = (...endpoints: string[]) => {
    const objects = together(aService('web', { clusterIP: '10.96.0.1', ports }), aSlice('web', endpoints))
    services.set(objects.key, objects)
    syncer.mark(objects.key)
  }
  const source = {
    keys: () => services.keys(),
    objects: (key: string) => services.get(key) ?? { key, service: undefined, slices: [] },
  }
  const connections = { list: () => [], delete: () => false }
  const compiled: string[] = []
  const program = new Program({ kernel, nodeName: 'n1', onPlanned: ({ slices }) => compiled.push(addressesIn(slices)) })
  const syncer = new Syncer({ program, kernel, connections, source, log: silentLog, clock, metrics: noMetrics })
  const served = () => frontendLines(kernelMeaning(kernel)).map((line) => line.split(' -> ')[1])
  return { kernel, clock, put, services, compiled, syncer, served }
}

test('a change is sent at once, the ones right after a long sync together', async () => {
  const { kernel, clock, put, syncer, served } = bench()
  put('10.244.1.1')
  await syncer.start(NODE)
  assert.deepEqual(served(), ['10.244.1.1:8080'])
  clock.advance(100)
  kernel.refuse = () => {
    const until = performance.now() + 50
    while (performance.now() < until);
    return undefined
  }
  put('10.244.1.2')
  await turn()
  kernel.refuse = undefined
  assert.deepEqual(served(), ['10.244.1.2:8080'])
  const generation = kernel.generation()
  put('10.244.1.3')
  put('10.244.1.4')
  await turn()
  assert.deepEqual(served(), ['10.244.1.2:8080'], 'gathered')
  clock.advance(10)
  assert.deepEqual(served(), ['10.244.1.4:8080'])
  assert.equal(kernel.generation(), generation + 1, 'one transaction')
})

test('what changes while the kernel takes the start follows it', async () => {
  const { put, syncer, served } = bench()
  put('10.244.1.1')
  const started = syncer.start(NODE)
  put('10.244.1.2')
  await started
  assert.deepEqual(served(), ['10.244.1.1:8080'])
  await turn()
  assert.deepEqual(served(), ['10.244.1.2:8080'])
})

test('what comes with endpoints before the start is compiled at once, and sent when all is known', async () => {
  const { kernel, put, services, compiled, syncer, served } = bench()
  const generation = kernel.generation()
  put('10.244.1.1')
  syncer.prepare(NODE)
  await turn()
  assert.deepEqual(compiled, ['10.244.1.1'])
  const [known] = services.values()
  services.set('default/web', { ...known!, slices: [] })
  syncer.mark('default/web')
  await turn()
  put('10.244.1.2')
  await turn()
  assert.deepEqual(compiled, ['10.244.1.1', '10.244.1.2'])
  put('10.244.1.3')
  assert.equal(kernel.generation(), generation)
  await syncer.start(NODE)
  assert.deepEqual(compiled, ['10.244.1.1', '10.244.1.2', '10.244.1.3'])
  assert.deepEqual(served(), ['10.244.1.3:8080'])
})

test('a Node that is another one at the start than before has everything compiled again', async () => {
  const { put, compiled, syncer, served } = bench()
  put('10.244.1.1')
  syncer.prepare({ ...NODE, addresses: ['192.168.0.9'] })
  await turn()
  await syncer.start(NODE)
  assert.deepEqual(compiled, ['10.244.1.1', '10.244.1.1'])
  assert.deepEqual(served(), ['10.244.1.1:8080'])
})

test('a start that the kernel refuses fails, and leaves the rest to the caller', async () => {
  const { kernel, put, syncer } = bench()
  put('10.244.1.1')
  kernel.refuse = () => 'EPERM'
  await assert.rejects(syncer.start(NODE), /EPERM/)
})

test('a refusal is followed by reading back and trying again, with growing pauses', async () => {
  const { kernel, clock, put, syncer, served } = bench()
  put('10.244.1.1')
  await syncer.start(NODE)
  clock.advance(100)
  let refusals = 3
  kernel.refuse = () => (refusals-- > 0 ? 'ENOBUFS' : undefined)
  put('10.244.1.2')
  await turn()
  await turn()
  assert.deepEqual(served(), ['10.244.1.1:8080'])
  clock.advance(2000)
  assert.deepEqual(served(), ['10.244.1.1:8080'], 'third refusal')
  clock.advance(4000)
  assert.deepEqual(served(), ['10.244.1.2:8080'])
})

test("somebody else's change is looked at in time, and mended", async () => {
  const { kernel, clock, put, syncer, served } = bench()
  put('10.244.1.1')
  await syncer.start(NODE)
  const batch = new NftBatch()
  batch.destroyTable({ family: 'ip', table: 'fairlead' })
  kernel.commit(batch)
  clock.advance(5000)
  assert.deepEqual(served(), ['10.244.1.1:8080'])
})

test('clients of endpoints that left are unbound a little later', async () => {
  const kernel = new FakeNftKernel()
  const clock = new ManualClock()
  const program = new Program({ kernel, nodeName: 'n1' })
  const sticky = aService('web', { clusterIP: '10.96.0.1', ports, sessionAffinity: 'ClientIP' })
  let endpoints = ['10.244.1.1', '10.244.1.2']
  const objects = () => together(sticky, aSlice('web', endpoints))
  const source = { keys: () => ['default/web'], objects }
  const connections = { list: () => [], delete: () => false }
  const syncer = new Syncer({ program, kernel, connections, source, log: silentLog, clock, metrics: noMetrics })
  await syncer.start(NODE)
  const { affinity, sets } = program.tables[0]!.layout
  const batch = new NftBatch()
  for (const [client, { key }] of kernel.elements(sets.stickyEndpoints).entries()) {
    const number = Buffer.from(key)
    number.writeUInt32LE(key.readUInt32LE(0) & 0xfffff)
    batch.addElement(affinity, { key: Buffer.concat([Buffer.of(10, 244, 1, client), number]), data: key })
  }
  kernel.commit(batch)
  clock.advance(100)
  endpoints = ['10.244.1.1']
  syncer.mark('default/web')
  await turn()
  assert.equal(kernel.elements(affinity).length, 2)
  clock.advance(1000)
  assert.equal(kernel.elements(affinity).length, 1)
})

test('what is stopped sends nothing more', async () => {
  const { clock, put, syncer, served } = bench()
  put('10.244.1.1')
  await syncer.start(NODE)
  clock.advance(100)
  put('10.244.1.2')
  syncer[Symbol.dispose]()
  await turn()
  clock.advance(60_000)
  assert.deepEqual(served(), ['10.244.1.1:8080'])
})
