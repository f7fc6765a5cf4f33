import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { configMaps, leases, nodes, secrets } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { listNetns } from '../../src/linux/netns.ts'
import { isReady, KubeletBench } from './kubelet-bench.ts'

describe('the node agent', { timeout: 120_000 }, () => {
  let bench: KubeletBench
  before(async () => {
    bench = await KubeletBench.open()
  })
  after(async () => {
    const { clusterName } = bench
    await bench[Symbol.asyncDispose]()
    assert.deepEqual(listNetns(`fl-${clusterName}-`), [])
    assert.doesNotMatch(readFileSync('/proc/mounts', 'utf8'), new RegExp(bench.directory))
  })

  test('an echo pod gets an address, becomes ready, and answers with its name', async () => {
    const probe = { httpGet: { path: '/', port: 'web' } }
    const ports = [{ name: 'web', containerPort: 8080 }]
    await bench.createPod('echo', { image: 'fairlead/echo', ports, readinessProbe: probe })
    const pod = await bench.ready('echo')
    assert.match(pod.status?.podIP ?? '', /^10\.244\.1\.\d+$/)
    assert.equal(pod.status?.hostIP, '192.168.0.11')
    const answer = (await (await fetch(`http://${pod.status?.podIP}:8080/x?y=1`)).json()) as Record<string, string>
    assert.deepEqual([answer.pod, answer.namespace, answer.node, answer.path], ['echo', 'default', 'node-1', '/x?y=1'])
    assert.match(answer.client ?? '', /^10\.244\.1\.1:\d+$/)
  })

  test('the node is ready and holds a Lease', async () => {
    const node = await bench.client.get(nodes, { name: 'node-1' })
    assert.equal(node.metadata.labels?.['topology.kubernetes.io/zone'], 'zone-a')
    assert.equal(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
    assert.ok(await bench.client.get(leases, { namespace: 'kube-node-lease', name: 'node-1' }))
  })

  test('a deleted pod ends gracefully, and nothing of it is left', async () => {
    await bench.createPod('short', {})
    const pod = await bench.ready('short')
    await bench.deletePod('short')
    assert.equal(await bench.podUntil('short', () => false), undefined)
    assert.deepEqual(listNetns(`fl-${bench.clusterName}-pod-${pod.metadata.uid?.slice(0, 8)}`), [])
    assert.match((await bench.eventMessages('short', 'Killing'))[0] ?? '', /Stopping container main/)
  })

  test('a container that ignores SIGTERM is killed when its time is over', async () => {
    await bench.createPod('stubborn', { command: ['/bin/sh', '-c', 'trap "" TERM; while :; do sleep 1; done'] })
    await bench.ready('stubborn')
    await bench.deletePod('stubborn', 1)
    assert.equal(await bench.podUntil('stubborn', () => false), undefined)
  })

  test('what crashes is restarted, then waits', async () => {
    await bench.createPod('crash', { command: ['/bin/sh', '-c', 'exit 3'] })
    const pod = await bench.podUntil('crash', (each) => waitingReason(each) === 'CrashLoopBackOff')
    const status = pod?.status?.containerStatuses?.[0]
    assert.equal(status?.lastState?.terminated?.exitCode, 3)
    assert.ok((status?.restartCount ?? 0) >= 1)
    assert.equal(pod?.status?.phase, 'Running')
    assert.match((await bench.eventMessages('crash', 'BackOff'))[0] ?? '', /Back-off restarting failed container main/)
    await bench.deletePod('crash', 1)
  })

  test('a pod that is not restarted succeeds or fails', async () => {
    await bench.createPod('good', { command: ['/bin/true'] }, { restartPolicy: 'Never' })
    await bench.createPod('bad', { command: ['/bin/false'] }, { restartPolicy: 'Never' })
    const ended = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    assert.equal((await bench.podUntil('good', ended))?.status?.phase, 'Succeeded')
    assert.equal((await bench.podUntil('bad', ended))?.status?.phase, 'Failed')
  })

  test('init containers run first, one after the other, and share a volume', async () => {
    const mount = { name: 'shared', mountPath: '/shared' }
    const init = (name: string, script: string) => ({
      name,
      image: 'fairlead/client',
      command: ['/bin/sh', '-c', script],
      volumeMounts: [mount],
    })
    const initContainers = [init('one', 'echo 1 >/shared/log'), init('two', 'echo 2 >>/shared/log')]
    const command = ['/bin/sh', '-c', 'test "$(echo $(cat /shared/log))" = "1 2"']
    const spec = { initContainers, restartPolicy: 'Never', volumes: [{ name: 'shared', emptyDir: {} }] } as const
    await bench.createPod('init', { command, volumeMounts: [mount] }, spec)
    const pod = await bench.podUntil(
      'init',
      (each) => each.status?.containerStatuses?.[0]?.state?.terminated !== undefined,
    )
    assert.equal(pod?.status?.containerStatuses?.[0]?.state?.terminated?.reason, 'Completed')
  })

  test('variables come from fields, ConfigMaps and Secrets, files too', async () => {
    const meta = { namespace: 'default' }
    await bench.client.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...meta, name: 'cm' },
      data: { a: 'x' },
    })
    const data = { s: Buffer.from('hidden').toString('base64') }
    await bench.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { ...meta, name: 'sec' }, data })
    const env = [
      { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'a' } } },
      { name: 'BOTH', value: '$(POD)-$(A)-$(NONE)-$$(A)' },
    ]
    const script = 'echo "$BOTH $(cat /s/s) $(hostname)"'
    const volumeMounts = [{ name: 's', mountPath: '/s' }]
    const volumes = [{ name: 's', secret: { secretName: 'sec' } }]
    await bench.createPod(
      'vars',
      { command: ['/bin/sh', '-c', script], env, volumeMounts },
      { restartPolicy: 'Never', volumes },
    )
    const pod = await bench.podUntil(
      'vars',
      (each) => each.status?.phase === 'Succeeded' || each.status?.phase === 'Failed',
    )
    const log = bench.readLog(pod?.metadata.uid ?? '')
    assert.deepEqual([pod?.status?.phase, log], ['Succeeded', 'vars-x-$(NONE)-$(A) hidden vars\n'])
  })

  test('an unknown image is waited for, and the Event says how to add it', async () => {
    await bench.createPod('unknown', { image: 'team/web:2' })
    const pod = await bench.podUntil('unknown', (each) => waitingReason(each) === 'ImagePullBackOff')
    assert.equal(pod?.status?.phase, 'Pending')
    assert.match((await bench.eventMessages('unknown', 'Failed'))[0] ?? '', /fairlead image add team\/web:2 PATH/)
    await bench.deletePod('unknown', 1)
  })

  test('a well-known image is replaced by the echo server, and the Event says so', async () => {
    await bench.createPod('nginx', { image: 'nginx', ports: [{ containerPort: 8081 }] })
    const pod = await bench.ready('nginx')
    assert.match(
      (await bench.eventMessages('nginx', 'ImageSubstituted'))[0] ?? '',
      /fairlead\/echo answers in its place/,
    )
    await answers(`http://${pod.status?.podIP}:8081/`)
  })

  test('a liveness probe that fails restarts the container', async () => {
    const livenessProbe = { exec: { command: ['/bin/false'] }, periodSeconds: 1, failureThreshold: 1 }
    await bench.createPod('sick', { livenessProbe })
    const pod = await bench.podUntil('sick', (each) => (each.status?.containerStatuses?.[0]?.restartCount ?? 0) > 0)
    assert.equal(pod?.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 0)
    assert.match((await bench.eventMessages('sick', 'Unhealthy'))[0] ?? '', /Liveness probe failed/)
    await bench.deletePod('sick', 1)
  })

  test('a restarted agent takes over its pods and ends those that were deleted meanwhile', async () => {
    await bench.createPod('stays', {})
    await bench.createPod('goes', {})
    const before = await bench.ready('stays')
    await bench.ready('goes')
    await bench.stopAgent()
    await bench.deletePod('goes', 0)
    await bench.startAgent().synced
    const after = await bench.getPod('stays')
    assert.equal(isReady(after), true)
    assert.equal(after.status?.containerStatuses?.[0]?.containerID, before.status?.containerStatuses?.[0]?.containerID)
    assert.equal(after.status?.containerStatuses?.[0]?.restartCount, 0)
    await bench.createPod('new', {})
    assert.notEqual((await bench.ready('new')).status?.podIP, before.status?.podIP)
  })
})

function waitingReason(pod: Pod): string | undefined {
  return pod.status?.containerStatuses?.[0]?.state?.waiting?.reason
}

/** Without a readiness probe a pod is ready before it listens. */
async function answers(url: string): Promise<void> {
  for (;;) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return
  }
}
