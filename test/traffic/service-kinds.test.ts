import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, type Target, type Vantage } from '../../src/cluster/vantage.ts'
import { deployments, services } from '../../src/kube/resource.ts'
import { listenTcp } from '../../src/linux/socket.ts'
import { clientPod, echoService, serviceOf, startTrafficCluster, type TrafficCluster } from './traffic-cluster.ts'

const INTERNET_CLIENT = '198.51.100.2'
/** Long enough for an answer; what is not refused within it goes nowhere. */
const SOON_MS = 1_500
const BRIEF_MS = 300

describe('every kind of Service address', () => {
  let on: TrafficCluster
  let client: Vantage
  before(async () => {
    on = await startTrafficCluster()
    await on.apply(clientPod('client', 'node-2'))
    await on.apply(echoService('web', { replicas: 1 }))
    client = on.pod(await on.readyPod('client'))
    await on.readyEndpoints('web', 1)
    await answers(client, await tcp('web'))
  })
  after(() => on?.[Symbol.asyncDispose]())

  const tcp = async (service: string, port = 80): Promise<Target> => {
    return { host: await on.clusterIp(service), port, protocol: 'TCP' }
  }
  const nodePortOf = async (service: string, protocol: Target['protocol'] = 'TCP') => {
    return on.until(`a node port of ${service}`, () => {
      return on.watch.service(service)?.spec.ports?.find((port) => port.protocol === protocol)?.nodePort
    })
  }
  const webPod = async () => {
    const [name = ''] = await on.readyEndpoints('web', 1)
    return on.readyPod(name)
  }

  test('a pod reaches itself through its Service, and sees its node ask', async () => {
    const pod = await webPod()
    const itself = on.pod(pod)
    for (const target of [await tcp('web'), { ...(await tcp('web')), port: 9000, protocol: 'UDP' as const }]) {
      const answer = await ask(itself, target)
      assert.equal(answer.pod, pod.metadata.name)
      const [a, b, c] = pod.status?.podIP?.split('.') ?? []
      assert.equal(withoutPort(answer.client), `${a}.${b}.${c}.1`, 'the address of the bridge')
    }
  })

  test('a NodePort answers on every node, from the internet, from nodes, from pods and from the pod behind it', async () => {
    await on.apply(serviceOf('web', 'type: NodePort', 'web-nodeport'))
    const pod = await webPod()
    const port = await nodePortOf('web-nodeport')
    assert.ok(port >= 30_000 && port <= 32_767, `${port}`)
    for (const { address, publicAddress } of on.cluster.spec.nodes) {
      const target: Target = { host: address, port, protocol: 'TCP' }
      for (const from of [client, on.node('node-1'), on.node('node-3'), on.pod(pod)]) {
        assert.equal((await answers(from, target)).pod, pod.metadata.name, `${from.name} to ${address}`)
      }
      const outside = await answers(on.internet, { ...target, host: publicAddress })
      assert.equal(outside.pod, pod.metadata.name)
      assert.notEqual(withoutPort(outside.client), INTERNET_CLIENT, 'policy Cluster hides the client')
    }
    const udp = await nodePortOf('web-nodeport', 'UDP')
    const [node] = on.cluster.spec.nodes
    const target: Target = { host: node?.publicAddress ?? '', port: udp, protocol: 'UDP' }
    assert.equal((await answers(on.internet, target)).pod, pod.metadata.name)
  })

  test('with externalTrafficPolicy Local only the node of the pod answers, and the pod sees the client', async () => {
    await on.apply(serviceOf('web', 'type: NodePort\nexternalTrafficPolicy: Local', 'web-local'))
    const { spec } = await webPod()
    const port = await nodePortOf('web-local')
    const at = (node: (typeof on.cluster.spec.nodes)[number]): Target => {
      return { host: node.publicAddress, port, protocol: 'TCP' }
    }
    const nodes = on.cluster.spec.nodes
    for (const node of nodes.filter(({ name }) => name === spec.nodeName)) {
      assert.equal(withoutPort((await answers(on.internet, at(node))).client), INTERNET_CLIENT)
    }
    for (const node of nodes.filter(({ name }) => name !== spec.nodeName)) {
      await becomes(on.internet, at(node), 'TIMEOUT')
    }
  })

  test('a Service without endpoints refuses at once, wherever it is asked', async () => {
    await on.apply(serviceOf('nobody', 'type: NodePort'))
    const clusterIp = await tcp('nobody')
    const port = await nodePortOf('nobody')
    const nodePort = (host: string): Target => ({ host, port, protocol: 'TCP' })
    const [first, second] = on.cluster.spec.nodes
    await refused(client, clusterIp)
    await refused(on.node('node-1'), clusterIp)
    await refused(client, nodePort(second?.address ?? ''))
    await refused(on.node('node-3'), nodePort(first?.address ?? ''))
    await refused(on.node('node-1'), nodePort(first?.address ?? ''))
    await refused(on.internet, nodePort(first?.publicAddress ?? ''))
  })

  test('a port that a Service does not have refuses at once', async () => {
    await refused(client, await tcp('web', 81))
    await refused(on.node('node-3'), await tcp('web', 81))
  })

  test('endpoints that come and go decide between answer and refusal', async () => {
    await on.apply(echoService('shy', { replicas: 1 }))
    const [pod] = await on.readyEndpoints('shy', 1)
    const target = await tcp('shy')
    assert.equal((await answers(client, target)).pod, pod)
    const scale = (replicas: number) => {
      const key = { namespace: 'default', name: 'shy' }
      return on.client.patch(deployments, key, { type: 'merge', body: { spec: { replicas } } })
    }
    await scale(0)
    await on.readyEndpoints('shy', 0)
    // While it ends, the last pod serves on (KEP-1669).
    await on.until('the last pod to be gone', () => (on.watch.pod(pod ?? '') === undefined ? true : undefined))
    await refused(client, target)
    await scale(1)
    const [next] = await on.readyEndpoints('shy', 1)
    assert.notEqual(next, pod)
    assert.equal((await answers(client, target)).pod, next)
  })

  test('ports change: the new answers, the old refuses', async () => {
    await on.apply(serviceOf('web', '', 'moving'))
    const key = { namespace: 'default', name: 'moving' }
    assert.ok((await answers(client, await tcp('moving'))).pod)
    const ports = [{ name: 'http', port: 8088, targetPort: 'http' }]
    await on.client.patch(services, key, { type: 'merge', body: { spec: { ports } } })
    assert.ok((await answers(client, await tcp('moving', 8088))).pod)
    await refused(client, await tcp('moving'))
    const wrong = [{ name: 'http', port: 8088, targetPort: 9999 }]
    await on.client.patch(services, key, { type: 'merge', body: { spec: { ports: wrong } } })
    await refused(client, await tcp('moving', 8088))
  })

  test('a deleted Service answers nobody', async () => {
    await on.apply(serviceOf('web', 'type: NodePort', 'short-lived'))
    const target = await tcp('short-lived')
    const port = await nodePortOf('short-lived')
    const [node] = on.cluster.spec.nodes
    const outside: Target = { host: node?.publicAddress ?? '', port, protocol: 'TCP' }
    await answers(client, target)
    await answers(on.internet, outside)
    await on.client.delete(services, { namespace: 'default', name: 'short-lived' })
    await silent(client, target)
    await silent(on.internet, outside)
  })

  test('the pods of a headless Service are reached by their own addresses', async () => {
    await on.apply(serviceOf('web', 'clusterIP: None', 'direct'))
    await on.readyEndpoints('direct', 1)
    assert.equal(await on.clusterIp('direct'), 'None')
    const pod = await webPod()
    const [endpoint] = on.watch.endpoints('direct')
    assert.deepEqual(endpoint?.addresses, [pod.status?.podIP])
    const answer = await answers(client, { host: endpoint?.addresses[0] ?? '', port: 8080, protocol: 'TCP' })
    assert.equal(answer.pod, pod.metadata.name)
  })

  test('a pod reaches the internet as the public address of its node', async () => {
    const seen: string[] = []
    const server = createServer((request, response) => {
      seen.push(request.socket.remoteAddress ?? '')
      response.end(JSON.stringify({ pod: 'the internet', node: '', client: '' }))
    })
    await listening(server, on.internet)
    try {
      const target: Target = { host: INTERNET_CLIENT, port: 8080, protocol: 'TCP' }
      assert.equal((await ask(client, target)).pod, 'the internet')
      await ask(on.node('node-1'), target)
      const eip = (node: string) => on.cluster.spec.nodes.find(({ name }) => name === node)?.publicAddress
      assert.deepEqual(seen, [eip('node-2'), eip('node-1')])
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })

  test('pods talk to the API server by Service `kubernetes`, and know it by the CA of their namespace', async () => {
    const url = 'https://10.96.0.1/version'
    const knowing = `curl -sS --fail --cacert /ca/ca.crt ${url} | grep -q gitVersion`
    const stranger = `curl -sS ${url}; test $? = 60`
    await on.apply(job('api-user', `${knowing} && ${stranger}`))
    const done = await on.until('api-user to end', () => {
      const phase = on.watch.pod('api-user')?.status?.phase
      return phase === 'Succeeded' || phase === 'Failed' ? phase : undefined
    })
    assert.equal(done, 'Succeeded')
  })
})

/** The first answer; until the kernel knows the Service, it is asked again. */
async function answers(from: Vantage, target: Target) {
  for (let i = 0; ; i++) {
    try {
      return await ask(from, target, SOON_MS)
    } catch (error) {
      // Refusals come at once: the kernel gets time, not just chances.
      if (i === 200) throw error
      await sleep(10)
    }
  }
}

/** Until the kernel has a change, what was goes on; then it must stay. */
async function becomes(from: Vantage, target: Target, wanted: 'ECONNREFUSED' | 'TIMEOUT'): Promise<void> {
  for (let i = 0; i < 200 && (await outcome(from, target, BRIEF_MS)) !== wanted; i++);
  const timeoutMs = wanted === 'TIMEOUT' ? BRIEF_MS : SOON_MS
  for (let i = 0; i < 3; i++) {
    assert.equal(await outcome(from, target, timeoutMs), wanted, `${from.name} to ${target.host}:${target.port}`)
  }
}

/** At once: silence is no refusal. */
function refused(from: Vantage, target: Target): Promise<void> {
  return becomes(from, target, 'ECONNREFUSED')
}

async function silent(from: Vantage, target: Target): Promise<void> {
  for (let i = 0; i < 200 && (await outcome(from, target, BRIEF_MS)) === 'answered'; i++);
  assert.notEqual(await outcome(from, target, BRIEF_MS), 'answered', `${from.name} to ${target.host}:${target.port}`)
}

function outcome(from: Vantage, target: Target, timeoutMs: number): Promise<unknown> {
  return ask(from, target, timeoutMs).then(
    () => 'answered',
    (error: { code?: unknown }) => error.code,
  )
}

function withoutPort(address: string): string {
  return address.replace(/:\d+$/, '')
}

function listening(server: Server, at: Vantage): Promise<void> {
  const fd = listenTcp({ netns: at.netns, host: '0.0.0.0', port: 8080 })
  return new Promise((resolve) => server.listen({ fd }, resolve))
}

function job(name: string, script: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  restartPolicy: Never
  containers:
    - name: shell
      image: fairlead/client
      command: [sh, -c, '${script}']
      volumeMounts: [{ name: ca, mountPath: /ca }]
  volumes: [{ name: ca, configMap: { name: kube-root-ca.crt } }]
`
}
