import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Target } from '../../src/cluster/vantage.ts'
import { Informer } from '../../src/kube/informer.ts'
import { deployments, endpointSlices, nodes, pods } from '../../src/kube/resource.ts'
import type { Node, Pod } from '../../src/kube/types/core.ts'
import { deleteNetns } from '../../src/linux/netns.ts'
import { removePodsOf } from '../../src/node/remove-pods.ts'
import { createEchoService, endpointsReady, isReady } from './echo-workload.ts'
import { type TestCluster, TestHome } from './test-cluster.ts'
import { answered } from './traffic.ts'
import { seen } from './watch.ts'

const NODE = 'node-1'
const REPLICAS = 6

let home: TestHome
let cluster: TestCluster
let target: Target
let addresses: AddressWatch

before(async () => {
  home = new TestHome()
  try {
    cluster = await home.up()
    addresses = new AddressWatch(cluster)
    await cluster.client.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'echo', namespace: 'default' },
      spec: {
        replicas: REPLICAS,
        selector: { matchLabels: { app: 'echo' } },
        template: {
          metadata: { labels: { app: 'echo' } },
          spec: {
            terminationGracePeriodSeconds: 1,
            tolerations: [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 }],
            containers: [
              {
                name: 'echo',
                image: 'fairlead/echo',
                ports: [
                  { name: 'http', containerPort: 8080 },
                  { name: 'tcp-echo', containerPort: 7000 },
                ],
                readinessProbe: { tcpSocket: { port: 'tcp-echo' }, periodSeconds: 1 },
              },
            ],
          },
        },
      },
    })
    const service = await createEchoService(cluster.client, 'echo', 'echo')
    target = { host: service.spec.clusterIP ?? '', port: 80, protocol: 'TCP' }
    await endpointsReady(cluster.client, 'echo', REPLICAS)
  } catch (error) {
    await home[Symbol.asyncDispose]()
    throw error
  }
})

after(async () => {
  await addresses?.[Symbol.asyncDispose]()
  await home[Symbol.asyncDispose]()
})

test('a node that is back soon starts its own pods again, each with an address of its own', async () => {
  const { client } = cluster
  const before = await podsOn(NODE)
  assert.notEqual(before.length, 0)
  const held = cluster.holdSupervisor()
  const agent = await powerOff()
  held[Symbol.dispose]()
  await cluster.replaced(NODE, agent)
  const uids = before.map(({ metadata }) => metadata.uid)
  const again = await seen(client, pods, (all) => {
    const same = all.filter(({ metadata }) => uids.includes(metadata.uid))
    return same.length === uids.length && same.every((pod) => isReady(pod) && restartsOf(pod) > 0) ? same : undefined
  })
  assert.equal(again.length, before.length)
  await endpointsReady(client, 'echo', REPLICAS)
  await answered({ name: NODE, netns: cluster.nodeNetns(NODE) }, target)
  addresses.check()
})

test('the pods of a node that stays away are replaced elsewhere; the node comes back empty and takes new ones', async () => {
  const { client } = cluster
  const before = await podsOn(NODE)
  assert.notEqual(before.length, 0)
  const held = cluster.holdSupervisor()
  let agent: Awaited<ReturnType<typeof powerOff>>
  try {
    agent = await powerOff()
    // What forty seconds of silence come to (test/controllers/node-loss.test.ts).
    const silent = { type: 'Ready', status: 'False', reason: 'KubeletNotReady' }
    await client.patch(
      nodes,
      { name: NODE },
      { type: 'strategic', body: { status: { conditions: [silent] } } },
      { subresource: 'status' },
    )
    const lost = new Set(before.map(({ metadata }) => metadata.name))
    await seen(client, endpointSlices, (all) => {
      const endpoints = all
        .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === 'echo')
        .flatMap((slice) => slice.endpoints ?? [])
      const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false)
      const gone = !ready.some(({ targetRef }) => lost.has(targetRef?.name ?? ''))
      return gone && ready.length === REPLICAS ? true : undefined
    })
    const elsewhere = (await echoPods()).filter((pod) => isReady(pod))
    assert.deepEqual(
      elsewhere.filter(({ spec }) => spec.nodeName === NODE),
      [],
    )
    await answered({ name: 'node-2', netns: cluster.nodeNetns('node-2') }, target)
  } finally {
    held[Symbol.dispose]()
  }
  await cluster.replaced(NODE, agent)
  await seen(client, nodes, (all) => all.find((node) => node.metadata.name === NODE && isNodeReady(node)))
  // The node has said of the pods that were deleted meanwhile that they are gone.
  const uids = new Set(before.map(({ metadata }) => metadata.uid))
  await seen(client, pods, (all) => (all.some(({ metadata }) => uids.has(metadata.uid)) ? undefined : true))
  await client.patch(
    deployments,
    { namespace: 'default', name: 'echo' },
    { type: 'merge', body: { spec: { replicas: REPLICAS * 2 } } },
  )
  await endpointsReady(client, 'echo', REPLICAS * 2)
  assert.notEqual((await podsOn(NODE)).length, 0)
  await answered({ name: NODE, netns: cluster.nodeNetns(NODE) }, target)
  addresses.check()
})

/** What a machine without power leaves of itself: no process, no namespace, nothing of what was in memory. */
async function powerOff() {
  const agent = cluster.kill(NODE)
  const { layout, name } = cluster
  const directories = { run: layout.runDirectory, state: layout.stateDirectory }
  await removePodsOf({ clusterName: name, nodeName: NODE, directories, clock: systemClock, log: silentLog })
  deleteNetns(`fl-${name}-${NODE}`)
  return agent
}

async function echoPods(): Promise<readonly Pod[]> {
  return (await cluster.client.list(pods, { namespace: 'default', labelSelector: 'app=echo' })).items
}

async function podsOn(node: string): Promise<readonly Pod[]> {
  return (await echoPods()).filter(({ spec }) => spec.nodeName === node)
}

function restartsOf({ status }: Pod): number {
  return status?.containerStatuses?.[0]?.restartCount ?? 0
}

function isNodeReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false
}

/** Looks at every state of the pods whether two that are ready have one address. */
class AddressWatch implements AsyncDisposable {
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  readonly #shared: string[] = []

  constructor({ client }: TestCluster) {
    const informer = new Informer<Pod>({ client, resource: pods, log: silentLog, namespace: 'default' })
    informer.synced.catch(() => {})
    const look = () => {
      const owners = new Map<string, string>()
      for (const pod of informer.list().filter(isReady)) {
        const ip = pod.status?.podIP ?? ''
        const other = owners.get(ip)
        if (other !== undefined) this.#shared.push(`${ip}: ${other} and ${pod.metadata.name}`)
        owners.set(ip, pod.metadata.name)
      }
    }
    informer.on({ added: look, updated: look, deleted: look })
    this.#running = informer.run(this.#stop.signal)
  }

  check(): void {
    assert.deepEqual(this.#shared, [])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}
