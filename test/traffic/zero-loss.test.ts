import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Target, type Vantage } from '../../src/cluster/vantage.ts'
import { deployments } from '../../src/kube/resource.ts'
import { Arrivals } from './arrivals.ts'
import { type Conversation, tcpConversation } from './conversation.ts'
import { clientPod, echoService, startTrafficCluster, type TrafficCluster } from './traffic-cluster.ts'

const PER_SECOND = 200
const LONG_LIVED = 50
const TIMEOUT_MS = 10_000
/** Between two questions over one long-lived connection. */
const PAUSE_MS = 200
/** The pod answers on for so long after it is told to end: its clients have time to go elsewhere. */
const LINGER_MS = 2_000

const CONTAINER = `readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1 }
env: [{ name: FAIRLEAD_LINGER_MS, value: "${LINGER_MS}" }]`

interface Talk {
  readonly from: Vantage
  readonly target: Target
  readonly signal: AbortSignal
  /** Whether a pod was told to end: what clients learn from `Connection: close` or GOAWAY. */
  isLeaving(pod: string): boolean
}

/** A client that keeps its connection for as long as its pod stays, and asks over it again and again. */
async function talk({ from, target, signal, isLeaving }: Talk): Promise<{ asked: number; failures: string[] }> {
  const failures: string[] = []
  let asked = 0
  let conversation: Conversation = await tcpConversation(from, target)
  let partner = ''
  while (!signal.aborted) {
    try {
      if (partner !== '' && isLeaving(partner)) {
        conversation[Symbol.dispose]()
        conversation = await tcpConversation(from, target)
      }
      partner = (await conversation.ask()).pod
      asked += 1
    } catch (error) {
      failures.push(`${from.name}, connection to ${partner}: ${error instanceof Error ? error.message : String(error)}`)
      conversation[Symbol.dispose]()
      conversation = await tcpConversation(from, target)
      partner = ''
    }
    await sleep(PAUSE_MS)
  }
  conversation[Symbol.dispose]()
  return { asked, failures }
}

describe('nothing is lost', () => {
  let on: TrafficCluster
  let vantages: Vantage[]
  before(async () => {
    on = await startTrafficCluster()
    for (const { name } of on.cluster.spec.nodes) await on.apply(clientPod(`client-${name}`, name))
    const clients = await Promise.all(on.cluster.spec.nodes.map(({ name }) => on.readyPod(`client-${name}`)))
    vantages = [...clients.map((pod) => on.pod(pod)), on.node('node-1')]
  })
  after(() => on?.[Symbol.asyncDispose]())

  test('when all pods of a Service are replaced under 200 new connections a second and 50 that stay', async () => {
    await on.apply(echoService('shop', { replicas: 3, container: CONTAINER }))
    const old = await on.readyEndpoints('shop', 3)
    const target: Target = { host: await on.clusterIp('shop'), port: 80, protocol: 'TCP' }
    for (const from of vantages) await answersFromAll(from, target, old)
    const isLeaving = (pod: string) => on.watch.pod(pod)?.metadata.deletionTimestamp !== undefined
    const end = new AbortController()
    const talks = Array.from({ length: LONG_LIVED }, (_, i) =>
      talk({ from: vantages[i % vantages.length] as Vantage, target, signal: end.signal, isLeaving }),
    )
    const arrivals = new Arrivals(vantages, [target], PER_SECOND)
    const body = { spec: { template: { metadata: { annotations: { restarted: 'once' } } } } }
    await on.client.patch(deployments, { namespace: 'default', name: 'shop' }, { type: 'merge', body })
    const fresh = await on.until('three new endpoints of shop and no old pod', () => {
      const now = on.watch.endpoints('shop').map(({ targetRef }) => targetRef?.name ?? '')
      const gone = old.every((pod) => on.watch.pod(pod) === undefined)
      return gone && now.length === 3 && !now.some((pod) => old.includes(pod)) ? now : undefined
    })
    for (const from of vantages) await answersFromAll(from, target, fresh)
    await arrivals.stop()
    end.abort()
    const outcomes = await Promise.all(talks)
    assert.deepEqual(arrivals.failures, [])
    assert.deepEqual(
      outcomes.flatMap(({ failures }) => failures),
      [],
    )
    assert.ok(
      outcomes.every(({ asked }) => asked > 0),
      'everyone was answered',
    )
    for (const pod of [...old, ...fresh]) assert.ok((arrivals.pods.get(pod) ?? 0) > 0, `${pod} took part`)
    assert.ok(arrivals.begun >= PER_SECOND, `${arrivals.begun} connections were opened`)
  })
})

async function answersFromAll(from: Vantage, target: Target, pods: readonly string[]): Promise<void> {
  const missing = new Set(pods)
  for (let i = 0; missing.size > 0; i += 1) {
    assert.ok(i < 500, `no answer from ${[...missing].join(', ')} to ${from.name}`)
    missing.delete((await ask(from, target, TIMEOUT_MS)).pod)
  }
}
