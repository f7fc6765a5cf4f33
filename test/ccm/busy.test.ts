import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isNotFound } from '../../src/kube/api-error.ts'
import { services } from '../../src/kube/resource.ts'
import { openCcmBench } from './ccm-bench.ts'

const TIMEOUT = 'service.beta.kubernetes.io/alibaba-cloud-loadbalancer-established-timeout'

test('a load balancer that is being configured is tried again, and nothing of the Service is lost', async () => {
  let busy = false
  await using ccm = await openCcmBench({ since: () => (busy ? 0 : undefined) })
  await ccm.addNode('node-1')
  await ccm.addService({ name: 'web' })
  await ccm.sync('web')
  const [lb] = await ccm.instances()
  assert.ok(lb !== undefined)

  busy = true
  await ccm.addNode('node-2')
  await ccm.patch('web', { metadata: { annotations: { [TIMEOUT]: '60' } } })
  assert.match(await ccm.syncFails('web'), /ListenerProcessing|BackendServer.configuring/)
  const [failure] = await ccm.events('web', 'SyncLoadBalancerFailed')
  assert.match(failure ?? '', /is being configured|are being configured/)

  busy = false
  await ccm.sync('web')
  const [listener] = await ccm.listenersOf(lb.LoadBalancerId)
  assert.equal(listener?.Status, 'running')
  assert.ok(listener !== undefined)
  const { EstablishedTimeout } = listener.TCPListenerConfig as { EstablishedTimeout: number }
  assert.equal(EstablishedTimeout, 60)
  const [group] = await ccm.groupsOf(lb.LoadBalancerId)
  assert.equal(group?.servers.length, 2)

  busy = true
  await ccm.client.delete(services, { namespace: 'default', name: 'web' })
  assert.match(await ccm.syncFails('web'), /ServiceIsConfiguring/)
  assert.equal((await ccm.instances()).length, 1)
  busy = false
  await ccm.sync('web')
  assert.deepEqual(await ccm.instances(), [])
  await assert.rejects(ccm.service('web'), isNotFound)
})
