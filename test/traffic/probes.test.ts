import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { ask, type Target } from '../../src/cluster/vantage.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { listenTcp } from '../../src/linux/socket.ts'
import { eventOf } from './pod-events.ts'
import { clientPod, serviceOf, startTrafficCluster, type TrafficCluster } from './traffic-cluster.ts'

/** On the internet, where the test answers probes as it likes. */
const JUDGE = '198.51.100.2'

/** A server on the internet that is there or not. */
class Judge {
  readonly #on: TrafficCluster
  readonly port: number
  #server: Server | undefined
  status = 200

  constructor(on: TrafficCluster, port: number) {
    this.#on = on
    this.port = port
  }

  async open(): Promise<void> {
    const server = createServer((_, response) => response.writeHead(this.status).end())
    const fd = listenTcp({ netns: this.#on.internet.netns, host: '0.0.0.0', port: this.port })
    await new Promise<void>((resolve) => server.listen({ fd }, resolve))
    this.#server = server
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

describe('probes and restarts', () => {
  let on: TrafficCluster
  let judges: Judge[]
  before(async () => {
    on = await startTrafficCluster({ nodes: 2 })
    judges = [8001, 8002, 8003, 8004].map((port) => new Judge(on, port))
    for (const judge of judges) await judge.open()
  })
  after(async () => {
    for (const judge of judges ?? []) await judge.close()
    await on?.[Symbol.asyncDispose]()
  })

  test('readiness by http, tcp and exec moves the endpoint out and in again', async () => {
    const [byHttp, byTcp, byExec] = judges
    assert.ok(byHttp && byTcp && byExec)
    await on.apply(serviceOf('web', ''))
    await on.apply(clientPod('client', 'node-2'))
    await on.apply(echoPod('by-http', readiness(`httpGet: { host: ${JUDGE}, port: ${byHttp.port}, path: /ready }`)))
    await on.apply(echoPod('by-tcp', readiness(`tcpSocket: { host: ${JUDGE}, port: ${byTcp.port} }`)))
    await on.apply(echoPod('by-exec', readiness(`exec: { command: [curl, -fs, "http://${JUDGE}:${byExec.port}/"] }`)))
    const all = ['by-exec', 'by-http', 'by-tcp']
    assert.deepEqual(await on.readyEndpoints('web', 3), all)
    const client = on.pod(await on.readyPod('client'))
    const target: Target = { host: await on.clusterIp('web'), port: 80, protocol: 'TCP' }
    const asked = async (pods: readonly string[]) => {
      const seen = new Set<string>()
      for (let i = 0; i < 500 && (seen.size !== pods.length || i < 6); i++) {
        const { pod } = await ask(client, target).catch(() => ({ pod: '' }))
        if (i === 250) seen.clear()
        if (pod !== '') seen.add(pod)
      }
      return [...seen].sort()
    }
    assert.deepEqual(await asked(all), all)

    for (const [name, judge, message] of [
      ['by-http', byHttp, /^Readiness probe failed: HTTP probe failed with statuscode: 503$/],
      ['by-tcp', byTcp, /^Readiness probe failed: dial tcp 198\.51\.100\.2:8002: connect: connection refused$/],
      ['by-exec', byExec, /^Readiness probe failed: /],
    ] as const) {
      const others = all.filter((pod) => pod !== name)
      judge.status = 503
      if (name === 'by-tcp') await judge.close()
      assert.deepEqual(await on.readyEndpoints('web', 2), others)
      const pod = on.watch.pod(name)
      assert.ok(pod)
      assert.equal(condition(pod, 'Ready'), 'False')
      assert.equal(pod.status?.containerStatuses?.[0]?.restartCount, 0, 'readiness restarts nothing')
      assert.equal((await eventOf(on, pod, 'Unhealthy', message)).type, 'Warning')
      await settled(() => asked(others), others)
      judge.status = 200
      if (name === 'by-tcp') await judge.open()
      assert.deepEqual(await on.readyEndpoints('web', 3), all)
      await settled(() => asked(all), all)
    }
  })

  test('a failing liveness probe restarts the container, and only it', async () => {
    const judge = judges[3]
    assert.ok(judge)
    const probe = `livenessProbe: { httpGet: { host: ${JUDGE}, port: ${judge.port} }, periodSeconds: 1, failureThreshold: 2 }`
    await on.apply(
      podOf('mortal', 'Always', [
        `{ name: one, image: fairlead/client, ${probe} }`,
        '{ name: two, image: fairlead/client }',
      ]),
    )
    const first = await on.readyPod('mortal')
    judge.status = 500
    const restarted = await on.until('the restart', () => {
      const pod = on.watch.pod('mortal')
      return containerOf(pod, 'one')?.restartCount === 1 && containerOf(pod, 'one')?.state?.running ? pod : undefined
    })
    judge.status = 200
    const one = containerOf(restarted, 'one')
    assert.notEqual(one?.containerID, containerOf(first, 'one')?.containerID)
    assert.ok(one?.lastState?.terminated, 'the run before is remembered')
    assert.equal(containerOf(restarted, 'two')?.restartCount, 0)
    assert.equal(restarted.status?.podIP, first.status?.podIP, 'the pod stays')
    const unhealthy = await eventOf(on, first, 'Unhealthy')
    assert.equal(unhealthy.message, 'Liveness probe failed: HTTP probe failed with statuscode: 500')
    const killing = await eventOf(on, first, 'Killing')
    assert.equal(killing.message, 'Container one failed liveness probe, will be restarted')
  })

  test('liveness by exec and by tcp', async () => {
    const exec = 'livenessProbe: { exec: { command: [test, -e, /tmp/alive] }, periodSeconds: 1, failureThreshold: 1 }'
    const tcp = 'livenessProbe: { tcpSocket: { port: 7777 }, periodSeconds: 1, failureThreshold: 1 }'
    await on.apply(
      podOf('unfit', 'Always', [
        `{ name: by-exec, image: fairlead/client, ${exec} }`,
        `{ name: by-tcp, image: fairlead/client, ${tcp} }`,
      ]),
    )
    await on.until('both to restart', () => {
      const pod = on.watch.pod('unfit')
      const counts = ['by-exec', 'by-tcp'].map((name) => containerOf(pod, name)?.restartCount ?? 0)
      return counts.every((count) => count >= 1) ? true : undefined
    })
  })

  test('restartPolicy Never: what ends has ended', async () => {
    await on.apply(podOf('done', 'Never', [shell('exit 0')]))
    await on.apply(podOf('broken', 'Never', [shell('exit 3')]))
    const done = await on.until('done', () => phaseOf(on.watch.pod('done'), 'Succeeded'))
    assert.deepEqual(terminated(done), { reason: 'Completed', exitCode: 0, restarts: 0 })
    const broken = await on.until('broken', () => phaseOf(on.watch.pod('broken'), 'Failed'))
    assert.deepEqual(terminated(broken), { reason: 'Error', exitCode: 3, restarts: 0 })
  })

  test('restartPolicy OnFailure: until it succeeds', async () => {
    const script = 'test -e /kept/once && exit 0; touch /kept/once; exit 1'
    await on.apply(podOf('retried', 'OnFailure', [shell(script)]))
    const pod = await on.until('retried', () => phaseOf(on.watch.pod('retried'), 'Succeeded'))
    assert.deepEqual(terminated(pod), { reason: 'Completed', exitCode: 0, restarts: 1 })
    assert.equal(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 1)
  })

  test('restartPolicy Always: whatever ends is started again, ever later', async () => {
    await on.apply(podOf('looping', 'Always', [shell('exit 0')]))
    const pod = await on.until('the loop', () => {
      const pod = on.watch.pod('looping')
      return containerOf(pod, 'one')?.state?.waiting?.reason === 'CrashLoopBackOff' ? pod : undefined
    })
    assert.equal(containerOf(pod, 'one')?.restartCount, 1)
    assert.match(
      containerOf(pod, 'one')?.state?.waiting?.message ?? '',
      /^back-off 10s restarting failed container=one pod=looping_default\(/,
    )
    assert.match(
      (await eventOf(on, pod, 'BackOff')).message ?? '',
      /^Back-off restarting failed container one in pod looping_default\(/,
    )
  })
})

function readiness(how: string): string {
  return `readinessProbe: { ${how}, periodSeconds: 1, failureThreshold: 1 }`
}

function echoPod(name: string, probe: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: web } }
spec:
  containers:
    - name: echo
      image: fairlead/echo
      ports: [{ name: http, containerPort: 8080 }]
      ${probe}
`
}

function podOf(name: string, policy: string, containers: readonly string[]): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  restartPolicy: ${policy}
  terminationGracePeriodSeconds: 2
  containers: [${containers.join(', ')}]
  volumes: [{ name: kept, emptyDir: {} }]
`
}

function shell(script: string): string {
  const mounts = 'volumeMounts: [{ name: kept, mountPath: /kept }]'
  return `{ name: one, image: fairlead/client, command: [sh, -c, '${script}'], ${mounts} }`
}

function containerOf(pod: Pod | undefined, name: string) {
  return pod?.status?.containerStatuses?.find((status) => status.name === name)
}

function condition(pod: Pod, type: string): string | undefined {
  return pod.status?.conditions?.find((one) => one.type === type)?.status
}

function phaseOf(pod: Pod | undefined, phase: string): Pod | undefined {
  return pod?.status?.phase === phase ? pod : undefined
}

function terminated(pod: Pod) {
  const status = pod.status?.containerStatuses?.[0]
  const { reason, exitCode } = status?.state?.terminated ?? {}
  return { reason, exitCode, restarts: status?.restartCount }
}

/** Until the kernel has the change, what was goes on. */
async function settled(look: () => Promise<unknown>, wanted: unknown): Promise<void> {
  for (let i = 0; i < 20; i++) {
    if (JSON.stringify(await look()) === JSON.stringify(wanted)) return
  }
  assert.deepEqual(await look(), wanted)
}
