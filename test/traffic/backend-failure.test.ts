/** Pods that are killed, and pods that go in order, behind a Classic Load Balancer: at 500 requests a second on both layers. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Target } from '../../src/cluster/vantage.ts'
import { pods } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import type { CloudDesk } from '../../src/matrix/cloud-desk.ts'
import { openCloudDesk } from '../../src/matrix/open-cloud-desk.ts'
import { listRuns } from '../../src/node/runtime/container-directory.ts'
import { missingHaproxy } from '../ccm/traffic-bench.ts'
import { poll } from '../cluster/poll.ts'
import { Arrivals } from './arrivals.ts'
import { startTrafficCluster, type TrafficCluster } from './traffic-cluster.ts'

const PER_SECOND = 500
/** The pod answers on for so long after it is told to end: the load balancer has time to send clients elsewhere. */
const LINGER_MS = 3_000
const POD_NAMES = ['shop-1', 'shop-2', 'shop-3']

/** The ports of one Service: its listeners in the kernel, and in HAProxy. */
const LAYERS = [
  { layer: 'layer 4', port: 80, protocol: 'tcp', victim: 3 },
  { layer: 'layer 7', port: 81, protocol: 'http', victim: 1 },
] as const

for (const network of ['flannel', 'terway-eniip'] as const) {
  describe(`pods behind a load balancer fail and go on ${network}`, { skip: missingHaproxy() }, () => {
    let on: TrafficCluster
    let cloud: CloudDesk
    let host: string
    before(async () => {
      on = await startTrafficCluster({ options: { network } })
      for (const [i, name] of POD_NAMES.entries()) await on.apply(shopPod(name, `node-${i + 1}`))
      await on.apply(SERVICE)
      host = await on.until(
        'an address of shop',
        () => on.watch.service('shop')?.status?.loadBalancer?.ingress?.[0]?.ip,
      )
      await on.readyEndpoints('shop', POD_NAMES.length)
      cloud = await openCloudDesk(on.cluster)
    })
    after(async () => {
      cloud?.[Symbol.dispose]()
      await on?.[Symbol.asyncDispose]()
    })

    for (const { layer, port, protocol, victim } of LAYERS) {
      test(`${layer}: kill -9 of a pod costs requests only until its health check's threshold`, async () => {
        const listener = { port, protocol }
        await statuses(listener, (found) => found.length === 3 && found.every((one) => one === 'normal'))
        await using load = new Arrivals([on.internet], [target(port)], PER_SECOND)
        await heard(load, POD_NAMES)
        load.takeFailures()
        // Its agent stands still meanwhile: nobody but the health check is to notice.
        const agent = on.cluster.processes().get(`node-${victim}`) ?? assert.fail('no agent')
        process.kill(agent, 'SIGSTOP')
        try {
          process.kill(programOf(await on.readyPod(`shop-${victim}`)), 'SIGKILL')
          await statuses(listener, (found) => found.filter((one) => one === 'abnormal').length === 1)
          const failed = await settled(load)
          assert.ok(layer === 'layer 7' || failed > 0, 'requests to a dead pod fail before it is known')
          load.pods.clear()
          await load.more(300)
          assert.deepEqual(load.takeFailures(), [])
          assert.deepEqual(
            [...load.pods.keys()].sort(),
            POD_NAMES.filter((name) => name !== `shop-${victim}`),
          )
        } finally {
          process.kill(agent, 'SIGCONT')
        }
        await statuses(listener, (found) => found.length === 3 && found.every((one) => one === 'normal'))
        await heard(load, [`shop-${victim}`])
      })
    }

    test('both layers: a pod that is deleted costs no request', async () => {
      await on.readyEndpoints('shop', POD_NAMES.length)
      await using load = new Arrivals(
        [on.internet],
        LAYERS.map(({ port }) => target(port)),
        PER_SECOND,
      )
      await heard(load, POD_NAMES)
      await settled(load)
      await on.client.delete(pods, { namespace: 'default', name: 'shop-2' })
      await on.until('shop-2 to go', () => (on.watch.pod('shop-2') === undefined ? true : undefined))
      await load.more(300)
      assert.deepEqual(load.takeFailures(), [])
    })

    const target = (port: number): Target => ({ host, port, protocol: 'TCP' })

    /** Waits until each of these pods has answered somebody. */
    const heard = async (load: Arrivals, names: readonly string[]) => {
      load.pods.clear()
      await poll(`an answer of ${names.join(', ')}`, () =>
        names.every((name) => load.pods.has(name)) ? true : undefined,
      )
    }

    /** Waits until what was under way when the load balancer learnt something has ended; how many have failed. */
    const settled = async (load: Arrivals): Promise<number> => {
      let failed = 0
      for (let windows = 0; windows < 40; windows++) {
        await load.more(50)
        const now = load.takeFailures().length
        failed += now
        if (now === 0) return failed
      }
      return assert.fail(`${failed} requests failed, and there is no end`)
    }

    /** Waits until the cloud says of a listener's servers what is wanted. */
    const statuses = (listener: { port: number; protocol: string }, isWanted: (found: string[]) => boolean) =>
      poll(`the health of ${listener.protocol} ${listener.port}`, async () => {
        const service = on.watch.service('shop') ?? assert.fail('no Service')
        const [instance] = await cloud.instancesOf(service)
        if (instance === undefined) return undefined
        const { BackendServers } = (await cloud.call('slb', 'DescribeHealthStatus', {
          LoadBalancerId: instance.id,
          ListenerPort: listener.port,
          ListenerProtocol: listener.protocol,
        })) as { BackendServers: { BackendServer: readonly { ServerHealthStatus: string }[] } }
        return isWanted(BackendServers.BackendServer.map(({ ServerHealthStatus }) => ServerHealthStatus))
          ? true
          : undefined
      })

    /** The process number of a pod's program. */
    const programOf = (pod: Pod): number => {
      const directory = join(on.cluster.layout.runDirectory, 'nodes', pod.spec.nodeName ?? '', 'pods')
      const run = listRuns(directory, pod.metadata.uid ?? '').at(-1) ?? assert.fail('it never ran')
      const file = join(directory, run.podUid, 'containers', run.name, String(run.attempt), 'pid')
      return Number.parseInt(readFileSync(file, 'utf8'), 10)
    }
  })
}

const SERVICE = `
apiVersion: v1
kind: Service
metadata:
  name: shop
  annotations:
    service.beta.kubernetes.io/alibaba-cloud-loadbalancer-protocol-port: "http:81"
    service.beta.kubernetes.io/alibaba-cloud-loadbalancer-health-check-flag: "on"
    service.beta.kubernetes.io/alibaba-cloud-loadbalancer-health-check-interval: "1"
    service.beta.kubernetes.io/alibaba-cloud-loadbalancer-unhealthy-threshold: "2"
    service.beta.kubernetes.io/alibaba-cloud-loadbalancer-healthy-threshold: "2"
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: { app: shop }
  ports:
    - { name: tcp, port: 80, targetPort: http }
    - { name: http, port: 81, targetPort: http }
`

function shopPod(name: string, node: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: shop } }
spec:
  nodeName: ${node}
  containers:
    - name: echo
      image: fairlead/echo
      ports: [{ name: http, containerPort: 8080 }]
      readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1 }
      env: [{ name: FAIRLEAD_LINGER_MS, value: "${LINGER_MS}" }]
`
}
