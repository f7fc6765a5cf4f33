import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { NETWORK_INTERFACES } from '../../cloud/ecs/model.ts'
import { instanceId } from '../../cloud/region.ts'
import { openTestCloud, TEST_REGION, TEST_USER } from '../../cloud/test-cloud.ts'
import { FakeTransport } from '../../kube/fake-transport.ts'
import { ManualClock } from '../../kube/manual-clock.ts'
import { createClient } from '../../kube/rest-client.ts'
import type { Node } from '../../kube/types/core.ts'
import { createInterfaceCloud, createInterfaceInventory } from './interface-cloud.ts'
import { RECLAIM_AFTER_MS, reclaimInterfaces } from './reclaim-interfaces.ts'

function node(name: string): Node {
  const providerID = `cn-hangzhou.${instanceId(TEST_REGION.cluster, name)}`
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { providerID } }
}

async function until(what: string, look: () => boolean): Promise<void> {
  for (let i = 0; !look(); i++) {
    assert.ok(i < 1000, what)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

test('interfaces of removed nodes go back to the cloud, those of others stay', async () => {
  await using cloud = await openTestCloud()
  const access = { endpoint: cloud.endpoint.url, ...TEST_USER }
  for (const [name, zone] of [
    ['node-1', 'zone-a'],
    ['node-2', 'zone-b'],
  ] as const) {
    const own = createInterfaceCloud(access, {
      regionId: 'cn-hangzhou',
      instanceId: instanceId(TEST_REGION.cluster, name),
      vSwitchId: cloud.vSwitch(zone),
      securityGroupId: cloud.ids.securityGroupId,
    })
    const { id } = await own.create(3)
    await own.attach(id)
  }
  const owners = () =>
    cloud.state
      .list(NETWORK_INTERFACES)
      .filter(({ type }) => type === 'Secondary')
      .map((card) => card.instanceId)
      .sort()
  const api = new FakeTransport()
  api.put(node('node-1'))
  api.put(node('node-2'))
  const clock = new ManualClock()
  const inventory = createInterfaceInventory(access, 'cn-hangzhou')
  await using _ = reclaimInterfaces({ client: createClient(api), inventory, clock, log: silentLog })
  await until('the first look', () => clock.timers > 0)
  clock.pass(RECLAIM_AFTER_MS)
  const both = ['node-1', 'node-2'].map((name) => instanceId(TEST_REGION.cluster, name)).sort()
  assert.deepEqual(owners(), both)
  api.delete('node-2')
  await until('the removal is seen', () => clock.timers > 0)
  assert.deepEqual(owners(), both, 'a node may come back')
  clock.pass(RECLAIM_AFTER_MS)
  await until('the interface to go', () => owners().length === 1)
  assert.deepEqual(owners(), [instanceId(TEST_REGION.cluster, 'node-1')])
})
