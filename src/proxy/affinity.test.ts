import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NftBatch } from '../linux/nftables/batch.ts'
import { FakeNftKernel } from '../linux/nftables/fake-kernel.ts'
import { forgetDeadBindings } from './affinity.ts'
import type { FamilyTable } from './family-table.ts'
import { Program } from './program.ts'
import { aService, aSlice, type ServiceWords, together } from './test-objects.ts'

const NODE = { name: 'n1', addresses: ['192.168.0.1'], podCidrs: ['10.244.1.0/24'] }
const ports = [{ name: 'tcp', protocol: 'TCP', port: 80 }] as const

function bench() {
  const kernel = new FakeNftKernel()
  let program = new Program({ kernel, nodeName: 'n1' })
  program.start(NODE, [])
  const web = (words: ServiceWords, last: number[]) =>
    together(
      aService('web', { clusterIP: '10.96.0.1', ports, ...words }),
      aSlice(
        'web',
        last.map((byte) => `10.244.1.${byte}`),
      ),
    )
  const table = (): FamilyTable => program.tables[0]!
  const bindings = (): Record<number, number> => {
    const elements = kernel.elements(table().layout.sets.stickyEndpoints)
    return Object.fromEntries(elements.map(({ key, data }) => [(data as Buffer)[3], key.readUInt32LE(0)]))
  }
  return {
    kernel,
    table,
    bindings,
    /** Sets the endpoints; returns the binding of each by its last byte. */
    set(words: ServiceWords, ...last: number[]): Record<number, number> {
      program.setService(web(words, last))
      program.commit()
      return bindings()
    },
    restart(words: ServiceWords, ...last: number[]): number {
      program = new Program({ kernel, nodeName: 'n1' })
      return program.start(NODE, [web(words, last)]).changes
    },
    /** As a packet of this client would. */
    bind(client: number, binding: number): void {
      const batch = new NftBatch()
      const key = Buffer.of(10, 244, 1, client, 0, 0, 0, 0)
      key.writeUInt32LE(binding & 0xfffff, 4)
      const data = Buffer.alloc(4)
      data.writeUInt32LE(binding >>> 0)
      batch.addElement(table().layout.affinity, { key, data })
      kernel.commit(batch)
    },
    clients: () => kernel.elements(table().layout.affinity).map(({ key }) => key[3]),
  }
}

const STICKY: ServiceWords = { sessionAffinity: 'ClientIP' }

describe('bindings', () => {
  test('stay with an endpoint as long as it is there', () => {
    const { set } = bench()
    const first = set(STICKY, 1, 2, 3)
    const second = set(STICKY, 3, 1)
    assert.deepEqual([second[1], second[3]], [first[1], first[3]])
  })

  test('who comes later is none of those who left', () => {
    const { set } = bench()
    const used = new Set<number>()
    for (let turn = 0; turn < 50; turn += 1) {
      const { [turn]: binding } = set(STICKY, 200, turn)
      assert.ok(binding !== undefined && !used.has(binding), `turn ${turn}`)
      used.add(binding)
      set(STICKY, 200)
    }
    set({}, 200)
    const { 201: after } = set(STICKY, 201)
    assert.ok(after !== undefined && !used.has(after), 'switched off and on')
  })

  test('are what a restart finds', () => {
    const { set, restart, bindings } = bench()
    set(STICKY, 1, 2, 3)
    const before = set(STICKY, 3, 1)
    assert.equal(restart(STICKY, 3, 1), 0)
    assert.deepEqual(bindings(), before)
  })

  test('to an endpoint that left are deleted', () => {
    const { set, bind, clients, kernel, table } = bench()
    const { 1: one, 2: two } = set(STICKY, 1, 2)
    assert.ok(one && two)
    bind(7, one)
    bind(8, two)
    set(STICKY, 1)
    assert.ok(table().takeOrphans())
    assert.equal(forgetDeadBindings(kernel, table()), 1)
    assert.deepEqual(clients(), [7])
    assert.ok(!table().takeOrphans())
  })

  test('that outlived the proxy are looked at when it starts', () => {
    const { set, bind, clients, kernel, table, restart } = bench()
    const { 2: two } = set(STICKY, 1, 2)
    assert.ok(two)
    bind(8, two)
    restart(STICKY, 1)
    assert.ok(table().takeOrphans())
    forgetDeadBindings(kernel, table())
    assert.deepEqual(clients(), [])
  })

  test('without a table there is nothing to forget', () => {
    const { kernel, table } = bench()
    const batch = new NftBatch()
    batch.destroyTable(table().layout.ref)
    kernel.commit(batch)
    assert.equal(forgetDeadBindings(kernel, table()), 0)
  })
})
