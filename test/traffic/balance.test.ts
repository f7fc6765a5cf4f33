import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ask, type Target, type Vantage } from '../../src/cluster/vantage.ts'
import { deployments } from '../../src/kube/resource.ts'
import { clientPod, echoService, startTrafficCluster, type TrafficCluster } from './traffic-cluster.ts'

/** How often each pod answers, once every one of them is known to the kernel of the vantage's node. */
async function spread(from: Vantage, target: Target, { pods, asked }: { pods: readonly string[]; asked: number }) {
  const answers = new Map<string, number>()
  await everyoneAnswers(from, target, pods)
  for (let i = 0; i < asked; i++) count(answers, (await ask(from, target)).pod)
  return Object.fromEntries([...answers].sort())
}

async function everyoneAnswers(from: Vantage, target: Target, pods: readonly string[]): Promise<void> {
  const missing = new Set(pods)
  for (let i = 0; missing.size > 0; i++) {
    assert.ok(i < 500, `no answer from ${[...missing].join(', ')} to ${from.name}`)
    const { pod } = await ask(from, target, 1_000).catch(() => ({ pod: '' }))
    missing.delete(pod)
  }
}

function count(answers: Map<string, number>, pod: string): void {
  answers.set(pod, (answers.get(pod) ?? 0) + 1)
}

function each(pods: readonly string[], times: number): Record<string, number> {
  return Object.fromEntries(pods.map((pod) => [pod, times]))
}

describe('a Service spreads connections evenly', () => {
  let on: TrafficCluster
  before(async () => {
    on = await startTrafficCluster()
    await on.apply(echoService('web', { replicas: 2 }))
    await on.apply(echoService('shop', { replicas: 2 }))
    for (const { name } of on.cluster.spec.nodes) await on.apply(clientPod(`client-${name}`, name))
  })
  after(() => on?.[Symbol.asyncDispose]())

  const tcp = async (service: string): Promise<Target> => {
    return { host: await on.clusterIp(service), port: 80, protocol: 'TCP' }
  }
  const udp = async (service: string): Promise<Target> => {
    return { host: await on.clusterIp(service), port: 9000, protocol: 'UDP' }
  }
  const clientOn = async (node: string) => on.pod(await on.readyPod(`client-${node}`))

  test('ten requests to two pods: five and five, over TCP and UDP, from a pod and from every node', async () => {
    const pods = await on.readyEndpoints('web', 2)
    const vantages = [await clientOn('node-1'), ...on.cluster.spec.nodes.map(({ name }) => on.node(name))]
    for (const from of vantages) {
      for (const target of [await tcp('web'), await udp('web')]) {
        const wanted = each(pods, 5)
        assert.deepEqual(await spread(from, target, { pods, asked: 10 }), wanted, `${from.name}, ${target.protocol}`)
      }
    }
  })

  test('two Services called in turn do not take numbers from each other', async () => {
    const from = await clientOn('node-2')
    const [web, shop] = [await on.readyEndpoints('web', 2), await on.readyEndpoints('shop', 2)]
    await everyoneAnswers(from, await tcp('web'), web)
    await everyoneAnswers(from, await tcp('shop'), shop)
    const answers = new Map<string, number>()
    for (let i = 0; i < 10; i++) {
      count(answers, (await ask(from, await tcp('web'))).pod)
      count(answers, (await ask(from, await tcp('shop'))).pod)
    }
    assert.deepEqual(Object.fromEntries(answers), each([...answers.keys()], 5))
    assert.deepEqual([...answers.keys()].sort(), [...web, ...shop].sort())
  })

  test('connections open at the same time are spread as evenly', async () => {
    const from = await clientOn('node-1')
    const pods = await on.readyEndpoints('web', 2)
    const target = await tcp('web')
    await everyoneAnswers(from, target, pods)
    const answers = new Map<string, number>()
    for (const { pod } of await Promise.all(Array.from({ length: 100 }, () => ask(from, target)))) count(answers, pod)
    assert.deepEqual(Object.fromEntries([...answers].sort()), each(pods, 50))
  })

  test('the pods of other nodes answer, through VXLAN and only through it', async () => {
    await on.readyEndpoints('web', 2)
    const target = await tcp('web')
    const placed = on.watch.endpoints('web').map((endpoint) => endpoint.nodeName ?? '')
    assert.equal(new Set(placed).size, 2, `the two pods are on two nodes, not on ${placed}`)
    // A node without a pod of the Service: every answer must come from elsewhere.
    const empty = on.cluster.spec.nodes.map(({ name }) => name).find((name) => !placed.includes(name)) ?? ''
    const from = await clientOn(empty)
    const pods = await on.readyEndpoints('web', 2)
    await everyoneAnswers(from, target, pods)
    const before = await vxlanPackets(on, empty)
    const nodes = new Map<string, number>()
    for (let i = 0; i < 10; i++) {
      const { node, client } = await ask(from, target)
      count(nodes, node)
      assert.equal(client.replace(/:\d+$/, ''), (await on.readyPod(`client-${empty}`)).status?.podIP)
    }
    const crossed = await vxlanPackets(on, empty)
    assert.deepEqual(Object.fromEntries([...nodes].sort()), each(placed.sort(), 5))
    // A connection with one request is at least SYN, ACK, request, FIN out and SYN-ACK, answer, FIN in.
    assert.ok(crossed.sent - before.sent >= 40, `${crossed.sent - before.sent} packets sent`)
    assert.ok(crossed.received - before.received >= 30, `${crossed.received - before.received} packets received`)
  })

  test('a pod of the same node is reached without the overlay', async () => {
    const [endpoint] = on.watch.endpoints('web')
    const node = endpoint?.nodeName ?? ''
    const from = await clientOn(node)
    const target: Target = { host: endpoint?.addresses[0] ?? '', port: 8080, protocol: 'TCP' }
    await ask(from, target)
    const before = await vxlanPackets(on, node)
    assert.equal((await ask(from, target)).pod, endpoint?.targetRef?.name)
    const crossed = await vxlanPackets(on, node)
    // Fewer than a handshake and its answer, since the kernel may have a word with its neighbours meanwhile.
    assert.ok(crossed.sent - before.sent < 3, `${crossed.sent - before.sent} packets sent`)
  })

  test('after scaling to three: even thirds, and with four a quarter each', async () => {
    const from = await clientOn('node-3')
    for (const replicas of [3, 4]) {
      const scale = { type: 'merge', body: { spec: { replicas } } } as const
      await on.client.patch(deployments, { namespace: 'default', name: 'web' }, scale)
      const pods = await on.readyEndpoints('web', replicas)
      const asked = replicas * 4
      assert.deepEqual(await spread(from, await tcp('web'), { pods, asked }), each(pods, 4))
      assert.deepEqual(await spread(from, await udp('web'), { pods, asked }), each(pods, 4))
    }
  })

  test('after scaling down to one, nobody else answers', async () => {
    const scale = { type: 'merge', body: { spec: { replicas: 1 } } } as const
    await on.client.patch(deployments, { namespace: 'default', name: 'web' }, scale)
    const pods = await on.readyEndpoints('web', 1)
    const from = await clientOn('node-3')
    const target = await tcp('web')
    await on.until('the other pods to be gone', () => {
      return on.watch.pods().filter((pod) => pod.metadata.labels?.app === 'web').length === 1 ? true : undefined
    })
    for (let i = 0; i < 12; i++) assert.equal((await ask(from, target)).pod, pods[0])
  })
})

/** Packets of flannel.1 by the kernel's own count. */
async function vxlanPackets(on: TrafficCluster, node: string): Promise<{ sent: number; received: number }> {
  const text = await on.run(on.node(node), 'ip', ['-j', '-s', 'link', 'show', 'flannel.1'])
  const [{ stats64 }] = JSON.parse(text)
  return { sent: stats64.tx.packets, received: stats64.rx.packets }
}
