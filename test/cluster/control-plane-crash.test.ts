import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../src/base/log.ts'
import { connectAsAdmin } from '../../src/cluster/admin-access.ts'
import type { Target, Vantage } from '../../src/cluster/vantage.ts'
import type { Client } from '../../src/kube/client.ts'
import { Informer } from '../../src/kube/informer.ts'
import { configMaps } from '../../src/kube/resource.ts'
import type { ConfigMap, Pod } from '../../src/kube/types/core.ts'
import { applyEcho, createEchoService, ECHO_PORT, endpointsReady, runPod } from './echo-workload.ts'
import { poll } from './poll.ts'
import { type TestCluster, TestHome } from './test-cluster.ts'
import { answered, EchoConnection, RequestLoad } from './traffic.ts'

test('the control plane is killed under load: connections go on, writes are kept, watches resume', async () => {
  await using home = new TestHome()
  const cluster = await home.up()
  const { client } = cluster
  const service = await applyEcho(client, 'echo', 2)
  const pod = await runPod(client, 'caller', 'node-3')
  const from = vantage(cluster, pod)
  const address = service.spec.clusterIP ?? ''
  await using traffic = await openTraffic(cluster, { from, address, peer: await runPod(client, 'peer', 'node-1') })

  await using writes = new WriteLoad(client)
  await using watched = new WatchedConfigMaps(client)
  await writes.acknowledged(100)

  for (let round = 0; round < 2; round++) {
    const killed = cluster.kill('control-plane')
    const before = writes.count
    await traffic.goOn()
    await cluster.replaced('control-plane', killed)
    await writes.acknowledged(before + 50)
    await traffic.goOn()
  }

  await writes.stop()
  const kept = new Map((await client.list(configMaps, { namespace: 'default' })).items.map((map) => [keyOf(map), map]))
  const lost = [...writes.acks].filter(([name, uid]) => kept.get(name)?.metadata.uid !== uid)
  assert.deepEqual(lost, [], 'acknowledged writes are lost')
  const back = [...writes.deletions].filter((name) => kept.has(name))
  assert.deepEqual(back, [], 'acknowledged deletions are undone')
  await watched.equals(kept)

  assert.equal((await connectAsAdmin(cluster.layout)).server, cluster.server, 'the API has another address')
  const later = await createEchoService(client, 'later', 'echo')
  await endpointsReady(client, 'later', 2)
  const target: Target = { host: later.spec.clusterIP ?? '', port: 80, protocol: 'TCP' }
  await answered(from, target)
  await using load = new RequestLoad(from, target)
  await load.goesOn(4)
  assert.equal(load.pods.size, 2)
  traffic.check()
})

function vantage(cluster: TestCluster, pod: Pod): Vantage {
  return { name: `pod ${pod.metadata.name}`, netns: cluster.podNetns(pod.metadata.uid ?? '') }
}

interface Ends {
  readonly from: Vantage
  /** Of the Service. */
  readonly address: string
  readonly peer: Pod
}

/** Connections through the ClusterIP from a pod and a node, from pod to pod, and new ones all the time. */
async function openTraffic(cluster: TestCluster, { from, address, peer }: Ends) {
  const node: Vantage = { name: 'node-2', netns: cluster.nodeNetns('node-2') }
  const target: Target = { host: address, port: 80, protocol: 'TCP' }
  await Promise.all([answered(from, target), answered(node, target)])
  const connections = await Promise.all([
    EchoConnection.open(from, address, ECHO_PORT),
    EchoConnection.open(node, address, ECHO_PORT),
    EchoConnection.open(from, peer.status?.podIP ?? '', ECHO_PORT),
  ])
  const load = new RequestLoad(from, target)
  const check = () => {
    for (const part of [...connections, load]) part.check()
  }
  return {
    check,
    async goOn() {
      await Promise.all([...connections, load].map((part) => part.goesOn()))
      check()
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...connections, load].map((part) => part[Symbol.asyncDispose]()))
    },
  }
}

const WRITERS = 8

/** Creates ConfigMaps all the time, deletes every fourth, and notes what the API server has acknowledged. */
class WriteLoad implements AsyncDisposable {
  /** Names of acknowledged creations with their uid. */
  readonly acks = new Map<string, string>()
  readonly deletions = new Set<string>()
  readonly #client: Client
  readonly #running: Promise<unknown>
  #stopped = false

  constructor(client: Client) {
    this.#client = client
    this.#running = Promise.all(Array.from({ length: WRITERS }, (_, writer) => this.#write(writer)))
  }

  get count(): number {
    return this.acks.size
  }

  async acknowledged(count: number): Promise<void> {
    await poll(`${count} acknowledged writes`, () => (this.acks.size >= count ? true : undefined))
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #write(writer: number): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      const key = { namespace: 'default', name: `write-${writer}-${i}` }
      const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: { i: String(i) } }
      try {
        const { metadata } = await this.#client.create(configMaps, map)
        this.acks.set(key.name, metadata.uid ?? '')
        if (i % 4 !== 0) continue
        // From here on it may or may not be there, until the answer comes.
        this.acks.delete(key.name)
        await this.#client.delete(configMaps, key)
        this.deletions.add(key.name)
      } catch {
        // Not acknowledged: nothing is promised of this one. The server is away for a moment.
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }
}

/** The ConfigMaps as a watch tells them over the life of several API servers. */
class WatchedConfigMaps implements AsyncDisposable {
  readonly #seen = new Map<string, string>()
  readonly #problems: string[] = []
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(client: Client) {
    const informer = new Informer<ConfigMap>({ client, resource: configMaps, namespace: 'default', log: silentLog })
    informer.synced.catch(() => {})
    informer.on({
      added: (map) => {
        if (this.#seen.has(keyOf(map))) this.#problems.push(`${keyOf(map)} was added twice`)
        this.#seen.set(keyOf(map), map.metadata.uid ?? '')
      },
      deleted: (map) => {
        if (!this.#seen.delete(keyOf(map))) this.#problems.push(`${keyOf(map)} was deleted before it was added`)
      },
    })
    this.#running = informer.run(this.#stop.signal)
  }

  /** Resolves when the watch shows exactly these. */
  async equals(kept: ReadonlyMap<string, ConfigMap>): Promise<void> {
    await poll('a watch that shows what a list does', () => {
      const same = this.#seen.size === kept.size
      return same && [...kept].every(([name, map]) => this.#seen.get(name) === map.metadata.uid) ? true : undefined
    })
    assert.deepEqual(this.#problems, [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

function keyOf({ metadata }: ConfigMap): string {
  return metadata.name
}
