import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { INTERNET_CLIENTS, isInterfaceDevice, vpcNetnsName } from '../../src/cloud/fabric/fabric-names.ts'
import { instanceId, vSwitchId } from '../../src/cloud/region.ts'
import { podVSwitch } from '../../src/cluster/cluster-spec.ts'
import { ask, type Target, type Vantage } from '../../src/cluster/vantage.ts'
import { events, nodes, pods, services } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { RouteSocket } from '../../src/linux/netlink/route/socket.ts'
import { netnsPath } from '../../src/linux/netns.ts'
import { listenTcp } from '../../src/linux/socket.ts'
import { poll } from '../cluster/poll.ts'
import { openKubectl, unavailable } from '../kubectl/kubectl.ts'
import { clientPod, serviceOf, startTrafficCluster, type TrafficCluster } from '../traffic/traffic-cluster.ts'

const INTERNET_CLIENT = INTERNET_CLIENTS[0].split('/')[0]
const NAT_ADDRESS = '203.0.113.10'
const BRIEF_MS = 300
/** Of five pods each, on eleven addresses that rest after each: more would wait. A thousand: terway-cycles.test.ts. */
const ROUNDS = 3
const NOBODY = { pod: '', client: '' }

/** node-1's pods have as many addresses as its type allows, two interfaces with six; node-2's vSwitch has four. */
describe('Terway: pods have addresses of the VPC', () => {
  let on: TrafficCluster
  let one: Pod
  let two: Pod

  before(async () => {
    on = await startTrafficCluster({
      nodes: 2,
      options: { network: 'terway-eniip', instanceType: 'ecs.g7.large', minPoolSize: 1, maxPoolSize: 3 },
      adjust: (spec) => ({
        ...spec,
        vSwitches: spec.vSwitches.map((vSwitch) =>
          vSwitch.name === podVSwitch('zone-b') ? { ...vSwitch, cidrBlock: '192.168.96.0/29' } : vSwitch,
        ),
      }),
    })
    await on.apply(echoPod('one', 'node-1'))
    await on.apply(echoPod('two', 'node-2'))
    ;[one, two] = [await on.readyPod('one'), await on.readyPod('two')]
  })
  after(() => on?.[Symbol.asyncDispose]())

  test('nodes say what they are, and take as many pods as their interfaces have addresses', async () => {
    const node = await on.client.get(nodes, { name: 'node-1' })
    assert.equal(node.spec?.providerID, `cn-hangzhou.${instanceId(on.cluster.spec.name, 'node-1')}`)
    assert.equal(node.metadata.labels?.['node.kubernetes.io/instance-type'], 'ecs.g7.large')
    assert.equal(node.metadata.labels?.['topology.kubernetes.io/region'], 'cn-hangzhou')
    assert.equal(node.status?.allocatable?.pods, '12')
    assert.equal(node.spec?.podCIDRs, undefined)
  })

  test('pods and nodes see one another as they are; the internet sees the NAT gateway, and no pod', async () => {
    const [pod1, pod2] = [on.pod(one), on.pod(two)]
    assert.match(addressOf(one), /^192\.168\.64\./)
    assert.match(addressOf(two), /^192\.168\.96\./)
    assert.equal(await seenBy(two, pod1), addressOf(one), 'pod to pod of another node')
    assert.equal(await seenBy(one, pod2), addressOf(two))
    assert.equal(await seenBy(one, on.node('node-1')), '192.168.0.11', 'node to its own pod')
    assert.equal(await seenBy(two, on.node('node-1')), '192.168.0.11', 'node to a pod of another')
    assert.notEqual(await outcome(on.internet, direct(one)), 'answered', 'the internet knows no private address')
    const seen: string[] = []
    const server = createServer((request, response) => {
      seen.push(request.socket.remoteAddress ?? '')
      response.end(JSON.stringify({ pod: '', node: '', client: '' }))
    })
    const listen = (netns: string) =>
      new Promise<void>((resolve) => server.listen({ fd: listenTcp({ netns, host: '0.0.0.0', port: 8080 }) }, resolve))
    for (const { netns, host } of [
      { netns: on.internet.netns, host: INTERNET_CLIENT ?? '' },
      { netns: on.node('node-2').netns, host: '192.168.1.11' },
      { netns: on.node('node-1').netns, host: '192.168.0.11' },
    ]) {
      await listen(netns)
      await ask(pod1, { host, port: 8080, protocol: 'TCP' })
      await new Promise((resolve) => server.close(resolve))
    }
    assert.deepEqual(seen, [NAT_ADDRESS, addressOf(one), addressOf(one)])
  })

  test('Services lead to pods of all nodes, and these see the pod that asks', async () => {
    await on.apply(serviceOf('echo', 'type: NodePort', 'echo'))
    await on.readyEndpoints('echo', 2)
    const service = { host: await on.clusterIp('echo'), port: 80, protocol: 'TCP' } as const
    const asked = new Map<string, string>()
    await poll('both pods to answer', async () => {
      const { pod, client } = await ask(on.pod(one), service).catch(() => NOBODY)
      if (pod !== '') asked.set(pod, withoutPort(client))
      return asked.size === 2 ? true : undefined
    })
    assert.equal(asked.get('two'), addressOf(one), 'no masquerade inside the VPC')
    assert.equal(asked.get('one'), '192.168.0.11', 'itself: the way back leads through the node')
    const port = on.watch.service('echo')?.spec.ports?.find(({ protocol }) => protocol !== 'UDP')?.nodePort ?? 0
    for (const { publicAddress } of on.cluster.spec.nodes) {
      assert.notEqual((await ask(on.internet, { host: publicAddress, port, protocol: 'TCP' })).pod, '')
    }
  })

  test('a load balancer leads to the pods themselves, which see the client', async () => {
    await on.apply(serviceOf('echo', 'type: LoadBalancer', 'echo-public'))
    const host = await on.until('an address of echo-public', () => {
      return on.watch.service('echo-public')?.status?.loadBalancer?.ingress?.[0]?.ip
    })
    const asked = new Map<string, string>()
    await poll('both pods to answer', async () => {
      const { pod, client } = await ask(on.internet, { host, port: 80, protocol: 'TCP' }, BRIEF_MS).catch(() => NOBODY)
      if (pod !== '') asked.set(pod, withoutPort(client))
      return asked.size === 2 ? true : undefined
    })
    assert.deepEqual([...asked.values()], [INTERNET_CLIENT, INTERNET_CLIENT])
    await on.client.delete(services, { namespace: 'default', name: 'echo-public' })
  })

  test('pods come and go: addresses never collide, and nothing of them is left', async () => {
    const held = new Map<string, string>()
    for (let round = 0; round < ROUNDS; round++) {
      const names = Array.from({ length: 5 }, (_, i) => `brief-${round}-${i}`)
      for (const name of names) await on.apply(clientPod(name, 'node-1'))
      for (const name of names) held.set(name, addressOf(await on.readyPod(name)))
      const live = (await on.client.list(pods, { namespace: 'default' })).items.map((pod) => pod.status?.podIP)
      const known = live.filter((address) => address !== undefined)
      assert.equal(new Set(known).size, known.length, 'one address, one pod')
      for (const name of names) await on.client.delete(pods, { namespace: 'default', name })
      await on.until('the pods to go', () => (names.some((name) => on.watch.pod(name)) ? undefined : true))
    }
    await poll('their routes to go', () => (podRoutes('node-1').length === 1 ? true : undefined))
    assert.deepEqual(podRoutes('node-1'), [`${addressOf(one)}/32`])
    assert.ok(new Set(held.values()).size > 5, 'an address rests before it is given again')
  })

  test('the agent is killed: pods keep their addresses and connections, new ones get others', async () => {
    const rules = () => using(on.node('node-1'), (route) => route.rules(4).map((rule) => JSON.stringify(rule)))
    const before = rules()
    const pid = on.cluster.processes().get('node-1') ?? assert.fail('no agent')
    process.kill(pid, 'SIGKILL')
    assert.equal(await seenBy(one, on.pod(two)), addressOf(two), 'while nobody is there')
    await on.apply(clientPod('later', 'node-1'))
    const later = await on.readyPod('later')
    assert.notEqual(addressOf(later), addressOf(one))
    assert.equal(await seenBy(one, on.pod(later)), addressOf(later))
    assert.deepEqual(
      rules().filter((rule) => !rule.includes(addressOf(later))),
      before,
    )
    await on.client.delete(pods, { namespace: 'default', name: 'later' })
  })

  test('full interfaces leave the pod pending with the limit of the instance type', async () => {
    // Beside pod `one`: one more than the type allows. The scheduler would not send it here.
    const names = Array.from({ length: 12 }, (_, i) => `many-${i}`)
    for (const name of names) await on.apply(clientPod(name, 'node-1'))
    const running = await on.until('11 pods to run', () => {
      const found = names
        .flatMap((name) => on.watch.pod(name) ?? [])
        .filter(({ status }) => status?.phase === 'Running')
      return found.length === 11 ? found : undefined
    })
    const [pending = ''] = names.filter((name) => !running.some(({ metadata }) => metadata.name === name))
    const event = await poll('an Event with the limit', () => refusal('instance type', pending))
    assert.match(
      event.message ?? '',
      /ecs\.g7\.large allows 2 secondary interfaces with 6 addresses each, and all are in use/,
    )
    assert.equal(on.watch.pod(pending)?.status?.phase, 'Pending')
    if (unavailable === false) {
      const { stdout } = await kubectl().run(`describe pod ${pending}`)
      assert.match(stdout, /^Status: +Pending$/m)
      assert.match(stdout, /Warning +FailedCreatePodSandBox .*ecs\.g7\.large allows 2 secondary interfaces with 6 addr/)
    }
    assert.equal(new Set([one, ...running].map(addressOf)).size, 12)
    for (const name of names) await on.client.delete(pods, { namespace: 'default', name })
    await poll('as many free addresses as the pool may keep', () => (heldBy('node-1') <= 4 ? true : undefined))
    assert.ok(heldBy('node-1') >= 2, 'one for the pod, one ready')
  })

  test('a full vSwitch leaves the pod pending with the reason, until an address is free', async () => {
    const names = ['fill-1', 'fill-2', 'fill-3', 'fill-4']
    for (const name of names) await on.apply(clientPod(name, 'node-2'))
    const reason = `failed to allocate address: vSwitch ${vSwitchId(on.cluster.spec.name, podVSwitch('zone-b'))} has no free address`
    const event = await poll('an Event with the reason', () => refusal('vSwitch'))
    assert.ok(event.message?.includes(reason), event.message)
    const pending = event.involvedObject.name ?? ''
    assert.equal(on.watch.pod(pending)?.status?.phase, 'Pending')
    for (const name of names.filter((other) => other !== pending)) await on.readyPod(name)
    const [gone = ''] = names.filter((name) => name !== pending)
    const freed = addressOf(await on.readyPod(gone))
    await on.client.delete(pods, { namespace: 'default', name: gone })
    assert.equal(addressOf(await on.readyPod(pending)), freed)
  })

  test('a removed node gives its interfaces back', async () => {
    const device = (netns: string) => {
      using route = RouteSocket.open(netns)
      return route
        .links()
        .filter(({ name }) => isInterfaceDevice(name))
        .map(({ alias }) => alias?.split(' ')[1])
    }
    const vpc = netnsPath(vpcNetnsName(on.cluster.spec.name))
    assert.ok(device(vpc).includes('node-2'))
    const pid = on.cluster.processes().get('node-2') ?? assert.fail('no agent')
    process.kill(pid, 'SIGSTOP')
    try {
      await on.client.delete(nodes, { name: 'node-2' })
      await poll('the interfaces to go', () => (device(vpc).includes('node-2') ? undefined : true))
      assert.ok(device(vpc).includes('node-1'))
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  })

  /** The Event of a pod that has no address, for a reason that begins like this. */
  const refusal = async (why: string, pod?: string) => {
    const { items } = await on.client.list(events, { namespace: 'default' })
    const text = `failed to allocate address: ${why}`
    return items.find(
      ({ reason, message, involvedObject }) =>
        reason === 'FailedCreatePodSandBox' &&
        message?.includes(text) &&
        (pod === undefined || involvedObject.name === pod),
    )
  }
  const podRoutes = (node: string) =>
    using(on.node(node), (route) =>
      route.routes(4).flatMap(({ destination, link }) => (link?.startsWith('cali') === true ? [destination] : [])),
    )
  const kubectl = () => {
    const { kubeconfig, stateDirectory } = on.cluster.layout
    return openKubectl({ kubeconfig, directory: stateDirectory })
  }
  /** Addresses of the vSwitches that a node's secondary interfaces have, as the VPC routes them. */
  const heldBy = (node: string) => {
    using vpc = RouteSocket.open(netnsPath(vpcNetnsName(on.cluster.spec.name)))
    const links = vpc.links().filter(({ name, alias }) => isInterfaceDevice(name) && alias?.split(' ')[1] === node)
    const names = new Set(links.map(({ name }) => name))
    return vpc.routes(4).filter(({ link, destination }) => names.has(link ?? '') && destination?.endsWith('/32')).length
  }
  const seenBy = async (pod: Pod, from: Vantage) => withoutPort((await ask(from, direct(pod))).client)
})

function using<R>(at: Vantage, look: (route: RouteSocket) => R): R {
  using route = RouteSocket.open(at.netns)
  return look(route)
}

async function outcome(from: Vantage, target: Target): Promise<unknown> {
  return ask(from, target, BRIEF_MS).then(
    () => 'answered',
    (error: { code?: unknown }) => error.code,
  )
}

function direct(pod: Pod): Target {
  return { host: addressOf(pod), port: 8080, protocol: 'TCP' }
}

function addressOf(pod: Pod): string {
  return pod.status?.podIP ?? assert.fail(`${pod.metadata.name} has no address`)
}

function withoutPort(address: string): string {
  return address.replace(/:\d+$/, '')
}

function echoPod(name: string, node: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: echo } }
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 1
  containers:
    - name: echo
      image: fairlead/echo
      readinessProbe: { tcpSocket: { port: 8080 } }
      ports: [{ name: http, containerPort: 8080 }, { name: udp, containerPort: 9000, protocol: UDP }]
`
}
