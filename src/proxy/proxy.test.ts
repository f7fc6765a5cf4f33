import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from 'prom-client'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { FakeTransport } from '../kube/fake-transport.ts'
import { createClient } from '../kube/rest-client.ts'
import type { Transport, TransportRequest } from '../kube/transport.ts'
import type { KubeObject } from '../kube/types/meta.ts'
import { NftBatch } from '../linux/nftables/batch.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { TestNamespaces } from '../linux/test-namespaces.ts'
import { cleanup } from './cleanup.ts'
import { prometheusMetrics } from './prometheus-metrics.ts'
import { type NodeProxy, type ProxyOptions, startProxy } from './proxy.ts'
import { frontendLines, kernelMeaning } from './test-meaning.ts'
import { aService, aSlice } from './test-objects.ts'

/** An API with the three kinds that the proxy reads. */
class Api implements Transport {
  readonly services = new FakeTransport()
  readonly endpointslices = new FakeTransport()
  readonly nodes = new FakeTransport()
  readonly servicecidrs = new FakeTransport()

  request(request: TransportRequest): ReturnType<Transport['request']> {
    for (const kind of ['services', 'endpointslices', 'nodes', 'servicecidrs'] as const) {
      if (request.path.includes(`/${kind}`)) return this[kind].request(request)
    }
    throw new Error(`no such kind: ${request.path}`)
  }

  put(...objects: KubeObject[]): void {
    for (const object of objects)
      this[`${object.kind.toLowerCase()}s` as 'services' | 'endpointslices' | 'nodes' | 'servicecidrs'].put(object)
  }
}

const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1' },
  spec: { podCIDRs: ['10.244.1.0/24'] },
  status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] },
}
const http = [{ name: 'tcp', protocol: 'TCP', port: 80 }] as const
const WEB = aService('web', { clusterIP: '10.96.0.10', ports: http })

interface Bench extends Disposable {
  readonly api: Api
  readonly kernel: NftSocket
  readonly netns: string
  readonly namespaces: TestNamespaces
  start(metrics?: Registry, options?: Partial<ProxyOptions>): NodeProxy
  lines(): string[]
  /** Waits until the kernel says this. */
  until(expected: string[]): Promise<void>
}

function bench(): Bench {
  const namespaces = new TestNamespaces()
  const netns = namespaces.create('proxy')
  const kernel = NftSocket.open(netns)
  const api = new Api()
  const client = createClient(api, { userAgent: 'test' })
  const lines = () => frontendLines(kernelMeaning(kernel))
  return {
    api,
    kernel,
    netns,
    namespaces,
    lines,
    start: (registry, options = {}) =>
      startProxy({
        client,
        nodeName: 'n1',
        netns,
        log: silentLog,
        clock: systemClock,
        ...(registry === undefined ? {} : { metrics: prometheusMetrics(registry) }),
        ...options,
      }),
    async until(expected) {
      for (let i = 0; i < 400 && lines().join() !== expected.join(); i += 1) await sleep(5)
      assert.deepEqual(lines(), expected)
    },
    [Symbol.dispose]() {
      kernel[Symbol.dispose]()
      namespaces[Symbol.dispose]()
    },
  }
}

const webTo = (...endpoints: string[]) =>
  `ip 10.96.0.10:80/6 (default/web:tcp ClusterIP) clusterServices -> ${endpoints.join(' ') || 'no-endpoints'}`

describe('the proxy', () => {
  test('brings Services and their changes into the kernel', async () => {
    using place = bench()
    place.api.put(NODE, WEB, aSlice('web', ['10.244.1.2']))
    await using proxy = place.start()
    await proxy.synced
    assert.deepEqual(place.lines(), [webTo('10.244.1.2:8080')])
    place.api.put(aSlice('web', ['10.244.1.2', '10.244.1.3']))
    await place.until([webTo('10.244.1.2:8080', '10.244.1.3:8080')])
    place.api.put(aSlice('web', ['10.244.1.9'], 'second'))
    await place.until([webTo('10.244.1.2:8080', '10.244.1.3:8080', '10.244.1.9:8080')])
    place.api.endpointslices.delete('default/web-second')
    place.api.put(aSlice('web', []))
    await place.until([webTo()])
    place.api.services.delete('default/web')
    await place.until([])
  })

  test('tells what it does with a Service and why', async () => {
    using place = bench()
    place.api.put(NODE, WEB, aSlice('web', [{ ip: '10.244.1.2', ready: false }]))
    await using proxy = place.start()
    await proxy.synced
    const plan = proxy.planOf('default/web')
    assert.equal(plan?.kind, 'programmed')
    assert.deepEqual(plan?.kind === 'programmed' && plan.ports[0]?.cluster, {
      kind: 'reject',
      reason: 'no-ready-endpoints',
    })
    assert.equal(proxy.planOf('default/nothing'), undefined)
  })

  test('leaves alone what is labelled for another proxy, also when the label comes later', async () => {
    using place = bench()
    const labels = { 'service.kubernetes.io/service-proxy-name': 'other' }
    place.api.put(
      NODE,
      aSlice('web', ['10.244.1.2']),
      aService('web', { clusterIP: '10.96.0.10', ports: http, labels }),
    )
    await using proxy = place.start()
    await proxy.synced
    assert.deepEqual(place.lines(), [])
    place.api.put(WEB)
    await place.until([webTo('10.244.1.2:8080')])
    place.api.put(aService('web', { clusterIP: '10.96.0.10', ports: http, labels }))
    await place.until([])
  })

  test('NodePorts follow the addresses of the node', async () => {
    using place = bench()
    const ports = [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30080 }] as const
    place.api.put(aService('web', { clusterIP: '10.96.0.10', type: 'NodePort', ports }), aSlice('web', ['10.244.1.2']))
    await using proxy = place.start()
    await proxy.synced
    assert.deepEqual(place.lines(), [webTo('10.244.1.2:8080')])
    place.api.put(NODE)
    await place.until([
      webTo('10.244.1.2:8080'),
      'ip 192.168.0.1:30080/6 (default/web:tcp NodePort) externalServices -> 10.244.1.2:8080',
    ])
  })

  test('NodePorts answer on the addresses of the node that lie in the ranges given', async () => {
    using place = bench()
    const ports = [{ name: 'tcp', protocol: 'TCP', port: 80, nodePort: 30080 }] as const
    place.namespaces.run('proxy', 'ip link set lo up')
    for (const address of ['192.168.5.5', '10.9.9.9']) place.namespaces.run('proxy', `ip addr add ${address} dev lo`)
    place.api.put(
      NODE,
      aService('web', { clusterIP: '10.96.0.10', type: 'NodePort', ports }),
      aSlice('web', ['10.244.1.2']),
    )
    await using proxy = place.start(undefined, { nodePortAddresses: ['192.168.0.0/16', '127.0.0.0/8'] })
    await proxy.synced
    assert.deepEqual(
      place.lines().map((line) => line.split(' ')[1]),
      ['10.96.0.10:80/6', '192.168.5.5:30080/6'],
    )
  })

  test('the ranges of ClusterIPs follow the API', async () => {
    using place = bench()
    const range = (name: string, ...cidrs: string[]) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name },
      spec: { cidrs },
    })
    place.api.put(NODE, range('kubernetes', '10.96.0.0/16', 'fd00:10:96::/112'))
    await using proxy = place.start()
    await proxy.synced
    const ranges = () => kernelMeaning(place.kernel).filter((line) => line.includes(' service-cidrs '))
    assert.equal(ranges().length, 4, 'where they begin and end')
    place.api.put(range('more', '10.200.0.0/16'))
    for (let i = 0; i < 400 && ranges().length < 6; i += 1) await sleep(5)
    assert.equal(ranges().length, 6)
    place.api.servicecidrs.delete('more')
    for (let i = 0; i < 400 && ranges().length > 4; i += 1) await sleep(5)
    assert.equal(ranges().length, 4)
  })

  test('the zone of the node decides when endpoints have hints', async () => {
    using place = bench()
    const zoned = (zone: string) => ({
      ...NODE,
      metadata: { ...NODE.metadata, labels: { 'topology.kubernetes.io/zone': zone } },
    })
    const hinted = [
      { ip: '10.244.1.2', forZones: ['a'] },
      { ip: '10.244.1.3', forZones: ['b'] },
    ]
    place.api.put(zoned('a'), WEB, aSlice('web', hinted))
    await using proxy = place.start()
    await proxy.synced
    assert.deepEqual(place.lines(), [webTo('10.244.1.2:8080')])
    place.api.put(zoned('b'))
    await place.until([webTo('10.244.1.3:8080')])
    place.api.put(NODE)
    await place.until([webTo('10.244.1.2:8080', '10.244.1.3:8080')])
  })

  test('a restart takes over without deleting an element', async () => {
    using place = bench()
    const services = Array.from({ length: 20 }, (_, i) => aService(`s${i}`, { clusterIP: `10.96.1.${i}` }))
    const slices = services.map(({ metadata: { name } }, i) => aSlice(name, [`10.244.1.${i}`, `10.244.2.${i}`]))
    place.api.put(NODE, ...services, ...slices)
    {
      await using proxy = place.start()
      await proxy.synced
    }
    const before = place.lines()
    assert.equal(before.length, 40)
    const monitor = spawn('ip', ['netns', 'exec', place.namespaces.name('proxy'), 'nft', 'monitor'])
    let seen = ''
    monitor.stdout.on('data', (data) => {
      seen += data
    })
    // The monitor listens when it has seen a change of somebody else's table.
    for (let i = 0; i < 200 && !seen.includes('marker'); i += 1) {
      const batch = new NftBatch()
      batch.destroyTable({ family: 'ip', table: `marker${i}` })
      place.kernel.commit(batch)
      await sleep(10)
    }
    seen = ''
    {
      place.api.put(aSlice('s3', ['10.244.1.3', '10.244.2.3', '10.244.3.3']))
      await using proxy = place.start()
      await proxy.synced
    }
    for (let i = 0; i < 200 && !seen.includes('# new generation'); i += 1) await sleep(10)
    monitor.kill()
    await once(monitor, 'exit')
    const deleted = seen.split('\n').filter((line) => line.startsWith('delete') && !line.includes('marker'))
    // The two ports whose endpoints became three moved to another counter; nothing else was touched.
    assert.deepEqual(
      deleted.map((line) => /10\.96\.1\.3 \. (?:tcp|udp) \. 80/.test(line)),
      [true, true],
      seen,
    )
    assert.equal(place.lines().length, 40)
  })

  test('what somebody else deletes comes back', async () => {
    using place = bench()
    place.api.put(NODE, WEB, aSlice('web', ['10.244.1.2']))
    await using proxy = place.start()
    await proxy.synced
    const batch = new NftBatch()
    batch.destroyTable({ family: 'ip', table: 'fairlead' })
    batch.destroyTable({ family: 'ip6', table: 'fairlead' })
    place.kernel.commit(batch)
    // The next change is refused, and finds out.
    place.api.put(aSlice('web', ['10.244.1.3']))
    for (let i = 0; i < 400 && place.kernel.table({ family: 'ip', table: 'fairlead' }) === undefined; i += 1)
      await sleep(5)
    await place.until([webTo('10.244.1.3:8080')])
  })

  test('a table of its name that is not its own is left alone', async () => {
    using place = bench()
    const batch = new NftBatch()
    batch.addTable({ family: 'ip', table: 'fairlead', comment: 'mine' })
    place.kernel.commit(batch)
    place.api.put(NODE)
    await using proxy = place.start()
    await assert.rejects(proxy.synced, {
      code: 'KERNEL_REFUSED',
      message: /belongs to somebody else \(comment "mine"\)/,
    })
    assert.equal(cleanup(place.netns), 0)
    assert.equal(place.kernel.table({ family: 'ip', table: 'fairlead' })?.comment, 'mine')
  })

  test('stopping leaves the rules, cleaning up removes them', async () => {
    using place = bench()
    place.api.put(NODE, WEB, aSlice('web', ['10.244.1.2']))
    {
      await using proxy = place.start()
      await proxy.synced
    }
    assert.deepEqual(place.lines(), [webTo('10.244.1.2:8080')])
    assert.equal(cleanup(place.netns), 2)
    assert.equal(place.namespaces.run('proxy', 'nft list ruleset'), '')
    assert.equal(cleanup(place.netns), 0)
  })

  test("figures are kept under kube-proxy's names", async () => {
    using place = bench()
    const registry = new Registry()
    place.api.put(NODE, WEB, aSlice('web', ['10.244.1.2']))
    await using proxy = place.start(registry)
    await proxy.synced
    const slice = aSlice('web', ['10.244.1.2', '10.244.1.3'])
    const annotations = { 'endpoints.kubernetes.io/last-change-trigger-time': new Date().toISOString() }
    place.api.put({ ...slice, metadata: { ...slice.metadata, annotations } })
    await place.until([webTo('10.244.1.2:8080', '10.244.1.3:8080')])
    const text = await registry.metrics()
    assert.match(text, /kubeproxy_sync_full_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} 1/)
    assert.match(text, /kubeproxy_sync_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} 2/)
    assert.match(text, /kubeproxy_network_programming_duration_seconds_count\{ip_family="IPv4"\} 1/)
    assert.match(text, /kubeproxy_sync_proxy_rules_last_timestamp_seconds\{ip_family="IPv6"\} \d/)
    assert.match(text, /kubeproxy_sync_proxy_rules_endpoint_changes_pending 0/)
    assert.match(text, /kubeproxy_sync_proxy_rules_service_changes_total 1/)
  })
})
