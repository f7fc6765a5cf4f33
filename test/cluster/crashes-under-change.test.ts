import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Target, type Vantage } from '../../src/cluster/vantage.ts'
import { deployments, pods } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { applyEcho, endpointsReady } from './echo-workload.ts'
import { poll } from './poll.ts'
import { type TestCluster, TestHome } from './test-cluster.ts'
import { seen } from './watch.ts'

const LATEST_MS = 250

test('while pods come and go, anything may be killed at any moment: in the end all is as the API says', async (t) => {
  const random = randomFrom(process.pid)
  t.diagnostic(`seed ${process.pid}`)
  await using home = new TestHome()
  const cluster = await home.up()
  const service = await applyEcho(cluster.client, 'echo', 3)

  // Each twice: who dies more often than that is started again ever more slowly.
  const members = ['control-plane', ...cluster.nodes]
  for (const member of shuffled([...members, ...members], random)) {
    await scale(cluster, 1 + Math.floor(random() * 8))
    // The moment is what varies: while pods are bound, created, started, ended or removed.
    await sleep(random() * LATEST_MS)
    const killed = cluster.kill(member)
    await cluster.replaced(member, killed)
    if (member === 'control-plane') await apiAnswers(cluster)
  }

  await scale(cluster, 5)
  await endpointsReady(cluster.client, 'echo', 5)
  const left = await seen(cluster.client, pods, (all) => (all.length === 5 ? all : undefined))
  await poll('namespaces of the five pods and of no other', () =>
    sameMembers(
      cluster.podNamespaces(),
      left.map((pod) => cluster.podNetns(uidOf(pod))),
    )
      ? true
      : undefined,
  )
  const addresses = new Set(left.map((pod) => pod.status?.podIP))
  assert.equal(addresses.size, 5, 'two pods have the same address')
  const names = left.map((pod) => pod.metadata.name)
  for (const node of cluster.nodes) {
    const from = { name: node, netns: cluster.nodeNetns(node) }
    const target = { host: service.spec.clusterIP ?? '', port: 80, protocol: 'TCP' as const }
    await poll(`answers from the five pods and no other to ${node}`, () => answersFrom(from, target, names))
  }
})

function scale(cluster: TestCluster, replicas: number): Promise<unknown> {
  const patch = { type: 'merge', body: { spec: { replicas } } } as const
  return cluster.client.patch(deployments, { namespace: 'default', name: 'echo' }, patch)
}

async function apiAnswers({ client }: TestCluster): Promise<void> {
  await poll('an answer of the API server', () =>
    client.list(deployments).then(
      () => true,
      () => undefined,
    ),
  )
}

/** Whether ten requests are answered by exactly these pods; the node's agent may still be on its way to that. */
async function answersFrom(from: Vantage, target: Target, names: readonly string[]): Promise<true | undefined> {
  const answers = new Set<string>()
  for (let i = 0; i < 10; i++) {
    try {
      answers.add((await ask(from, target, 250)).pod)
    } catch {
      // A pod that is gone is still among the endpoints.
      return undefined
    }
  }
  return sameMembers([...answers], names) ? true : undefined
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
}

function sameMembers(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && [...some].sort().join() === [...others].sort().join()
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? ''
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
