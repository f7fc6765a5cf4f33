import assert from 'node:assert/strict'
import { request } from 'node:http'
import { describe, test } from 'node:test'
import { silentLog } from '../../base/log.ts'
import { connectTcp } from '../../linux/socket.ts'
import { TestNamespaces } from '../../linux/test-namespaces.ts'
import { aService, aSlice } from '../test-objects.ts'
import { healthCheckOf, ServiceHealth } from './service-health.ts'

const LOCAL = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 32000 } as const
const lb = (change: object = {}, labels?: Record<string, string>) =>
  aService('web', { clusterIP: '10.96.0.1', ...LOCAL, ...change, ...(labels === undefined ? {} : { labels }) })

describe('health check of a Service', () => {
  test('counts ready endpoints of this node, each address once', () => {
    const slices = [
      aSlice('web', [
        { ip: '10.0.0.1', node: 'a' },
        { ip: '10.0.0.2', node: 'b' },
        { ip: '10.0.0.3', node: 'a', ready: false, serving: true, terminating: true },
        '10.0.0.4',
      ]),
      aSlice('web', [{ ip: '10.0.0.1', node: 'a' }], 'again'),
      aSlice('web', [{ ip: 'fd00::1', node: 'a' }], 'six'),
    ]
    assert.deepEqual(healthCheckOf(lb(), slices, 'a'), { port: 32000, localEndpoints: 2 })
    assert.deepEqual(healthCheckOf(lb(), slices, 'c'), { port: 32000, localEndpoints: 0 })
  })

  test('only load balancers with policy Local have one', () => {
    const none = [
      lb({ externalTrafficPolicy: 'Cluster' }),
      lb({ type: 'NodePort' }),
      lb({ healthCheckNodePort: 0 }),
      lb({}, { 'service.kubernetes.io/service-proxy-name': 'other' }),
    ]
    for (const service of none) assert.equal(healthCheckOf(service, [], 'a'), undefined)
  })
})

describe('the servers of health checks', () => {
  test('answer, follow ports and addresses, and wait for a port that another one has', async () => {
    using namespaces = new TestNamespaces()
    const netns = namespaces.create('health')
    namespaces.run('health', 'ip link set lo up')
    const failures: string[] = []
    let healthy = true
    using servers = new ServiceHealth({
      nodeName: 'a',
      netns,
      log: silentLog,
      isHealthy: () => healthy,
      onFailure: (key, message) => failures.push(`${key}: ${message}`),
    })
    const ask = (port: number, host = '127.0.0.1') => get(netns, host, port)
    const refused = (port: number, host?: string) => assert.rejects(ask(port, host), { code: 'ECONNREFUSED' })
    servers.setAddresses(['127.0.0.1', '127.0.0.2'])
    servers.set('d/one', { port: 32000, localEndpoints: 3 })
    servers.set('d/two', { port: 32000, localEndpoints: 1 })
    assert.equal(failures.length, 1)
    assert.match(failures[0] ?? '', /^d\/two: node a failed to start healthcheck "d\/two" on port 32000: .*in use/)
    assert.deepEqual(await ask(32000), [200, 'one', 3, true])
    assert.deepEqual(await ask(32000, '127.0.0.2'), [200, 'one', 3, true])
    await refused(32000, '127.0.0.3')
    servers.set('d/one', { port: 32000, localEndpoints: 0 })
    assert.deepEqual(await ask(32000), [503, 'one', 0, true])
    healthy = false
    servers.set('d/one', { port: 32001, localEndpoints: 1 })
    assert.deepEqual(await ask(32001), [503, 'one', 1, false])
    healthy = true
    assert.deepEqual(await ask(32000), [200, 'two', 1, true], 'the port was given back')
    servers.set('d/one', undefined)
    await refused(32001)
    servers.setAddresses(['127.0.0.3'])
    await refused(32000)
    assert.deepEqual(await ask(32000, '127.0.0.3'), [200, 'two', 1, true])
    servers.setAddresses(['203.0.113.9'])
    assert.match(failures.at(-1) ?? '', /^d\/two: .*203\.0\.113\.9/)
  })
})

/** Status, name, local endpoints, health of the proxy. */
async function get(netns: string, host: string, port: number): Promise<unknown[]> {
  const socket = await connectTcp({ netns, host, port, timeoutMs: 3000 })
  return new Promise((resolve, reject) => {
    const outgoing = request({ createConnection: () => socket, host, port, path: '/' })
    outgoing.on('error', reject)
    outgoing.on('response', async (incoming) => {
      let text = ''
      for await (const chunk of incoming) text += chunk
      const { service, localEndpoints, serviceProxyHealthy } = JSON.parse(text)
      assert.equal(incoming.headers['x-load-balancing-endpoint-weight'], String(localEndpoints))
      resolve([incoming.statusCode, service.name, localEndpoints, serviceProxyHealthy])
    })
    outgoing.end()
  })
}
