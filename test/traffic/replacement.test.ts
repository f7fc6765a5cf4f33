import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { FairleadError } from '../../src/base/error.ts'
import type { Target, Vantage } from '../../src/cluster/vantage.ts'
import { deployments, pods } from '../../src/kube/resource.ts'
import { type Conversation, tcpConversation, udpConversation } from './conversation.ts'
import { describeFailure, isFailure, Load } from './load.ts'
import { clientPod, echoService, startTrafficCluster, type TrafficCluster } from './traffic-cluster.ts'

/** Without it a pod counts as ready before its program listens, here as everywhere. */
const READINESS = 'readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1 }'

describe('requests go on while pods are replaced', () => {
  let on: TrafficCluster
  let vantages: Vantage[]
  before(async () => {
    on = await startTrafficCluster()
    for (const { name } of on.cluster.spec.nodes) await on.apply(clientPod(`client-${name}`, name))
    const clients = await Promise.all(on.cluster.spec.nodes.map(({ name }) => on.readyPod(`client-${name}`)))
    vantages = [...clients.map((pod) => on.pod(pod)), on.node('node-1')]
  })
  after(() => on?.[Symbol.asyncDispose]())

  const addressOf = (pod: string): string => {
    const address = on.watch.pod(pod)?.status?.podIP
    assert.ok(address, `${pod} has no address`)
    return address
  }

  test('deleting one pod after the other loses none', async () => {
    await on.apply(echoService('web', { replicas: 3, container: READINESS }))
    const first = await on.readyEndpoints('web', 3)
    await using load = new Load(vantages, await targetsOf(on, 'web'))
    await load.heard(first)
    load.count()
    for (const pod of first) {
      await on.client.delete(pods, { namespace: 'default', name: pod })
      await leftSlice(on, 'web', pod)
      await load.heard(await on.readyEndpoints('web', 3))
    }
    await load.stop()
    assert.deepEqual(load.failures(), [])
  })

  test('a rolling update loses none', async () => {
    await on.apply(echoService('shop', { replicas: 3, container: READINESS }))
    const old = await on.readyEndpoints('shop', 3)
    await using load = new Load(vantages, await targetsOf(on, 'shop'))
    await load.heard(old)
    load.count()
    const annotations = { restarted: 'once' }
    const body = { spec: { template: { metadata: { annotations } } } }
    await on.client.patch(deployments, { namespace: 'default', name: 'shop' }, { type: 'merge', body })
    const fresh = await on.until('three new endpoints of shop', () => {
      const now = on.watch.endpoints('shop').map(({ targetRef }) => targetRef?.name ?? '')
      return now.length === 3 && !now.some((pod) => old.includes(pod)) ? now : undefined
    })
    await load.heard(fresh)
    await load.stop()
    assert.deepEqual(load.failures(), [])
  })

  // A pod that goes without a farewell: until the kernel hears of it, its share of the requests is lost, as anywhere.
  test('of pods that stop at once, none is asked any more when the kernel has the change', async () => {
    const container = `${READINESS}\nenv: [{ name: FAIRLEAD_LINGER_MS, value: "0" }]`
    await on.apply(echoService('rude', { replicas: 3, container }))
    const first = await on.readyEndpoints('rude', 3)
    await using load = new Load(vantages, await targetsOf(on, 'rude'))
    await load.heard(first)
    load.count()
    for (const name of first) {
      const address = addressOf(name)
      await on.client.delete(pods, { namespace: 'default', name })
      await leftSlice(on, 'rude', name)
      for (const node of on.cluster.spec.nodes) await leftKernel(on, on.node(node.name), address)
      const left = load.mark()
      await load.more(100)
      const later = load.requests().filter(({ begun }) => begun > left)
      assert.deepEqual(later.filter(isFailure).map(describeFailure), [])
      assert.equal(later.filter(({ answer }) => answer?.pod === name).length, 0)
      await on.readyEndpoints('rude', 3)
    }
  })

  test('an established connection stays with its pod while others come and go', async () => {
    const container = `${READINESS}\nenv: [{ name: FAIRLEAD_LINGER_MS, value: "20000" }]`
    await on.apply(echoService('long', { replicas: 2, container }))
    const [kept = '', gone = ''] = await on.readyEndpoints('long', 2)
    const [tcp] = await targetsOf(on, 'long')
    assert.ok(tcp)
    using conversation = await conversationWith(kept, () => tcpConversation(vantages[0] as Vantage, tcp))
    const scale = { type: 'merge', body: { spec: { replicas: 4 } } } as const
    await on.client.patch(deployments, { namespace: 'default', name: 'long' }, scale)
    await on.readyEndpoints('long', 4)
    assert.equal((await conversation.ask()).pod, kept)
    await on.client.delete(pods, { namespace: 'default', name: gone })
    await leftSlice(on, 'long', gone)
    await leftKernel(on, on.node('node-1'), addressOf(gone))
    assert.equal((await conversation.ask()).pod, kept)
    // Also when no new connection would be led to it any more: the pod still ends its conversations.
    await on.client.delete(pods, { namespace: 'default', name: kept })
    await leftSlice(on, 'long', kept)
    await leftKernel(on, on.node('node-1'), addressOf(kept))
    assert.equal((await conversation.ask()).pod, kept)
  })

  test('a UDP client that keeps its socket is led on when its pod goes', async () => {
    await on.apply(echoService('datagrams', { replicas: 2, container: READINESS }))
    const [first = ''] = await on.readyEndpoints('datagrams', 2)
    const [, udp] = await targetsOf(on, 'datagrams')
    assert.ok(udp)
    using conversation = await conversationWith(first, () => udpConversation(vantages[1] as Vantage, udp))
    assert.equal((await conversation.ask()).pod, first, 'a conversation stays with its pod')
    await on.client.delete(pods, { namespace: 'default', name: first })
    await on.until(`${first} to be gone`, () => (on.watch.pod(first) === undefined ? true : undefined))
    assert.notEqual((await conversation.ask()).pod, first)
  })
})

/** Opens conversations until one is with this pod. */
async function conversationWith(pod: string, open: () => Promise<Conversation>): Promise<Conversation> {
  for (let i = 0; i < 500; i++) {
    const conversation = await open().catch(() => undefined)
    const answer = await conversation?.ask().catch(() => undefined)
    if (conversation !== undefined && answer?.pod === pod) return conversation
    conversation?.[Symbol.dispose]()
  }
  throw new FairleadError('CHECK_FAILED', `No conversation with ${pod}`)
}

async function targetsOf(on: TrafficCluster, service: string): Promise<Target[]> {
  const host = await on.clusterIp(service)
  return [
    { host, port: 80, protocol: 'TCP' },
    { host, port: 9000, protocol: 'UDP' },
  ]
}

function leftSlice(on: TrafficCluster, service: string, pod: string): Promise<true> {
  return on.until(`${pod} to leave the slice of ${service}`, () => {
    return on.watch.endpoints(service).some(({ targetRef }) => targetRef?.name === pod) ? undefined : true
  })
}

/** By the word of nft, not of the proxy. */
async function leftKernel(on: TrafficCluster, node: Vantage, address: string): Promise<void> {
  const pattern = new RegExp(`\\b${address.replaceAll('.', '\\.')}\\b`)
  while (pattern.test(await on.run(node, 'nft', ['list', 'table', 'ip', 'fairlead']))) {
    // nft is the pause.
  }
}
