/** Who reaches whom on each network, cell by cell: as whom they are seen there, or that nobody answers. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { errorMessage } from '../../src/base/error.ts'
import { INTERNET_CLIENTS, NAT_GATEWAY_ADDRESS } from '../../src/cloud/fabric/fabric-names.ts'
import { ask, type Vantage } from '../../src/cluster/vantage.ts'
import { nodes } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { listenTcp } from '../../src/linux/socket.ts'
import { serviceOf, startTrafficCluster, type TrafficCluster } from '../traffic/traffic-cluster.ts'

/** Who answers is given more time; in the end nobody answers within this. */
const BRIEF_MS = 400
/** The security group lets the internet in here, where node ports are, and there not. */
const OPEN_PORT = 31_999
const CLOSED_PORT = 8081
const INTERNET = INTERNET_CLIENTS[0].slice(0, INTERNET_CLIENTS[0].indexOf('/'))

/** Of nodes: their own addresses, and their EIPs. */
const TARGETS = ['pod-1', 'pod-2', 'node-1', 'node-2', 'internet'] as const
const FROM_INTERNET = [...TARGETS.slice(0, 4), 'public-1', 'public-2', 'closed-1', 'closed-2'] as const

/** By who asks, as whom each target sees it, in the order of the targets; `-` where nobody answers. */
const EXPECTED: Readonly<Record<'flannel' | 'terway-eniip', Readonly<Record<string, string>>>> = {
  // Pods see each other; who is no pod sees their node; nodes appear as their end of the bridge or of the tunnel.
  flannel: {
    'pod-1': 'pod-1 pod-1 pod-1 node-1 public-1',
    'pod-2': 'pod-2 pod-2 node-2 pod-2 public-2',
    'node-1': 'bridge-1 tunnel-1 node-1 node-1 public-1',
    'node-2': 'tunnel-2 bridge-2 node-2 node-2 public-2',
    internet: '- - - - internet internet - -',
  },
  // Everybody is seen as himself in the whole VPC; the internet sees the NAT gateway in the place of pods.
  'terway-eniip': {
    'pod-1': 'pod-1 pod-1 pod-1 pod-1 nat-gateway',
    'pod-2': 'pod-2 pod-2 pod-2 pod-2 nat-gateway',
    'node-1': 'node-1 node-1 node-1 node-1 public-1',
    'node-2': 'node-2 node-2 node-2 node-2 public-2',
    internet: '- - - - internet internet - -',
  },
}
for (const network of ['flannel', 'terway-eniip'] as const) {
  describe(`who reaches whom on ${network}`, () => {
    let on: TrafficCluster
    const servers: Server[] = []
    const pods = new Map<string, Pod>()
    /** Of nodes' ends of Flannel's devices, and of the gateway. */
    const ends = new Map([[NAT_GATEWAY_ADDRESS, 'nat-gateway']])
    before(async () => {
      on = await startTrafficCluster({ nodes: 2, options: { network } })
      for (const n of [1, 2]) await on.apply(echoPod(n))
      for (const n of [1, 2]) pods.set(`pod-${n}`, await on.readyPod(`pod-${n}`))
      for (const { metadata, spec } of (await on.client.list(nodes)).items) {
        const [network, n] = [spec?.podCIDR?.replace(/\.0\/24$/, ''), metadata.name.at(-1)]
        ends.set(`${network}.1`, `bridge-${n}`).set(`${network}.0`, `tunnel-${n}`)
      }
      for (const { netns } of [on.node('node-1'), on.node('node-2'), on.internet]) {
        for (const port of [OPEN_PORT, CLOSED_PORT]) servers.push(await serve(netns, port))
      }
      // With its first load balancer a cluster has a cloud, and that its security groups.
      await on.apply(serviceOf('pod', 'type: LoadBalancer'))
      await on.until('an address of pod', () => on.watch.service('pod')?.status?.loadBalancer?.ingress?.[0]?.ip)
    })
    after(async () => {
      for (const server of servers) await new Promise((resolve) => server.close(resolve))
      await on?.[Symbol.asyncDispose]()
    })

    for (const [client, row] of Object.entries(EXPECTED[network])) {
      test(`from ${client}`, async () => {
        const wanted = row.split(' ')
        const targets = client === 'internet' ? FROM_INTERNET : TARGETS
        const found = await Promise.all(targets.map((target, i) => seen(client, target, wanted[i])))
        assert.deepEqual(
          targets.map((target, i) => `${target}: ${found[i]}`),
          targets.map((target, i) => `${target}: ${wanted[i]}`),
        )
      })
    }

    const seen = async (client: string, target: string, wanted: string | undefined): Promise<string> => {
      const [host, port] = placeOf(target)
      try {
        const patience = wanted === '-' ? BRIEF_MS : undefined
        const answer = await ask(vantageOf(client), { host, port, protocol: 'TCP' }, patience)
        return nameOf(answer.client.replace(/:\d+$/, ''))
      } catch (error) {
        return wanted === '-' ? '-' : errorMessage(error)
      }
    }
    const vantageOf = (client: string): Vantage => {
      const pod = pods.get(client)
      if (pod !== undefined) return on.pod(pod)
      return client === 'internet' ? on.internet : on.node(client)
    }
    const placeOf = (target: string): readonly [host: string, port: number] => {
      const pod = pods.get(target)
      if (pod !== undefined) return [pod.status?.podIP ?? '', 8080]
      if (target === 'internet') return [INTERNET, OPEN_PORT]
      const node = on.cluster.spec.nodes[Number(target.at(-1)) - 1] ?? assert.fail(target)
      if (target.startsWith('closed')) return [node.publicAddress, CLOSED_PORT]
      return [target.startsWith('public') ? node.publicAddress : node.address, OPEN_PORT]
    }
    const nameOf = (address: string): string => {
      const known = [...TARGETS, 'public-1', 'public-2'].find((name) => placeOf(name)[0] === address)
      return known ?? ends.get(address) ?? address
    }
  })
}

/** An HTTP server in a namespace that says whom it saw, as pods do. */
async function serve(netns: string, port: number): Promise<Server> {
  const server = createServer(({ socket: { remoteAddress, remotePort } }, response) => {
    response.end(JSON.stringify({ pod: '', node: '', client: `${remoteAddress}:${remotePort}` }))
  })
  const fd = listenTcp({ netns, host: '0.0.0.0', port })
  await new Promise<void>((resolve) => server.listen({ fd }, resolve))
  return server
}

function echoPod(n: number): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: pod-${n} }
spec:
  nodeName: node-${n}
  terminationGracePeriodSeconds: 1
  containers:
    - name: echo
      image: fairlead/echo
      ports: [{ name: http, containerPort: 8080 }]
      readinessProbe: { tcpSocket: { port: 8080 } }
`
}
