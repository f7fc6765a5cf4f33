import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import { openLmdbStore } from '../../store/lmdb-store.ts'
import type { Random } from '../context.ts'
import { heldAddresses } from './cluster-ips.ts'
import { heldNodePorts } from './node-ports.ts'
import { ServiceWriter, type SpecInput } from './service-writer.test-kit.ts'

/** So small that Services get in each other's way. */
const CONFIG = { serviceCidrs: ['10.0.0.0/29', 'fd00::/125'], nodePorts: { first: 30_000, last: 30_007 } }
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']

const nodePort = fc.option(fc.integer({ min: 30_000, max: 30_007 }), { nil: undefined })
const port = fc.record({ port: fc.constantFrom(53, 80), protocol: fc.constantFrom('TCP', 'UDP'), nodePort })
const ports = fc
  .uniqueArray(port, { minLength: 1, maxLength: 3, selector: (each) => `${each.protocol}/${each.port}` })
  .map((each) => each.map((one, i) => ({ ...one, name: `p${i}` })))

const spec: fc.Arbitrary<SpecInput> = fc.oneof(
  fc.constant({ type: 'ExternalName', externalName: 'example.com' }),
  fc.constant({ clusterIP: 'None', ports: [{ port: 80 }] }),
  fc.record(
    {
      type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer'),
      ports,
      clusterIP: fc.constantFrom('10.0.0.1', '10.0.0.2', 'fd00::1'),
      ipFamilyPolicy: fc.constantFrom('SingleStack', 'PreferDualStack', 'RequireDualStack'),
      externalTrafficPolicy: fc.constantFrom('Local', 'Cluster'),
      healthCheckNodePort: fc.constantFrom(30_001, 30_002),
    },
    { requiredKeys: ['type', 'ports'] },
  ),
)

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('create' as const), name: fc.constantFrom(...NAMES), spec }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('update' as const), name: fc.constantFrom(...NAMES), spec }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('remove' as const), name: fc.constantFrom(...NAMES) }) },
)

describe('service allocation', () => {
  it('never gives anything twice, loses nothing and forgets nothing, in any interleaving and across restarts', async () => {
    const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(rounds, fc.infiniteStream(fc.nat(1_000_000)), async (steps, numbers) => {
        const directory = mkdtempSync(join(tmpdir(), 'fairlead-allocation-'))
        try {
          for (const together of steps) await runRound(directory, together, randomOf(numbers))
        } finally {
          rmSync(directory, { recursive: true })
        }
      }),
      { numRuns: Number(process.env.FAIRLEAD_PROPERTY_RUNS ?? 80) },
    )
  })
})

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

/** All steps at once, on a store that was opened for them; they race for every address and port. */
async function runRound(directory: string, together: readonly Step[], random: Random): Promise<void> {
  await using store = await openLmdbStore({ directory, log: silentLog, clock: systemClock })
  const writer = new ServiceWriter(store, CONFIG, random)
  await Promise.all(together.map((one) => takeStep(one, writer)))
  checkTaken(writer)
}

async function takeStep(one: Step, writer: ServiceWriter): Promise<void> {
  if (one.type === 'remove') return await writer.remove(one.name)
  await writer.write(one.name, (old) =>
    one.type === 'update' && old !== undefined ? { ...old, ...one.spec } : one.spec,
  )
}

/** What is recorded as taken is exactly what the stored Services have, each by one. */
function checkTaken(writer: ServiceWriter): void {
  const addresses: [string, string][] = []
  const nodePorts: [string, string][] = []
  for (const { metadata, spec: stored } of writer.all()) {
    for (const ip of heldAddresses(stored)) addresses.push([ip, metadata.name])
    for (const one of heldNodePorts(stored)) nodePorts.push([String(one), metadata.name])
    const wanted = stored.type === 'ExternalName' || stored.clusterIP === 'None' ? 0 : stored.ipFamilies?.length
    assert.equal(heldAddresses(stored).length, wanted)
    assert.equal(stored.clusterIP, stored.clusterIPs?.[0])
  }
  assert.equal(new Set(addresses.map(([ip]) => ip)).size, addresses.length, 'an address was given twice')
  assert.equal(new Set(nodePorts.map(([one]) => one)).size, nodePorts.length, 'a node port was given twice')
  assert.deepEqual(writer.taken(), { addresses: Object.fromEntries(addresses), ports: Object.fromEntries(nodePorts) })
}

function randomOf(numbers: fc.Stream<number>): Random {
  let count = 0
  return {
    uuid: () => `uid-${count++}`,
    below: (limit) => (numbers.next().value ?? 0) % limit,
  }
}
