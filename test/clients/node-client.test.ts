import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import {
  ApiException,
  AppsV1Api,
  CoreV1Api,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Status,
  Watch,
} from '@kubernetes/client-node'
import { startTrafficCluster, type TrafficCluster } from '../traffic/traffic-cluster.ts'

const POD = `
apiVersion: v1
kind: Pod
metadata: { name: talk }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: talk
      image: fairlead/client
      command: [/bin/sh, -c, 'echo ready; exec sleep 1000']
---
apiVersion: v1
kind: Pod
metadata: { name: echo }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: echo, image: fairlead/echo, ports: [{ containerPort: 8080 }] }]
`
const namespace = 'default'

describe('what @kubernetes/client-node does', () => {
  let cluster: TrafficCluster
  let config: KubeConfig
  let api: CoreV1Api
  before(async () => {
    cluster = await startTrafficCluster({ nodes: 1 })
    config = new KubeConfig()
    config.loadFromFile(cluster.cluster.layout.kubeconfig)
    api = config.makeApiClient(CoreV1Api)
    await cluster.apply(POD)
  })
  after(() => cluster?.[Symbol.asyncDispose]())

  test('lists by pages, selects, and gets objects with dates and numbers', async () => {
    for (const name of ['a', 'b', 'c']) {
      await api.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { set: 'x' } } } })
    }
    const first = await api.listNamespacedConfigMap({ namespace, labelSelector: 'set=x', limit: 2 })
    const rest = await api.listNamespacedConfigMap({
      namespace,
      labelSelector: 'set=x',
      limit: 2,
      _continue: first.metadata?._continue ?? '',
    })
    assert.deepEqual(
      [...first.items, ...rest.items].map(({ metadata }) => metadata?.name),
      ['a', 'b', 'c'],
    )
    assert.equal(rest.metadata?._continue, undefined)
    assert.ok(first.items[0]?.metadata?.creationTimestamp instanceof Date)
    const byField = await api.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=b' })
    assert.equal(byField.items.length, 1)
  })

  test('watches, with bookmarks asked for, until it has had enough', async () => {
    const seen: string[] = []
    const { metadata } = await api.listNamespacedConfigMap({ namespace })
    const query = {
      resourceVersion: metadata?.resourceVersion,
      allowWatchBookmarks: true,
      fieldSelector: 'metadata.name=w',
    }
    let finish = () => {}
    const ended = new Promise<void>((resolve) => (finish = resolve))
    const request = await new Watch(config).watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      query,
      (phase: string) => {
        seen.push(phase)
        if (phase === 'DELETED') request.abort()
      },
      () => finish(),
    )
    await api.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'w' } } })
    await api.replaceNamespacedConfigMap({ namespace, name: 'w', body: { metadata: { name: 'w' }, data: { a: 'b' } } })
    await api.deleteNamespacedConfigMap({ namespace, name: 'w' })
    await ended
    assert.deepEqual(seen, ['ADDED', 'MODIFIED', 'DELETED'])
  })

  test('patches in every way there is', async () => {
    const name = 'patched'
    await api.createNamespacedConfigMap({ namespace, body: { metadata: { name }, data: { kept: '1' } } })
    const patch = (strategy: PatchStrategy, body: unknown, fieldManager?: string) =>
      api.patchNamespacedConfigMap(
        { namespace, name, body, ...(fieldManager === undefined ? {} : { fieldManager }) },
        setHeaderOptions('Content-Type', strategy),
      )
    await patch(PatchStrategy.JsonPatch, [{ op: 'add', path: '/data/json', value: '2' }])
    await patch(PatchStrategy.MergePatch, { data: { merged: '3' } })
    await patch(PatchStrategy.StrategicMergePatch, { metadata: { labels: { strategic: '4' } } })
    const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { applied: '5' } }
    const stored = await patch(PatchStrategy.ServerSideApply, applied, 'node-client')
    assert.deepEqual(stored.data, { kept: '1', json: '2', merged: '3', applied: '5' })
    assert.equal(stored.metadata?.labels?.strategic, '4')
    const managers = stored.metadata?.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`)
    assert.ok(managers?.includes('node-client Apply'), String(managers))
    const disputed = { ...applied, data: { applied: 'other' } }
    await assert.rejects(
      patch(PatchStrategy.ServerSideApply, disputed, 'somebody-else'),
      (error: ApiException<string>) => {
        assert.equal(error.code, 409)
        assert.match(error.body, /conflict with \\"node-client\\": \.data\.applied/)
        return true
      },
    )
  })

  test('finds kinds by discovery, and applies, reads and deletes whatever it is given', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config)
    const spec: V1ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'any', namespace },
      data: { a: 'b' },
    }
    const applied = await objects.patch(spec, undefined, undefined, 'me', true, PatchStrategy.ServerSideApply)
    assert.deepEqual(applied.data, { a: 'b' })
    const list = await objects.list('apps/v1', 'Deployment', 'kube-system')
    assert.ok(list.items.length >= 0)
    const dry = await objects.create({ ...spec, metadata: { name: 'dry', namespace } }, undefined, 'All')
    assert.equal(dry.metadata?.name, 'dry')
    await assert.rejects(objects.read({ ...spec, metadata: { name: 'dry', namespace } }), { code: 404 })
    await objects.delete(spec)
    await assert.rejects(objects.read({ ...spec, metadata: { name: 'any', namespace } }), { code: 404 })
  })

  test('scales a deployment', async () => {
    const apps = config.makeApiClient(AppsV1Api)
    const template = {
      metadata: { labels: { app: 's' } },
      spec: { containers: [{ name: 'c', image: 'fairlead/echo' }] },
    }
    const body = { metadata: { name: 's' }, spec: { replicas: 0, selector: { matchLabels: { app: 's' } }, template } }
    await apps.createNamespacedDeployment({ namespace, body })
    const scale = await apps.readNamespacedDeploymentScale({ namespace, name: 's' })
    assert.equal(scale.spec?.replicas ?? 0, 0)
    // A replacement would lose against the controller that writes the status at the same time.
    await apps.patchNamespacedDeploymentScale(
      { namespace, name: 's', body: { spec: { replicas: 1 } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    )
    assert.equal((await apps.readNamespacedDeployment({ namespace, name: 's' })).spec?.replicas, 1)
    await apps.deleteNamespacedDeployment({ namespace, name: 's' })
  })

  test('runs commands in a pod, with input, output and exit codes', async () => {
    await cluster.readyPod('talk')
    const run = async (command: string[], input?: string) => {
      const out = new Collected()
      const err = new Collected()
      const stdin = input === undefined ? null : new PassThrough().end(input)
      const status = await new Promise<V1Status>((resolve, reject) => {
        new Exec(config).exec(namespace, 'talk', 'talk', command, out, err, stdin, false, resolve).catch(reject)
      })
      return { status, out: out.text, err: err.text }
    }
    assert.deepEqual(
      await run(['/bin/sh', '-c', 'echo out; echo err >&2']).then(({ out, err, status }) => [out, err, status.status]),
      ['out\n', 'err\n', 'Success'],
    )
    const failed = await run(['/bin/sh', '-c', 'exit 7'])
    assert.equal(failed.status.reason, 'NonZeroExitCode')
    assert.deepEqual(failed.status.details?.causes?.[0], { reason: 'ExitCode', message: '7' })
    assert.equal((await run(['/bin/sh', '-c', 'read line; echo "got $line"'], 'word\n')).out, 'got word\n')
  })

  test('reads logs, and reaches a port of a pod', async () => {
    await cluster.readyPod('echo')
    const log = new Collected()
    const finished = new Promise((resolve) => log.once('finish', resolve))
    await new Log(config).log(namespace, 'talk', 'talk', log, { tailLines: 5 })
    await finished
    assert.equal(log.text, 'ready\n')
    const answer = new Collected()
    // This client ends the whole connection with its input.
    const request = new PassThrough()
    request.write('GET / HTTP/1.1\r\nHost: echo\r\nConnection: close\r\n\r\n')
    const socket = await new PortForward(config).portForward(namespace, 'echo', [8080], answer, null, request)
    assert.ok(typeof socket === 'object')
    await new Promise((resolve) => socket.on('close', resolve))
    assert.match(answer.text, /^HTTP\/1\.1 200 OK\r\n/)
    const errors = new Collected()
    const none = await new PortForward(config).portForward(
      namespace,
      'echo',
      [9],
      new Collected(),
      errors,
      new PassThrough(),
    )
    assert.ok(typeof none === 'object')
    await new Promise((resolve) => none.on('close', resolve))
    assert.match(errors.text, /^error forwarding port 9 to pod echo: failed to connect to localhost:9: /)
  })

  test('gets a Status with reason and details for what is refused', async () => {
    const refused = async (call: Promise<unknown>): Promise<V1Status> => {
      const error = await call.then(
        () => assert.fail('it was accepted'),
        (each: unknown) => each as ApiException<string>,
      )
      assert.ok(error instanceof ApiException)
      return JSON.parse(error.body) as V1Status
    }
    const missing = await refused(api.readNamespacedPod({ namespace, name: 'nobody' }))
    assert.deepEqual([missing.code, missing.reason, missing.details?.name], [404, 'NotFound', 'nobody'])
    const invalid = await refused(
      api.createNamespacedService({ namespace, body: { metadata: { name: 'x' }, spec: { ports: [{ port: 0 }] } } }),
    )
    assert.deepEqual([invalid.code, invalid.reason], [422, 'Invalid'])
    assert.equal(invalid.details?.causes?.[0]?.field, 'spec.ports[0].port')
  })
})

/** Keeps what is written to it. */
class Collected extends Writable {
  text = ''

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}
