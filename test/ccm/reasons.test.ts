/** Why a backend is missing, and why an address is pending: in Events, and in conditions of the Service. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { QUOTA_LIMITS } from '../../src/cloud/quota/quota.ts'
import type { QuotaName } from '../../src/cloud/quota/quota-names.ts'
import { pods } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { type CcmBench, endpoint, openCcmBench } from './ccm-bench.ts'
import { NlbBench } from './nlb-bench.ts'

const KINDS = {
  clb: { noun: 'LoadBalancer', quota: 'slb_quota_instances_num' },
  nlb: { noun: 'NetworkLoadBalancer', quota: 'nlb_quota_loadbalancers_num' },
} as const satisfies Record<string, { noun: string; quota: QuotaName }>

/** A bench of a kind, and how a Service of it is made. */
async function benchOf(kind: keyof typeof KINDS) {
  const ccm = await openCcmBench({ kind })
  const nlb = new NlbBench(ccm)
  return {
    ccm,
    addService: kind === 'clb' ? ccm.addService.bind(ccm) : nlb.addService.bind(nlb),
    [Symbol.asyncDispose]: () => ccm[Symbol.asyncDispose](),
  }
}

async function conditionOf(ccm: CcmBench, name: string, type: 'BackendsAttached' | 'LoadBalancerReady') {
  const { status } = await ccm.service(name)
  const found = status?.conditions?.find((one) => one.type === `service.k8s.alibaba/${type}`)
  return [found?.status, found?.reason, found?.message] as const
}

async function addPod(ccm: CcmBench, name: string, message: string): Promise<void> {
  const pod = { metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const made = await ccm.client.create(pods, { apiVersion: 'v1', kind: 'Pod', ...pod } as Pod)
  const body = { status: { conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady', message }] } }
  await ccm.client.patch(pods, made.metadata, { type: 'strategic', body }, { subresource: 'status' })
}

const ofPod = (ip: string, node: string, name: string) => ({
  ...endpoint(ip, node, { ready: false }),
  targetRef: { kind: 'Pod', namespace: 'default', name },
})

for (const kind of ['clb', 'nlb'] as const) {
  const { noun, quota } = KINDS[kind]
  describe(`reasons of ${noun}`, () => {
    test('nodes that are excluded on purpose are named when nobody else is left', async () => {
      await using bench = await benchOf(kind)
      const { ccm } = bench
      await ccm.addNode('node-1', { spec: { unschedulable: true } })
      await ccm.addNode('node-2', { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } })
      const annotations = { 'remove-unscheduled-backend': 'on' }
      await bench.addService({ name: 'web', annotations })
      await ccm.sync('web')
      const [status, reason, message = ''] = await conditionOf(ccm, 'web', 'BackendsAttached')
      assert.deepEqual([status, reason], ['False', 'NoBackends'])
      assert.match(message, new RegExp(`^There are no available nodes for ${noun}: `))
      assert.match(message, /node node-1: it is cordoned/)
      assert.match(message, /node node-2: it has the label node\.kubernetes\.io\/exclude-from-external-load-balancers/)
      const [event = ''] = await ccm.events('web', 'SkipSyncBackends')
      assert.match(event, /Not attached: .*node node-1: it is cordoned/)
      assert.deepEqual(await ccm.events('web', 'UnAvailableLoadBalancer'), [`There are no available nodes for ${noun}`])
      await ccm.annotate('web', { 'remove-unscheduled-backend': null })
      await ccm.sync('web')
      assert.deepEqual(await conditionOf(ccm, 'web', 'BackendsAttached'), ['True', 'AllAttached', ''])
    })

    test('pods that are not ready are named with what they say of it', async () => {
      await using bench = await benchOf(kind)
      const { ccm } = bench
      await ccm.addNode('node-1')
      await addPod(ccm, 'web-1', 'containers with unready status: [c]')
      await bench.addService({ name: 'web', spec: { externalTrafficPolicy: 'Local' } })
      await ccm.sync('web')
      const nothing = await conditionOf(ccm, 'web', 'BackendsAttached')
      assert.match(nothing[2] ?? '', /: the Service has no endpoints, or the cluster no nodes$/)
      await ccm.setEndpoints('web', [ofPod('10.244.0.2', 'node-1', 'web-1'), endpoint('10.244.0.3', 'node-1')])
      await ccm.sync('web')
      const text = 'pod web-1 (10.244.0.2): it is not ready: containers with unready status: [c]'
      assert.deepEqual(await conditionOf(ccm, 'web', 'BackendsAttached'), ['False', 'SomeMissing', text])
      assert.deepEqual(await ccm.events('web', 'SkipSyncBackends'), [`Not attached: ${text}`])
      await ccm.setEndpoints('web', [endpoint('10.244.0.2', 'nobody'), endpoint('10.244.0.3', 'node-1')])
      await ccm.sync('web')
      const [, , message] = await conditionOf(ccm, 'web', 'BackendsAttached')
      assert.equal(message, 'endpoint 10.244.0.2: can not find correspond node nobody')
    })

    test('a quota that is used up is the reason why an address is pending, until there is more of it', async () => {
      await using bench = await benchOf(kind)
      const { ccm } = bench
      await ccm.addNode('node-1')
      const limit = (count: number) =>
        ccm.cloud.state.transact((transaction) => transaction.put(QUOTA_LIMITS, quota, { name: quota, limit: count }))
      limit(0)
      await bench.addService({ name: 'web' })
      const failure = await ccm.syncFails('web')
      assert.match(failure, new RegExp(quota))
      const [status, reason, message] = await conditionOf(ccm, 'web', 'LoadBalancerReady')
      assert.deepEqual([status, reason, message], ['False', 'QuotaExceeded', failure])
      const [event = ''] = await ccm.events('web', 'SyncLoadBalancerFailed')
      assert.match(event, new RegExp(`${quota} .* allows 0`))
      assert.equal((await ccm.service('web')).status?.loadBalancer?.ingress, undefined)
      limit(1)
      await ccm.sync('web')
      assert.equal((await conditionOf(ccm, 'web', 'LoadBalancerReady'))[1], 'Ensured')
      assert.equal((await ccm.service('web')).status?.loadBalancer?.ingress?.length, 1)
    })
  })
}
