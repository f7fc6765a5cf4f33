import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { openCloud } from './cloud.ts'
import { FakeDataPlane } from './load-balancer/fake-data-plane.ts'
import type { LoadBalancerPlan } from './load-balancer/plan.ts'
import { vSwitchId } from './region.ts'
import { acs3Client, TEST_REGION, TEST_USER } from './test-cloud.ts'

/** Carries nothing out until the test says. */
class HeldDataPlane extends FakeDataPlane {
  held: Promise<void> = Promise.resolve()

  override async apply(plan: LoadBalancerPlan): Promise<void> {
    await this.held
    await super.apply(plan)
  }
}

test('what is asked of NLB is carried, and its job succeeds then and not before', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-cloud-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const dataPlane = new HeldDataPlane()
  await using cloud = await openCloud({
    directory,
    region: TEST_REGION,
    users: [TEST_USER],
    listen: { host: '127.0.0.1', port: 0 },
    dataPlane,
    fabric: { follow() {}, publicBytes: () => new Map(), [Symbol.dispose]() {} },
    clock: systemClock,
    log: silentLog,
  })
  const ask = acs3Client(cloud.endpoint, '2022-04-30', TEST_USER)
  const { vpcId: VpcId } = cloud.ids
  const { LoadbalancerId: LoadBalancerId } = await ask('CreateLoadBalancer', {
    AddressType: 'Intranet',
    VpcId,
    ZoneMappings: ['zone-a', 'zone-b'].map((ZoneId) => ({ ZoneId, VSwitchId: vSwitchId('test', ZoneId) })),
  })
  const { ServerGroupId } = await ask('CreateServerGroup', { ServerGroupName: 'web', ServerGroupType: 'Ip', VpcId })
  const Servers = [{ ServerType: 'Ip', ServerId: '192.168.0.11', Port: 8080 }]
  await ask('AddServersToServerGroup', { ServerGroupId, Servers })
  await cloud.settled()

  let release = () => {}
  dataPlane.held = new Promise((resolve) => {
    release = resolve
  })
  const { JobId } = await ask('CreateListener', {
    LoadBalancerId,
    ServerGroupId,
    ListenerProtocol: 'TCP',
    ListenerPort: 80,
  })
  const status = async () => {
    const { Status } = await ask('GetJobStatus', { JobId })
    return Status
  }
  assert.equal(await status(), 'Processing')
  assert.equal(dataPlane.connect('192.168.0.12', '192.168.1.1', 80).kind, 'refused')
  release()
  await cloud.settled()
  assert.equal(await status(), 'Succeeded')
  const outcome = dataPlane.connect('192.168.0.12', '192.168.1.1', 80)
  assert.equal(outcome.kind === 'connected' ? outcome.backend.key : outcome.kind, '192.168.0.11:8080')
})
