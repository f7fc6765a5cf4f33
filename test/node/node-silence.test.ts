import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, type Target } from '../../src/cluster/vantage.ts'
import { findCondition } from '../../src/kube/conditions.ts'
import { endpointSlices, events, nodes, pods } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { applyEcho } from '../cluster/echo-workload.ts'
import { poll } from '../cluster/poll.ts'
import { type TestCluster, TestHome } from '../cluster/test-cluster.ts'
import { unavailable } from '../kubectl/kubectl.ts'

const APP = 'heard'
const LOST = 'node-2'

test('a node whose agent is gone: its pods are marked, their endpoints withdrawn, and both come back with it', {
  skip: unavailable,
  timeout: 120_000,
}, async () => {
  await using home = new TestHome()
  const args = ['--no-demo', '--no-dns', '--node-monitor-grace-period', '5s']
  const cluster = await home.up({ nodes: 2, args })
  const { client } = cluster
  const { spec } = await applyEcho(client, APP, 4)
  const before = await onNode(cluster, LOST)
  const [left] = await onNode(cluster, 'node-1')
  assert.ok(before.length > 0 && left !== undefined, 'the scheduler spreads them')

  const held = cluster.holdSupervisor()
  try {
    cluster.kill(LOST)
    const node = await poll('the node to be unknown', async () => {
      const found = await client.get(nodes, { name: LOST })
      return readyOf(found)?.status === 'Unknown' ? found : undefined
    })
    assert.equal(readyOf(node)?.reason, 'NodeStatusUnknown')
    assert.equal(readyOf(node)?.message, 'Kubelet stopped posting node status.')
    const lost = before.map(({ metadata }) => metadata.name).sort()
    await poll('its endpoints to be withdrawn', async () => {
      return (await endpoints(cluster, false)).join() === lost.join() ? true : undefined
    })
    for (const { metadata } of before) assert.equal(readyOf(await client.get(pods, metadata))?.status, 'False')
    await poll('an Event of each', async () => {
      const told = (await client.list(events, { namespace: 'default' })).items.filter(
        ({ reason, message }) => reason === 'NodeNotReady' && message === 'Node is not ready',
      )
      return lost.every((name) => told.some((event) => event.involvedObject.name === name)) ? true : undefined
    })
    const taints = (await client.get(nodes, { name: LOST })).spec?.taints ?? []
    assert.ok(taints.some(({ key, effect }) => key === 'node.kubernetes.io/unreachable' && effect === 'NoExecute'))
    // The pods themselves live, and yet nobody is led to them.
    const from = { name: 'node-1', netns: cluster.nodeNetns('node-1') }
    const target: Target = { host: spec.clusterIP ?? '', port: 80, protocol: 'TCP' }
    await poll('the rules of the other node', async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(from, target)))
      return answers.every(({ pod }) => !lost.includes(pod)) ? true : undefined
    })
  } finally {
    held[Symbol.dispose]()
  }

  await poll('all endpoints to be back', async () => {
    return (await endpoints(cluster, true)).length === 4 ? true : undefined
  })
  const after = await onNode(cluster, LOST)
  assert.deepEqual(after.map(containerIds).sort(), before.map(containerIds).sort(), 'none was started again')
  await poll('the taints to go', async () => {
    const { taints = [] } = (await client.get(nodes, { name: LOST })).spec ?? {}
    return taints.length === 0 ? true : undefined
  })
})

function readyOf({ status }: Pick<Pod, 'status'> | { status?: { conditions?: Parameters<typeof findCondition>[0] } }) {
  return findCondition(status?.conditions, 'Ready')
}

async function onNode({ client }: TestCluster, name: string): Promise<readonly Pod[]> {
  const { items } = await client.list(pods, { namespace: 'default', fieldSelector: `spec.nodeName=${name}` })
  return items
}

/** Names of the pods behind the Service that are ready, or are not. */
async function endpoints({ client }: TestCluster, ready: boolean): Promise<string[]> {
  const labelSelector = `kubernetes.io/service-name=${APP}`
  const { items } = await client.list(endpointSlices, { namespace: 'default', labelSelector })
  const all = items.flatMap((slice) => slice.endpoints ?? [])
  return all
    .filter(({ conditions }) => conditions?.ready === ready)
    .map(({ targetRef }) => targetRef?.name ?? '')
    .sort()
}

function containerIds({ status }: Pod): string {
  return (status?.containerStatuses ?? []).map(({ containerID }) => containerID).join()
}
