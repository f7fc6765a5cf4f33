import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deployments, events, nodes, pods } from '../../src/kube/resource.ts'
import type { Taint } from '../../src/kube/types/core.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { barePod, deployment } from './workloads.ts'

const DRAIN: Taint = { key: 'maintenance', effect: 'NoExecute' }
const tolerating = (tolerationSeconds?: number) => ({
  tolerations: [
    {
      key: DRAIN.key,
      operator: 'Exists',
      ...(tolerationSeconds === undefined ? {} : { effect: 'NoExecute', tolerationSeconds }),
    } as const,
  ],
})

async function taint({ client }: ControlPlane, name: string, taints: readonly Taint[]): Promise<void> {
  const node = await client.get(nodes, { name })
  const { resourceVersion } = node.metadata
  await client.patch(nodes, { name }, { type: 'merge', body: { metadata: { resourceVersion }, spec: { taints } } })
}

const evictions = (plane: ControlPlane, text: string) =>
  plane.untilAll(events, (all) =>
    all.some(({ reason, message }) => reason === 'TaintManagerEviction' && message === text),
  )

test('a NoExecute taint drives away what does not tolerate it, at once or when its time is over', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client } = plane
  await client.create(pods, barePod('never'))
  await client.create(pods, barePod('briefly', tolerating(1)))
  await client.create(pods, barePod('long', tolerating(600)))
  await client.create(pods, barePod('forever', tolerating()))
  await plane.untilAll(pods, (all) => all.filter(({ spec }) => spec.nodeName === 'n1').length === 4)
  await taint(plane, 'n1', [DRAIN])
  await plane.gone(pods, 'never')
  await evictions(plane, 'Marking for deletion Pod default/never')
  await plane.gone(pods, 'briefly')
  await taint(plane, 'n1', [])
  await evictions(plane, 'Cancelling deletion of Pod default/long')
  const left = (await client.list(pods, { namespace: 'default' })).items
  assert.deepEqual(left.map(({ metadata }) => metadata.name).sort(), ['forever', 'long'])
})

test('pods of a silent node are made again elsewhere once their toleration is over', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1', 'n2'], nodeGraceMs: 200 })
  const { client } = plane
  const alive = setInterval(() => plane.kubelets.heartbeat('n2'), 50)
  try {
    const { spec } = deployment(2)
    const tolerations = [{ operator: 'Exists' as const, effect: 'NoExecute', tolerationSeconds: 0 }]
    const template = { ...spec.template, spec: { ...spec.template.spec, tolerations } }
    await client.create(deployments, deployment(2, { template }))
    await plane.untilAll(pods, (all) => all.length >= 2 && all.every(({ spec: { nodeName } }) => nodeName === 'n2'))
    await plane.until(deployments, 'web', ({ status }) => status?.availableReplicas === 2)
  } finally {
    clearInterval(alive)
  }
})

test('a pod being deleted on a node that is out of service does not wait for the node', async () => {
  await using plane = await startControlPlane({ nodeNames: ['n1'] })
  const { client, kubelets } = plane
  kubelets.ends = false
  await client.create(pods, barePod('a', { tolerations: [{ operator: 'Exists' }] }))
  await plane.until(pods, 'a', ({ spec }) => spec.nodeName === 'n1')
  await client.delete(pods, { namespace: 'default', name: 'a' })
  const body = { status: { conditions: [{ type: 'Ready', status: 'False', reason: 'KubeletNotReady' }] } }
  await client.patch(nodes, { name: 'n1' }, { type: 'strategic', body }, { subresource: 'status' })
  const node = await plane.until(nodes, 'n1', ({ spec }) => (spec?.taints ?? []).length === 2)
  await taint(plane, 'n1', [
    ...(node.spec?.taints ?? []),
    { key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' },
  ])
  await plane.gone(pods, 'a')
})
