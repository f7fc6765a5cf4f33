/**
 * The cloud controller with many Services of type LoadBalancer: an API server, the cloud's endpoint over HTTP and the
 * controller in one process; no packets.
 *
 * Flags: `--services N` (500), `--nodes N` (3).
 *
 * `settle_ms`: from the first `create` to the last Service with an address and its servers. `calls_per_service`: all calls
 * of the cloud, reads included. `node_event_ms`: from a node that joins until it is attached to every Service, and the
 * calls that takes. `noop_calls`: when nothing changed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openTestBench } from '../src/apiserver/test-bench.ts'
import { silentLog } from '../src/base/log.ts'
import type { CloudApi } from '../src/ccm/api/cloud-api.ts'
import { createPopClient } from '../src/ccm/api/pop-client.ts'
import { startCloudController } from '../src/ccm/cloud-controller.ts'
import { QUOTA_LIMITS } from '../src/cloud/quota/quota.ts'
import { VSERVER_GROUPS } from '../src/cloud/slb/model.ts'
import { createSlbProduct } from '../src/cloud/slb/slb-product.ts'
import { openTestCloud, TEST_REGION, type TestCloud } from '../src/cloud/test-cloud.ts'
import type { Client } from '../src/kube/client.ts'
import { InformerSet } from '../src/kube/informers.ts'
import { nodes, services } from '../src/kube/resource.ts'
import { createClient } from '../src/kube/rest-client.ts'
import { accessTo, configOf, nodeOf, serviceOf } from '../test/ccm/ccm-bench.ts'

const DEADLINE_MS = 300_000
const POLL_MS = 50

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const options = {
    services: { type: 'string', default: '500' },
    nodes: { type: 'string', default: '3' },
  } as const
  const { values } = parseArgs({ args: [...args], options })
  const [count, nodeCount] = [Number(values.services), Number(values.nodes)]
  await using bench = await openTestBench()
  await using cloud = await openTestCloud({
    products: [createSlbProduct(() => undefined)],
    region: {
      ...TEST_REGION,
      vSwitches: [{ zoneId: 'zone-a', cidrBlock: '192.168.0.0/20' }],
      machines: Array.from({ length: nodeCount + 1 }, (_, n) => ({
        name: `node-${n + 1}`,
        zoneId: 'zone-a',
        address: `192.168.0.${n + 11}`,
      })),
    },
  })
  raiseQuotas(cloud)
  const client = createClient(bench.transport)
  const api = new Counted(createPopClient({ access: accessTo(cloud) }))
  for (let n = 1; n <= nodeCount; n++) await client.create(nodes, nodeOf(`node-${n}`))
  await using _controller = startCloudController({
    client,
    api,
    config: configOf(cloud),
    controllers: ['service'],
    log: silentLog,
  })
  await using view = watchServices(client)
  const started = performance.now()
  await createServices(client, count)
  await until(() => view.addressed() === count && attached(cloud) === count * nodeCount)
  const settleMs = performance.now() - started
  const calls = api.take()

  const joined = performance.now()
  await client.create(nodes, nodeOf(`node-${nodeCount + 1}`))
  await until(() => attached(cloud) === count * (nodeCount + 1))
  const nodeEventMs = performance.now() - joined
  const nodeCalls = api.take()
  // A label that nobody asks for: every Service is looked at, and nothing is to be done.
  await client.patch(nodes, { name: 'node-1' }, { type: 'merge', body: { metadata: { labels: { idle: '1' } } } })
  await sleep(1_000)
  return {
    services: count,
    nodes: nodeCount,
    settle_ms: Math.round(settleMs),
    calls_per_service: round(calls / count),
    node_event_ms: Math.round(nodeEventMs),
    node_event_calls_per_service: round(nodeCalls / count),
    noop_calls: api.take(),
    rss_mb: Math.round(process.memoryUsage.rss() / 1_048_576),
  }
}

class Counted implements CloudApi {
  readonly #api: CloudApi
  #calls = 0

  constructor(api: CloudApi) {
    this.#api = api
  }

  call(...call: Parameters<CloudApi['call']>): ReturnType<CloudApi['call']> {
    this.#calls++
    return this.#api.call(...call)
  }

  take(): number {
    const calls = this.#calls
    this.#calls = 0
    return calls
  }
}

function raiseQuotas(cloud: TestCloud): void {
  cloud.state.transact((transaction) => {
    for (const name of ['slb_quota_instances_num', 'slb_quota_backendserver_attached_num'] as const) {
      transaction.put(QUOTA_LIMITS, name, { name, limit: 100_000 })
    }
  })
}

const AT_ONCE = 16

async function createServices(client: Client, count: number): Promise<void> {
  let next = 0
  const work = async () => {
    for (let n = next++; n < count; n = next++) {
      await client.create(services, serviceOf({ name: `s${n}`, annotations: { 'address-type': 'intranet' } }))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

function watchServices(client: Client) {
  const stop = new AbortController()
  const informers = new InformerSet({ client, log: silentLog })
  const informer = informers.for(services)
  const running = informers.run(stop.signal)
  return {
    addressed: () =>
      informer.list().filter(({ status }) => status?.loadBalancer?.ingress?.[0]?.ip !== undefined).length,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
    },
  }
}

function attached(cloud: TestCloud): number {
  return cloud.state.list(VSERVER_GROUPS).reduce((sum, { backends }) => sum + backends.length, 0)
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + DEADLINE_MS; performance.now() < end; await sleep(POLL_MS)) {
    if (holds()) return
  }
  throw new Error('It does not settle')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
