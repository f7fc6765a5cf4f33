import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { applyClusterDns, clusterDnsReady } from '../../src/cluster/cluster-dns.ts'
import type { Target } from '../../src/cluster/vantage.ts'
import { deployments } from '../../src/kube/resource.ts'
import { Load } from './load.ts'
import { resolveInCluster } from './resolve.ts'
import { echoService, serviceOf, startTrafficCluster, type TrafficCluster } from './traffic-cluster.ts'

/** The pod answers on for so long after it is told to end: the load balancer has time to send clients elsewhere. */
const LINGER_MS = 3_000
const CONTAINER = `readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1 }
env: [{ name: FAIRLEAD_LINGER_MS, value: "${LINGER_MS}" }]`

for (const network of ['flannel', 'terway-eniip'] as const) {
  describe(`pods are replaced behind load balancers on ${network}`, () => {
    let on: TrafficCluster
    before(async () => {
      on = await startTrafficCluster({ options: { network } })
    })
    after(() => on?.[Symbol.asyncDispose]())

    test('a Network Load Balancer answers to its name: TCP and UDP in every zone, and pods see the client', async () => {
      await on.apply(echoService('front', { replicas: 2 }))
      const spec = 'type: LoadBalancer\nloadBalancerClass: alibabacloud.com/nlb\nexternalTrafficPolicy: Local'
      await on.apply(serviceOf('front', spec, 'front-nlb'))
      const pods = await on.readyEndpoints('front-nlb', 2)
      const name = await on.until(
        'a name of front-nlb',
        () => on.watch.service('front-nlb')?.status?.loadBalancer?.ingress?.[0]?.hostname,
      )
      await applyClusterDns({ client: on.client, spec: on.cluster.spec })
      await clusterDnsReady({ client: on.client, spec: on.cluster.spec })
      const inside = on.pod(await on.readyPod(pods[0] ?? ''))
      const hosts = await resolveInCluster(inside, name)
      assert.equal(hosts.length, new Set(on.cluster.spec.vSwitches.map(({ zoneId }) => zoneId)).size)
      const targets = hosts.flatMap((host): Target[] => [
        { host, port: 80, protocol: 'TCP' },
        { host, port: 9000, protocol: 'UDP' },
      ])
      await using load = new Load([on.internet], targets)
      await load.heard(pods)
      load.count()
      await load.more(20)
      await load.stop()
      assert.deepEqual(load.failures(), [])
      const clients = load.requests().map(({ answer }) => answer?.client.replace(/:\d+$/, ''))
      assert.deepEqual(new Set(clients), new Set(['198.51.100.2']))
      await on.delete(serviceOf('front', spec, 'front-nlb'))
      await on.until('the load balancer to go with its Service', () => {
        return on.watch.service('front-nlb') === undefined ? true : undefined
      })
      await assert.rejects(resolveInCluster(inside, `x${name}`), /NXDOMAIN/)
    })

    test('the example of a Network Load Balancer leads to the pods of the other examples', async () => {
      await on.applyExample('clusterip.yaml')
      await on.applyExample('networkloadbalancer.yaml')
      const pods = await on.readyEndpoints('web-nlb', 2)
      const ingress = () => on.watch.service('web-nlb')?.status?.loadBalancer?.ingress?.[0]?.hostname
      const name = await on.until('a name of web-nlb', ingress)
      const hosts = await resolveInCluster(on.pod(await on.readyPod(pods[0] ?? '')), name)
      const targets = hosts.flatMap((host): Target[] => [
        { host, port: 80, protocol: 'TCP' },
        { host, port: 9000, protocol: 'UDP' },
      ])
      assert.ok(targets.length > 0)
      await using load = new Load([on.internet], targets)
      await load.heard(pods)
    })

    for (const policy of ['Local', 'Cluster'] as const) {
      test(`${policy}: every request from the internet is answered`, async () => {
        const name = `shop-${policy.toLowerCase()}`
        await on.apply(echoService(name, { replicas: 3, container: CONTAINER }))
        const spec = `type: LoadBalancer\nexternalTrafficPolicy: ${policy}`
        await on.apply(serviceOf(name, spec, `${name}-lb`))
        const old = await on.readyEndpoints(`${name}-lb`, 3)
        const host = await on.until(
          `an address of ${name}-lb`,
          () => on.watch.service(`${name}-lb`)?.status?.loadBalancer?.ingress?.[0]?.ip,
        )
        const target: Target = { host, port: 80, protocol: 'TCP' }
        await using load = new Load([on.internet], [target])
        await load.heard(old)
        load.count()
        const body = { spec: { template: { metadata: { annotations: { restarted: 'once' } } } } }
        await on.client.patch(deployments, { namespace: 'default', name }, { type: 'merge', body })
        const fresh = await on.until('three new endpoints and no old pod', () => {
          const now = on.watch.endpoints(`${name}-lb`).map(({ targetRef }) => targetRef?.name ?? '')
          const gone = old.every((pod) => on.watch.pod(pod) === undefined)
          return gone && now.length === 3 && !now.some((pod) => old.includes(pod)) ? now : undefined
        })
        await load.heard(fresh)
        await load.stop()
        assert.deepEqual(load.failures(), [])
      })
    }
  })
}
