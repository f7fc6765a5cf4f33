import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Target, Vantage } from '../../src/cluster/vantage.ts'
import { pods, services } from '../../src/kube/resource.ts'
import type { ContainerStatus, Pod } from '../../src/kube/types/core.ts'
import { killProcess, type ProcessIdentity, processesInNetns } from '../../src/linux/process.ts'
import { applyEcho, createEchoService, ECHO_PORT, endpointsReady, isReady, runPod } from './echo-workload.ts'
import { listRules, NftMonitor } from './nft-monitor.ts'
import { poll } from './poll.ts'
import { type TestCluster, TestHome } from './test-cluster.ts'
import { answered, EchoConnection, RequestLoad } from './traffic.ts'
import { seen } from './watch.ts'

const NODES = ['node-1', 'node-2', 'node-3'] as const

let home: TestHome
let cluster: TestCluster
let address: string

before(async () => {
  home = new TestHome()
  try {
    cluster = await home.up()
    address = (await applyEcho(cluster.client, 'echo', 3)).spec.clusterIP ?? ''
  } catch (error) {
    await home[Symbol.asyncDispose]()
    throw error
  }
})

after(async () => await home[Symbol.asyncDispose]())

for (const node of NODES) {
  test(`the agent of ${node} is killed under load: its pods, connections and rules are not touched`, async () => {
    const { client } = cluster
    const caller = await runPod(client, `caller-${node}`, node)
    const from: Vantage = { name: caller.metadata.name, netns: podNetns(caller) }
    await using traffic = await openTraffic(from, node)
    const [containersBefore, processesBefore] = [await containersOn(node), await podProcessesOn(node)]
    const rulesBefore = listRules(cluster.nodeNetns(node))
    using monitor = await NftMonitor.start(cluster.nodeNetns(node))

    const held = cluster.holdSupervisor()
    const killed = cluster.kill(node)
    try {
      // Nobody looks after the node now.
      await traffic.goOn()
    } finally {
      held[Symbol.dispose]()
    }
    await cluster.replaced(node, killed)
    await traffic.goOn()
    // A pod that is started there shows that the new agent has taken over.
    await runPod(client, `later-${node}`, node)
    await traffic.goOn()

    const changes = await monitor.changes()
    assert.deepEqual(
      changes.filter((line) => !line.startsWith('add ')),
      [],
      'the rules were changed',
    )
    assert.deepEqual(listRules(cluster.nodeNetns(node)), rulesBefore)
    const containers = await containersOn(node)
    for (const [name, container] of containersBefore) assert.deepEqual(containers.get(name), container, name)
    const processes = await podProcessesOn(node)
    for (const process of processesBefore) {
      assert.ok(
        processes.some(({ pid, startTicks }) => pid === process.pid && startTicks === process.startTicks),
        `process ${process.pid} of a pod has ended`,
      )
    }
  })
}

test('every agent and the control plane are killed at once: traffic goes on, and all come back', async () => {
  const { client } = cluster
  const node = 'node-1'
  const caller = await runPod(client, 'caller-at-once', node)
  await using traffic = await openTraffic({ name: 'caller-at-once', netns: podNetns(caller) }, node)
  const held = cluster.holdSupervisor()
  const killed = ['control-plane', ...NODES].map((member) => [member, cluster.kill(member)] as const)
  try {
    await traffic.goOn()
  } finally {
    held[Symbol.dispose]()
  }
  for (const [member, identity] of killed) await cluster.replaced(member, identity)
  await poll('an answer of the API server', () => client.find(pods, keyOf(caller)).catch(() => undefined))
  await Promise.all(NODES.map((name) => runPod(client, `later-at-once-${name}`, name)))
  await traffic.goOn()
})

test('what the API was told while an agent was away is done when it is back', async () => {
  const { client } = cluster
  const node = 'node-2'
  const from: Vantage = { name: node, netns: cluster.nodeNetns(node) }
  const gone = await runPod(client, 'gone', node)
  const old = await createEchoService(client, 'old', 'echo')
  await answered(from, http(old.spec.clusterIP))
  const held = cluster.holdSupervisor()
  try {
    cluster.kill(node)
    await client.delete(pods, keyOf(gone))
    await client.delete(services, { namespace: 'default', name: 'old' })
    await createEchoService(client, 'new', 'echo')
  } finally {
    held[Symbol.dispose]()
  }
  await seen(client, pods, (all) => (all.some((pod) => pod.metadata.name === 'gone') ? undefined : true))
  const added = await client.get(services, { namespace: 'default', name: 'new' })
  await endpointsReady(client, 'new', 3)
  await answered(from, http(added.spec.clusterIP))
  const stale = listRules(from.netns).filter((line) => line.startsWith(`${old.spec.clusterIP} `))
  assert.deepEqual(stale, [], 'the deleted Service is still in the kernel')
})

test('a container that ends while its agent is away is started again', async () => {
  const { client } = cluster
  const node = 'node-3'
  const pod = await runPod(client, 'ends', node)
  const [id] = containersOf(pod)
  const held = cluster.holdSupervisor()
  try {
    cluster.kill(node)
    for (const process of processesInNetns(podNetns(pod))) killProcess(process, 'SIGKILL')
  } finally {
    held[Symbol.dispose]()
  }
  const restarted = await seen(client, pods, (all) => {
    const now = all.find(({ metadata }) => metadata.name === 'ends')
    return now !== undefined && isReady(now) && now.status?.containerStatuses?.[0]?.restartCount === 1 ? now : undefined
  })
  assert.notDeepEqual(containersOf(restarted), [id])
  assert.equal(restarted.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137)
  assert.equal(restarted.status?.podIP, pod.status?.podIP)
})

test('pods that end while their agent is killed are ended by the next one, within their grace, and started once', async (t) => {
  const { client } = cluster
  const node = 'node-2'
  const words = mkdtempSync(join(tmpdir(), 'fl-words-'))
  t.after(() => rmSync(words, { recursive: true }))
  const say = (word: string) => `echo ${word} >>/words/$HOSTNAME`
  const container = (script: string, more: object = {}) => ({
    name: 'main',
    image: 'fairlead/client',
    command: ['/bin/sh', '-c', `${say('start')}; ${script}`],
    volumeMounts: [{ name: 'words', mountPath: '/words' }],
    ...more,
  })
  const hook = { exec: { command: ['/bin/sh', '-c', `${say('hook')}; sleep 2; ${say('hooked')}`] } }
  const wait = 'while :; do sleep 0.05; done'
  const all = {
    'in-hook': container(`trap '${say('term')}; exit 0' TERM; ${wait}`, { lifecycle: { preStop: hook } }),
    'in-grace': container(`trap '${say('term')}' TERM; ${wait}`),
  }
  for (const [name, main] of Object.entries(all)) {
    const volumes = [{ name: 'words', hostPath: { path: words } }]
    const spec = { nodeName: node, terminationGracePeriodSeconds: 8, volumes, containers: [main] }
    const metadata = { name, namespace: 'default' }
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
  }
  const names = Object.keys(all)
  const said = (name: string) => readFileSync(join(words, name), 'utf8').trim().split('\n')
  await seen(client, pods, (list) =>
    names.every((name) => list.some((pod) => pod.metadata.name === name && isReady(pod))) ? true : undefined,
  )
  const held = cluster.holdSupervisor()
  let killed: ProcessIdentity
  try {
    for (const name of names) await client.delete(pods, { namespace: 'default', name })
    await poll('hook and signal', () =>
      said('in-hook').includes('hook') && said('in-grace').includes('term') ? true : undefined,
    )
    killed = cluster.kill(node)
  } finally {
    held[Symbol.dispose]()
  }
  await cluster.replaced(node, killed)
  await seen(client, pods, (list) => (list.some(({ metadata }) => names.includes(metadata.name)) ? undefined : true))
  for (const name of names) assert.equal(said(name).filter((word) => word === 'start').length, 1, name)
  // The hook of an agent that is gone is run once more, as upstream does; the program then hears its signal, once.
  assert.deepEqual(said('in-hook').slice(-2).sort(), ['hooked', 'term'])
  assert.equal(said('in-hook').filter((word) => word === 'term').length, 1)
})

/** Connections that last and new ones, from the node's pod, the node itself and another node. */
async function openTraffic(from: Vantage, node: string) {
  const other = NODES.find((name) => name !== node) ?? ''
  const vantages: Vantage[] = [
    from,
    { name: node, netns: cluster.nodeNetns(node) },
    { name: other, netns: cluster.nodeNetns(other) },
  ]
  const direct = (await podsOn(node)).find((pod) => pod.metadata.labels?.app === 'echo')?.status?.podIP ?? ''
  await Promise.all(vantages.map((vantage) => answered(vantage, http(address))))
  const parts = [
    ...(await Promise.all(
      vantages.flatMap((vantage) => [address, direct].map((host) => EchoConnection.open(vantage, host, ECHO_PORT))),
    )),
    ...vantages.map((vantage) => new RequestLoad(vantage, http(address))),
  ]
  return {
    async goOn() {
      await Promise.all(parts.map((part) => part.goesOn()))
      for (const part of parts) part.check()
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()))
    },
  }
}

function http(host = ''): Target {
  return { host, port: 80, protocol: 'TCP' }
}

async function podsOn(node: string): Promise<readonly Pod[]> {
  return (await cluster.client.list(pods, { namespace: 'default', fieldSelector: `spec.nodeName=${node}` })).items
}

/** Container id and number of restarts by pod, as the API says. */
async function containersOn(node: string): Promise<ReadonlyMap<string, unknown>> {
  return new Map((await podsOn(node)).map((pod) => [pod.metadata.name, [containersOf(pod), restartsOf(pod)]]))
}

/** The processes in the pods' namespaces, as the kernel says. */
async function podProcessesOn(node: string): Promise<readonly ProcessIdentity[]> {
  return (await podsOn(node)).flatMap((pod) => processesInNetns(podNetns(pod)))
}

function containersOf(pod: Pod): (string | undefined)[] {
  return statusesOf(pod).map(({ containerID }) => containerID)
}

function restartsOf(pod: Pod): number[] {
  return statusesOf(pod).map(({ restartCount }) => restartCount)
}

function statusesOf(pod: Pod): readonly ContainerStatus[] {
  return pod.status?.containerStatuses ?? []
}

function podNetns(pod: Pod): string {
  return cluster.podNetns(pod.metadata.uid ?? '')
}

function keyOf({ metadata }: Pod): { namespace: string; name: string } {
  return { namespace: 'default', name: metadata.name }
}
