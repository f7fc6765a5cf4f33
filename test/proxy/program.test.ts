import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { after, afterEach, before, describe, test } from 'node:test'
import { parseManifest } from '../../src/kube/manifest.ts'
import { KINDS } from '../../src/kube/registry.ts'
import { endpointSlices, events, nodes, services } from '../../src/kube/resource.ts'
import { connectTcp, listenTcp } from '../../src/linux/socket.ts'
import {
  NODE_ADDRESS,
  nodeNamed,
  openProxyBench,
  type ProxyBench,
  serviceNamed,
  sliceOf,
  until,
} from './proxy-bench.ts'

const HEALTHZ = ['127.0.0.1', 10256, '/healthz'] as const
const LIVEZ = ['127.0.0.1', 10256, '/livez'] as const
const METRICS = ['127.0.0.1', 10249, '/metrics'] as const

describe('fairlead proxy as a program of its own', () => {
  let on: ProxyBench
  before(async () => {
    on = await openProxyBench()
  })
  after(() => on?.[Symbol.asyncDispose]())
  afterEach(() => on?.killAll())

  test('waits for its Node, serves, is stopped without a trace of it in the rules, takes over, and cleans up', async () => {
    const kubeconfig = await on.kubeconfig()
    const arguments_ = ['--kubeconfig', kubeconfig, '--hostname-override', 'Machine-1']
    const first = on.proxy(...arguments_)
    await first.printed(/Waiting for the Node to exist and to have an address/)
    assert.equal((await on.getUntil(HEALTHZ, () => true)).status, 503, 'a node that is unknown gets no traffic')
    const [live] = [await on.get(...LIVEZ)]
    assert.equal(live.status, 200)
    await on.client.create(nodes, nodeNamed('machine-1'))
    await on.client.create(services, serviceNamed('web', { clusterIP: '10.96.0.10', type: 'NodePort' }))
    await on.client.create(endpointSlices, sliceOf('web', [{ ip: '10.244.1.2', node: 'machine-1' }]))
    await first.printed(/Services are in the kernel/)
    const listing = await until('the Service in the kernel', () => {
      const text = on.nft('list', 'table', 'ip', 'fairlead')
      return text.includes('default/web') && text.includes('10.244.1.2 . 8080') && text.includes(NODE_ADDRESS)
        ? text
        : undefined
    })
    const healthy = await on.getUntil(HEALTHZ, ({ status }) => status === 200)
    const report = JSON.parse(healthy.body)
    assert.deepEqual(Object.keys(report), ['lastUpdated', 'currentTime', 'nodeEligible', 'healthy', 'status'])
    assert.deepEqual([report.nodeEligible, report.healthy], [true, true])
    assert.equal(healthy.headers['content-type'], 'application/json')
    assert.equal(healthy.headers['x-content-type-options'], 'nosniff')
    assert.equal((await on.get('127.0.0.1', 10249, '/proxyMode')).body, 'nftables')

    on.nft('add', 'table', 'ip', 'somebody')
    first.kill('SIGTERM')
    assert.equal((await first.ended()).code, 0)
    assert.equal(on.nft('list', 'table', 'ip', 'fairlead'), listing, 'its rules stay')

    const monitor = on.nft('--handle', 'list', 'table', 'ip', 'fairlead')
    const second = on.proxy(...arguments_)
    await second.printed(/Services are in the kernel/)
    assert.equal(on.nft('--handle', 'list', 'table', 'ip', 'fairlead'), monitor, 'nothing was made anew')
    second.kill('SIGINT')
    assert.equal((await second.ended()).code, 130)

    const cleaned = await on.proxy('--cleanup').ended()
    assert.equal(cleaned.code, 0)
    assert.match(cleaned.stderr, /2 tables of the proxy removed/)
    assert.equal(on.nft('list', 'tables').trim(), 'table ip somebody')
    assert.match((await on.proxy('--cleanup').ended()).stderr, /there was nothing to remove/)
  })

  test('connections that were there before it go on, also to an endpoint of this very node', async () => {
    const port = 8080
    const server = createServer((socket) => socket.pipe(socket))
    server.listen({ fd: listenTcp({ netns: on.netns, host: NODE_ADDRESS, port }) })
    const socket = await connectTcp({ netns: on.netns, host: NODE_ADDRESS, port, timeoutMs: 3000 })
    try {
      await on.client.create(services, serviceNamed('own', {}))
      await on.client.create(endpointSlices, sliceOf('own', [{ ip: NODE_ADDRESS, node: 'machine-1' }]))
      const running = on.proxy('--kubeconfig', await on.kubeconfig(), '--hostname-override', 'machine-1')
      await running.printed(/Services are in the kernel/)
      assert.match(on.nft('list', 'table', 'ip', 'fairlead'), /default\/own/)
      socket.write('still here')
      const [echo] = await once(socket, 'data', { signal: AbortSignal.timeout(5000) })
      assert.equal(String(echo), 'still here')
    } finally {
      socket.destroy()
      server.close()
    }
  })

  test('its DaemonSet of examples/proxy is taken by an API server', async () => {
    const path = new URL('../../examples/proxy/daemonset.yaml', import.meta.url)
    const objects = await parseManifest(readFileSync(path, 'utf8'), { source: 'daemonset.yaml', kinds: KINDS })
    for (const { resource, object } of objects) {
      const { name, namespace } = object.metadata
      const key = namespace === undefined ? { name } : { name, namespace }
      await on.client.patch(resource, key, { type: 'apply', body: object, fieldManager: 'test', force: true })
    }
    assert.deepEqual(
      objects.map(({ object }) => object.kind),
      ['ServiceAccount', 'ClusterRoleBinding', 'ConfigMap', 'DaemonSet'],
    )
  })

  test('says how it does, under the names of kube-proxy', async () => {
    const running = on.proxy('--kubeconfig', await on.kubeconfig(), '--hostname-override', 'machine-1')
    await running.printed(/Services are in the kernel/)
    await on.getUntil(HEALTHZ, ({ status }) => status === 200)
    await on.client.patch(
      endpointSlices,
      { namespace: 'default', name: 'web-x' },
      { type: 'merge', body: sliceOf('web', [{ ip: '10.244.1.7', node: 'machine-1' }]) },
    )
    const programmed = /kubeproxy_network_programming_duration_seconds_count\{ip_family="IPv4"\} 1/
    const { body, headers } = await on.getUntil(METRICS, (answer) => programmed.test(answer.body))
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/)
    for (const pattern of [
      /# HELP kubeproxy_sync_proxy_rules_duration_seconds \[ALPHA\] SyncProxyRules latency in seconds\n# TYPE kubeproxy_sync_proxy_rules_duration_seconds histogram/,
      /kubeproxy_sync_proxy_rules_duration_seconds_bucket\{le="16.384",ip_family="IPv4"\} \d/,
      /kubeproxy_sync_full_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} 1/,
      /kubeproxy_sync_partial_proxy_rules_duration_seconds_count\{ip_family="IPv6"\} \d/,
      /kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds\{ip_family="IPv4"\} 1\d{9}/,
      /kubeproxy_sync_proxy_rules_last_timestamp_seconds\{ip_family="IPv4"\} 1\d{9}/,
      /kubeproxy_sync_proxy_rules_endpoint_changes_total \d/,
      /kubeproxy_sync_proxy_rules_service_changes_pending 0/,
      /kubeproxy_sync_proxy_rules_no_local_endpoints_total\{ip_family="IPv4",traffic_policy="internal"\} 0/,
      /kubeproxy_sync_proxy_rules_nftables_sync_failures_total\{ip_family="IPv4"\} 0/,
      /kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total\{ip_family="IPv6"\} 0/,
      /kubeproxy_proxy_healthz_total\{code="200"\} \d/,
      /rest_client_requests_total\{code="200",method="GET",host="127\.0\.0\.1:\d+"\} \d/,
      /process_resident_memory_bytes \d{7}/,
    ])
      assert.match(body, pattern)
    const { body: configz } = await on.get('127.0.0.1', 10249, '/configz')
    assert.equal(JSON.parse(configz)['kubeproxy.config.k8s.io'].mode, 'nftables')
  })

  test('a load balancer is told which nodes have endpoints, and which are leaving', async () => {
    const running = on.proxy('--kubeconfig', await on.kubeconfig(), '--hostname-override', 'machine-1')
    await running.printed(/Services are in the kernel/)
    await on.client.create(
      services,
      serviceNamed('lb', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 32100 }),
    )
    const port = [NODE_ADDRESS, 32100, '/anything'] as const
    const empty = await on.getUntil(port, () => true)
    assert.equal(empty.status, 503)
    assert.equal(empty.headers['x-load-balancing-endpoint-weight'], '0')
    assert.deepEqual(JSON.parse(empty.body), {
      service: { namespace: 'default', name: 'lb' },
      localEndpoints: 0,
      serviceProxyHealthy: true,
    })
    const endpoints = [
      { ip: '10.244.1.3', node: 'machine-1' },
      { ip: '10.244.1.4', node: 'machine-1' },
      { ip: '10.244.2.3', node: 'machine-2' },
    ]
    await on.client.create(endpointSlices, sliceOf('lb', endpoints))
    const full = await on.getUntil(port, ({ status }) => status === 200)
    assert.equal(full.headers['x-load-balancing-endpoint-weight'], '2')
    assert.equal(JSON.parse(full.body).localEndpoints, 2)

    // Another Service cannot have the port of the first one of its own accord: the API server sees to that. Somebody
    // else's program can.
    const key = { namespace: 'default', name: 'lb' }
    await on.client.patch(services, key, { type: 'merge', body: { spec: { externalTrafficPolicy: 'Cluster' } } })
    await until('the port to be closed', () =>
      on.get(...port).then(
        () => undefined,
        () => true,
      ),
    )

    await on.client.patch(
      nodes,
      { name: 'machine-1' },
      { type: 'merge', body: { spec: { taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } } },
    )
    const leaving = await on.getUntil(HEALTHZ, ({ status }) => status === 503)
    assert.equal(JSON.parse(leaving.body).nodeEligible, false)
    assert.equal(JSON.parse(leaving.body).healthy, true)
    assert.equal((await on.get(...LIVEZ)).status, 200, 'it does its work to the end')
  })

  test('a health-check port that is taken is told at the Service, with the rights of kube-proxy', async () => {
    const taken = on.proxy(
      '--kubeconfig',
      await on.kubeconfig(),
      '--hostname-override',
      'machine-1',
      '--healthz-bind-address',
      `${NODE_ADDRESS}:32200`,
    )
    await taken.printed(/Services are in the kernel/)
    const local = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 32200 } as const
    await on.client.create(services, serviceNamed('late', local))
    const event = await until('the Event', async () => {
      const { items } = await on.client.list(events, { namespace: 'default' })
      return items.find(({ reason }) => reason === 'FailedToStartServiceHealthcheck')
    })
    assert.equal(event.type, 'Warning')
    assert.equal(event.involvedObject.name, 'late')
    assert.match(event.message ?? '', /^node machine-1 failed to start healthcheck "default\/late" on port 32200: /)
    assert.equal(event.reportingComponent, 'kube-proxy')
    const { items } = await on.client.list(events, { namespace: 'default' })
    assert.ok(items.some(({ reason, involvedObject }) => reason === 'Starting' && involvedObject.kind === 'Node'))
  })
})
