import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLocalTransport } from '../../src/apiserver/local-transport.ts'
import { openTestBench } from '../../src/apiserver/test-bench.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createPopClient } from '../../src/ccm/api/pop-client.ts'
import { runCcm } from '../../src/ccm/ccm-program.ts'
import { startCloudController } from '../../src/ccm/cloud-controller.ts'
import type { ControllerSource } from '../../src/ccm/metrics/ccm-metrics.ts'
import { createRegistry } from '../../src/ccm/metrics/prometheus-metrics.ts'
import { INSTANCES } from '../../src/cloud/ecs/model.ts'
import { REGION_ID } from '../../src/cloud/region.ts'
import { createSlbProduct } from '../../src/cloud/slb/slb-product.ts'
import { openTestCloud, TEST_USER, type TestCloud } from '../../src/cloud/test-cloud.ts'
import { isNotFound } from '../../src/kube/api-error.ts'
import type { Client } from '../../src/kube/client.ts'
import { endpointSlices, events, leases, nodes, services } from '../../src/kube/resource.ts'
import { createClient } from '../../src/kube/rest-client.ts'
import type { CoreEvent, Node } from '../../src/kube/types/core.ts'
import { accessTo, configOf, endpoint, log, nodeOf, serviceOf } from './ccm-bench.ts'

const DEADLINE_MS = 20_000

/** Looks again and again until something is there. */
async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  for (const end = Date.now() + DEADLINE_MS; Date.now() < end; await sleep(20)) {
    const found = await look()
    if (found !== undefined && found !== false) return found
  }
  return assert.fail(`Waited in vain: ${what}`)
}

function addressOf(client: Client, name: string) {
  return async () => {
    const { status } = await client.get(services, { namespace: 'default', name })
    return status?.loadBalancer?.ingress?.[0]?.ip
  }
}

async function ask<Answer>(
  cloud: TestCloud,
  version: string,
  action: string,
  parameters: object = {},
): Promise<Answer> {
  return cloud.client(version).request<Answer>(action, parameters, { method: 'POST' })
}

const bare = (name: string, address: string, podCIDR: string, ready = true): Node => ({
  ...nodeOf(name, { ready }),
  spec: { podCIDR, podCIDRs: [podCIDR] },
  status: {
    addresses: [{ type: 'InternalIP', address }],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
  },
})

test('the program leads, follows Services by watch, cleans up, and gives the lead back', async () => {
  await using bench = await openTestBench()
  await using cloud = await openTestCloud({ products: [createSlbProduct(() => undefined)] })
  const client = createClient(bench.transport)
  const { vpcId, vSwitchIds } = configOf(cloud)
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const cloudConfig = join(bench.directory, 'cloud-config.yaml')
  writeFileSync(
    cloudConfig,
    `Global:
  region: ${REGION_ID}
  clusterID: c1
  vpcid: ${vpcId}
  vswitchid: ":${vSwitchIds[0]}"
  accessKeyID: ${base64(TEST_USER.accessKeyId)}
  accessKeySecret: ${base64(TEST_USER.accessKeySecret)}
`,
  )
  const { host } = new URL(cloud.endpoint.url)
  const env = {
    SLB_ENDPOINT: host,
    ECS_ENDPOINT: host,
    VPC_ENDPOINT: cloud.endpoint.url,
    ALICLOUD_CLIENT_SCHEME: 'HTTP',
  }
  const stop = new AbortController()
  const anywhere = { healthProbeBindAddr: '127.0.0.1:0', metricsBindAddr: '127.0.0.1:0' }
  const flags = { kubeconfig: bench.kubeconfig(), cloudConfig, clusterCidr: '10.244.0.0/16', ...anywhere }
  let places: { health?: string | undefined; metrics?: string | undefined } = {}
  const onListening = (listening: typeof places) => {
    places = listening
  }
  const running = runCcm(flags, { env, log, signal: stop.signal, onListening })
  await client.create(nodes, nodeOf('node-1'))
  await client.create(services, serviceOf({ name: 'web', spec: { externalTrafficPolicy: 'Local' } }))
  const ip = await until('an address', addressOf(client, 'web'))
  assert.match(ip, /^203\.0\.113\./)
  const holder = async () => (await client.get(leases, { namespace: 'kube-system', name: 'ccm' })).spec?.holderIdentity
  assert.ok(await holder())

  type Groups = { VServerGroups: { VServerGroup: { ServerCount: number }[] } }
  const id = (await client.get(services, { namespace: 'default', name: 'web' })).metadata.labels?.[
    'service.k8s.alibaba/loadbalancer-id'
  ]
  const servers = async () => {
    const { VServerGroups } = await ask<Groups>(cloud, '2014-05-15', 'DescribeVServerGroups', { LoadBalancerId: id })
    return VServerGroups.VServerGroup[0]?.ServerCount
  }
  assert.equal(await servers(), 0)
  await client.create(endpointSlices, {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: [endpoint('10.244.0.2', 'node-1')],
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  })
  await until('a server', async () => (await servers()) === 1)
  assert.equal(await (await fetch(`http://${places.health}/healthz`)).text(), 'ok')
  await client.delete(services, { namespace: 'default', name: 'web' })
  await until('the end of the Service', async () => {
    const found = await client.find(services, { namespace: 'default', name: 'web' })
    return found === undefined
  })
  const { TotalCount } = await ask<{ TotalCount: number }>(cloud, '2014-05-15', 'DescribeLoadBalancers')
  assert.equal(TotalCount, 0)
  // The controller measures when it is done, the Service is gone a little before that.
  await until('its measures', async () => {
    const text = await (await fetch(`http://${places.metrics}/metrics`)).text()
    const value = (name: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')[1],
      )
    const wanted = [
      'ccm_slb_operation_result{type="CLBType",verb="Creation",status="Success"}',
      'ccm_slb_operation_result{type="CLBType",verb="Deletion",status="Success"}',
      'ccm_slb_latencies_duration_milliseconds_count{type="CLBType",verb="Creation"}',
      'ccm_slb_latencies_duration_milliseconds_count{type="CLBType",verb="Deletion"}',
      'ccm_node_latencies_duration_milliseconds_count{verb="reconcile"}',
      'ccm_route_latencies_duration_milliseconds_count{verb="reconcile"}',
      'workqueue_adds_total{name="service-controller"}',
      'workqueue_queue_duration_seconds_count{name="service-controller"}',
      'workqueue_work_duration_seconds_count{name="service-controller"}',
      'controller_runtime_reconcile_total{controller="service-controller",result="success"}',
      'controller_runtime_max_concurrent_reconciles{controller="nlb-controller"}',
    ]
    return wanted.every((name) => value(name) > 0) && value('workqueue_depth{name="service-controller"}') === 0
  })
  stop.abort()
  await running
  assert.equal(await holder(), '')
})

test('with no more rights than its role it tells nodes of their machines, and routes to their pods', async () => {
  await using bench = await openTestBench()
  await using cloud = await openTestCloud({ products: [createSlbProduct(() => undefined)] })
  const admin = createClient(bench.transport)
  const client = createClient(createLocalTransport(bench.api, { name: 'system:cloud-controller-manager', groups: [] }))
  const start = () =>
    startCloudController({
      client,
      api: createPopClient({ access: accessTo(cloud) }),
      config: configOf(cloud),
      clusterCidr: '10.244.0.0/16',
      routeLimit: 2,
      log,
    })
  await admin.create(nodes, bare('node-1', '192.168.0.11', '10.244.0.0/24'))
  await admin.create(nodes, bare('node-2', 'unknown', '10.244.1.0/24'))
  const vpc = '2016-04-28'
  const RouteTableId = cloud.ids.routeTableId
  const machine = cloud.state.list(INSTANCES).find(({ name }) => name === 'node-1')
  const foreign = { RouteTableId, DestinationCidrBlock: '172.30.0.0/16', NextHopId: machine?.id }
  await ask(cloud, vpc, 'CreateRouteEntry', foreign)
  await ask(cloud, vpc, 'CreateRouteEntry', { ...foreign, DestinationCidrBlock: '10.244.9.0/24' })
  {
    await using _controller = start()
    await admin.create(services, serviceOf({ name: 'web' }))
    await until('an address', addressOf(admin, 'web'))
    const node = await until('a provider id', async () => {
      const found = await admin.get(nodes, { name: 'node-1' })
      return found.spec?.providerID !== undefined && found.status?.conditions?.length === 2 ? found : undefined
    })
    assert.equal(node.spec?.providerID, `${REGION_ID}.${machine?.id}`)
    assert.equal(node.metadata.labels?.['topology.kubernetes.io/zone'], 'zone-a')
    assert.equal(node.metadata.labels?.['node.kubernetes.io/instance-type'], 'ecs.g7.large')
    assert.deepEqual(node.status?.addresses, [
      { type: 'InternalIP', address: '192.168.0.11' },
      { type: 'ExternalIP', address: '203.0.113.11' },
    ])
    assert.equal(node.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable')?.reason, 'RouteCreated')
    await until('the other by its name', async () => (await admin.get(nodes, { name: 'node-2' })).spec?.providerID)
    type Routes = { RouteEntrys: { RouteEntry: { DestinationCidrBlock: string }[] } }
    await until('routes', async () => {
      const { RouteEntrys } = await ask<Routes>(cloud, vpc, 'DescribeRouteEntryList', {
        RouteTableId,
        RouteEntryType: 'Custom',
      })
      const seen = RouteEntrys.RouteEntry.map((entry) => entry.DestinationCidrBlock).sort()
      return JSON.stringify(seen) === JSON.stringify(['10.244.0.0/24', '10.244.1.0/24', '172.30.0.0/16'])
    })
    await until('a warning', async () => {
      const { items } = await admin.list<CoreEvent>(events, { namespace: 'default' })
      return items.some((event) => event.reason === 'QuotaNearlyExhausted')
    })
  }
  const gone = { ...bare('gone', '192.168.0.99', '10.244.7.0/24', false) }
  await admin.create(nodes, { ...gone, spec: { ...gone.spec, providerID: `${REGION_ID}.i-gone` } })
  const readyOne = bare('odd', '192.168.0.98', '10.244.8.0/24')
  await admin.create(nodes, { ...readyOne, spec: { ...readyOne.spec, providerID: `${REGION_ID}.i-odd` } })
  {
    await using _controller = start()
    await until('the node to go', async () => admin.get(nodes, { name: 'gone' }).then(() => false, isNotFound))
    await admin.get(nodes, { name: 'odd' })
  }
})

test("without keys in the cloud config the program acts with those of its machine's RAM role", async () => {
  await using bench = await openTestBench()
  await using cloud = await openTestCloud({ products: [createSlbProduct(() => undefined)] })
  const { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret } = TEST_USER
  const Expiration = new Date(Date.now() + 3_600_000).toISOString()
  const role = { Code: 'Success', AccessKeyId, AccessKeySecret, SecurityToken: 'lent', Expiration }
  const metadata = createServer((request, response) => {
    if (request.url?.endsWith('/ccm-role')) response.end(JSON.stringify(role))
    else response.end(request.url?.endsWith('/token') ? 'token' : 'ccm-role')
  })
  metadata.listen(0, '127.0.0.1')
  await once(metadata, 'listening')
  const client = createClient(bench.transport)
  const cloudConfig = join(bench.directory, 'cloud-config.yaml')
  writeFileSync(cloudConfig, `Global: { region: ${REGION_ID}, vpcid: ${cloud.ids.vpcId} }`)
  const { url } = cloud.endpoint
  const METADATA_ENDPOINT = `http://127.0.0.1:${(metadata.address() as AddressInfo).port}`
  const env = { SLB_ENDPOINT: url, NLB_ENDPOINT: url, ECS_ENDPOINT: url, VPC_ENDPOINT: url, METADATA_ENDPOINT }
  const stop = new AbortController()
  const nowhere = { healthProbeBindAddr: '0', metricsBindAddr: '0', configureCloudRoutes: false }
  const flags = { kubeconfig: bench.kubeconfig(), cloudConfig, kubeApiQps: 1_000, ...nowhere }
  const running = runCcm(flags, { env, log, signal: stop.signal })
  try {
    await client.create(services, serviceOf({ name: 'web' }))
    await until('an address', addressOf(client, 'web'))
  } finally {
    stop.abort()
    await running
    metadata.close()
    metadata.closeAllConnections()
  }
})

test('with FilterServiceOnNodeChange nodes that change concern Services whose backends are nodes', async () => {
  await using bench = await openTestBench()
  await using cloud = await openTestCloud({ products: [createSlbProduct(() => undefined)] })
  const client = createClient(bench.transport)
  await client.create(nodes, nodeOf('node-1'))
  const Local = { externalTrafficPolicy: 'Local' } as const
  await client.create(services, serviceOf({ name: 'cluster' }))
  await client.create(services, serviceOf({ name: 'local', spec: Local }))
  await client.create(services, serviceOf({ name: 'labelled', spec: Local, annotations: { 'backend-label': 'a=b' } }))
  const { metrics } = createRegistry(systemClock)
  const added: string[] = []
  const controller = (source: ControllerSource) => {
    const observer = metrics.controller(source)
    const note = (key: string) => {
      observer.added(key)
      added.push(key)
    }
    return {
      added: note,
      taken: (key: string) => observer.taken(key),
      retried: (key: string) => observer.retried(key),
      done: (key: string) => observer.done(key),
    }
  }
  await using _controller = startCloudController({
    client,
    api: createPopClient({ access: accessTo(cloud) }),
    config: { ...configOf(cloud), featureGates: { FilterServiceOnNodeChange: true } },
    controllers: ['service'],
    metrics: { ...metrics, controller },
    log,
  })
  for (const name of ['cluster', 'local', 'labelled']) await until(`an address of ${name}`, addressOf(client, name))
  added.length = 0
  await client.patch(nodes, { name: 'node-1' }, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })
  await until('both', async () => ['cluster', 'labelled'].every((name) => added.includes(`default/${name}`)))
  assert.equal(added.includes('default/local'), false)
})
