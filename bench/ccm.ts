/**
 * The cloud controller with many Services of type LoadBalancer: an API server, the cloud's endpoint over HTTP and the
 * controller in one process; packets only when asked for.
 *
 * Flags: `--services N` (500), `--nodes N` (3), `--packets`: the real data plane follows the cloud (needs root).
 *
 * `settle_ms`: from the first `create` to the last Service with an address and its servers. `calls_per_service`: all calls
 * of the cloud, reads included. `node_event_ms`: from a node that joins until it is attached to every Service, and the
 * calls that takes. `noop_calls`: when nothing changed. `traffic_ms`, with packets: from the first `create` until every
 * 25th Service has answered a client.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openTestBench } from '../src/apiserver/test-bench.ts'
import { silentLog } from '../src/base/log.ts'
import type { CloudApi } from '../src/ccm/api/cloud-api.ts'
import { createPopClient } from '../src/ccm/api/pop-client.ts'
import { startCloudController } from '../src/ccm/cloud-controller.ts'
import { TestLoadBalancer } from '../src/cloud/load-balancer/test-load-balancer.ts'
import { QUOTA_LIMITS } from '../src/cloud/quota/quota.ts'
import { compileSlbPlan } from '../src/cloud/slb/compile-plan.ts'
import { VSERVER_GROUPS } from '../src/cloud/slb/model.ts'
import { createSlbProduct } from '../src/cloud/slb/slb-product.ts'
import { StateFollower } from '../src/cloud/state/state-follower.ts'
import { openTestCloud, TEST_REGION, type TestCloud } from '../src/cloud/test-cloud.ts'
import type { Client } from '../src/kube/client.ts'
import { InformerSet } from '../src/kube/informers.ts'
import { nodes, services } from '../src/kube/resource.ts'
import { createClient } from '../src/kube/rest-client.ts'
import type { Service } from '../src/kube/types/core.ts'
import { accessTo, configOf, nodeOf, serviceOf } from '../test/ccm/ccm-bench.ts'

const DEADLINE_MS = 300_000
const POLL_MS = 50

export async function run(args: readonly string[]): Promise<Record<string, unknown>> {
  const options = {
    services: { type: 'string', default: '500' },
    nodes: { type: 'string', default: '3' },
    packets: { type: 'boolean', default: false },
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
        address: `192.168.1.${n + 1}`,
      })),
    },
  })
  raiseQuotas(cloud)
  await using packets = values.packets ? new Packets(cloud, nodeCount) : undefined
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
  const answered = packets?.answered(view, count)
  await until(() => view.addressed() === count && attached(cloud) === count * nodeCount)
  const settleMs = performance.now() - started
  const calls = api.take()
  await answered
  const trafficMs = performance.now() - started

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
    ...(packets === undefined ? {} : { traffic_ms: Math.round(trafficMs) }),
    calls_per_service: round(calls / count),
    node_event_ms: Math.round(nodeEventMs),
    node_event_calls_per_service: round(nodeCalls / count),
    noop_calls: api.take(),
    rss_mb: Math.round(process.memoryUsage.rss() / 1_048_576),
  }
}

/** Of so many Services one is called. */
const SAMPLE = 25
const FIRST_NODE_PORT = 30_000
/** A node that is none of the cluster's. */
const CLIENT = 250

/** The data plane, which follows the cloud, and servers behind some of the Services. */
class Packets implements AsyncDisposable {
  readonly #lb = new TestLoadBalancer('bench')
  readonly #follower: StateFollower
  readonly #nodes: number

  constructor(cloud: TestCloud, nodes: number) {
    const plane = this.#lb.plane()
    this.#nodes = nodes
    const follow = () => plane.apply({ listeners: compileSlbPlan(cloud.state) })
    this.#follower = new StateFollower(cloud.state, silentLog, follow)
  }

  /** Resolves when every sampled Service has answered a client in the VPC. */
  async answered(view: { address(name: string): string | undefined }, count: number): Promise<void> {
    const netns = this.#lb.node(CLIENT)
    for (let n = 0; n < count; n += SAMPLE) {
      for (let node = 1; node <= this.#nodes; node++) this.#lb.tcp(node, FIRST_NODE_PORT + n)
      let said: string | undefined
      while (said === undefined) {
        const address = view.address(`s${n}`)
        const asked = address === undefined ? undefined : this.#lb.ask(address, 80, { netns, timeoutMs: 200 })
        said = await asked?.catch(() => undefined)
        if (said === undefined) await sleep(POLL_MS)
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#follower[Symbol.asyncDispose]()
    await this.#lb[Symbol.asyncDispose]()
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
      // Nobody probes the nodes: there are servers behind few Services.
      const annotations = { 'address-type': 'intranet', 'health-check-switch': 'off' }
      const ports = [{ port: 80, targetPort: 8080, nodePort: FIRST_NODE_PORT + n }]
      await client.create(services, serviceOf({ name: `s${n}`, annotations, ports }))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

function watchServices(client: Client) {
  const stop = new AbortController()
  const informers = new InformerSet({ client, log: silentLog })
  const informer = informers.for(services)
  const running = informers.run(stop.signal)
  const addressOf = ({ status }: Service) => status?.loadBalancer?.ingress?.[0]?.ip
  return {
    address: (name: string) => {
      const service = informer.get(`default/${name}`)
      return service === undefined ? undefined : addressOf(service)
    },
    addressed: () => informer.list().filter((service) => addressOf(service) !== undefined).length,
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
