import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { systemClock } from '../../base/clock.ts'
import { silentLog } from '../../base/log.ts'
import type { Service } from '../../kube/types/core.ts'
import type { Entry } from '../../store/store.ts'
import { openTestBench } from '../test-bench.ts'
import { type PortFault, planNodePortRepair } from './node-port-repair.ts'
import { repairNodePorts } from './node-port-repairer.ts'
import { encodeOwner, NODE_PORTS_PREFIX, nodePortKey } from './node-ports.ts'
import { NODE_PORTS } from './plan.ts'

function service(name: string, ...nodePorts: readonly number[]): Service {
  const ports = nodePorts.map((nodePort, i) => ({ name: `p${i}`, port: 80 + i, nodePort }))
  return { metadata: { name, namespace: 'default' }, spec: { type: 'NodePort', ports } } as unknown as Service
}

function taken(port: number, name: string) {
  const entry: Entry = { key: nodePortKey(port), value: new Uint8Array(), createRevision: 1, modRevision: 1 }
  return { port, owner: { namespace: 'default', name }, entry }
}

describe('the repair of node ports', () => {
  it('finds nothing where all is well', () => {
    assert.deepEqual(planNodePortRepair([service('a', 30_001)], [taken(30_001, 'a')], NODE_PORTS), {
      faults: [],
      missing: [],
      leaked: [],
    })
  })

  it('finds ports that are not written down, twice given, out of range, and of nobody', () => {
    const all = [service('a', 30_001, 30_002), service('b', 30_002), service('c', 80)]
    const { faults, missing, leaked } = planNodePortRepair(all, [taken(30_002, 'a'), taken(30_009, 'a')], NODE_PORTS)
    assert.deepEqual(
      faults.map(({ service: { metadata }, reason, message }) => [metadata.name, reason, message]),
      [
        ['a', 'PortNotAllocated', 'Port 30001 is not allocated; repairing'],
        ['b', 'PortAlreadyAllocated', 'Port 30002 was assigned to multiple services; please recreate service'],
        ['c', 'PortOutOfRange', 'Port 80 is not within the port range 30000-32767; please recreate service'],
      ],
    )
    assert.deepEqual(
      missing.map(({ port }) => port),
      [30_001],
    )
    assert.deepEqual(
      leaked.map(({ port }) => port),
      [30_009],
    )
  })

  it('writes down what is missing, gives back what leaked, and tells of it', async () => {
    await using bench = await openTestBench()
    const path = '/api/v1/namespaces/default/services'
    const spec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30_001 }] }
    assert.equal((await bench.call('POST', path, { metadata: { name: 'web' }, spec })).status, 201)
    const { store } = bench
    await store.transact(
      [],
      [
        { type: 'delete', key: nodePortKey(30_001) },
        { type: 'put', key: nodePortKey(30_005), value: encodeOwner({ namespace: 'default', name: 'gone' }) },
        { type: 'put', key: nodePortKey(30_006), value: encodeOwner({ namespace: 'default', name: 'web' }) },
      ],
    )
    const faults: PortFault[] = []
    const report = (fault: PortFault) => faults.push(fault)
    await repairNodePorts({ store, nodePorts: NODE_PORTS, log: silentLog, clock: systemClock, report })
    assert.deepEqual(
      store.list(NODE_PORTS_PREFIX).entries.map(({ key, value }) => [key, Buffer.from(value).toString()]),
      [[nodePortKey(30_001), '{"namespace":"default","name":"web"}']],
    )
    assert.deepEqual(
      faults.map(({ reason }) => reason),
      ['PortNotAllocated'],
    )
  })
})
