import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ApiException, CoreV1Api, type V1Pod, type V1Service } from '@kubernetes/client-node'
import { ApiServerProcess } from './api-server-process.ts'
import { FollowedInformer, tag } from './followed-informer.ts'

const CHANGES = 1_000
const NAMESPACES = ['default', 'red', 'green', 'blue']
const PATIENCE_MS = 60_000

interface Journal {
  /** `namespace/name@version` of every write that the server acknowledged. */
  readonly acknowledged: string[]
  changes: number
}

function service(namespace: string, name: string, change: number): V1Service {
  const spec = { selector: { change: String(change) }, ports: [{ port: 80 }] }
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace, name }, spec }
}

function pod(namespace: string, name: string, change: number): V1Pod {
  const metadata = { namespace, name, labels: { change: String(change) } }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'c', image: 'fairlead/echo' }] } }
}

/** Adds, changes and deletes Services or Pods of one namespace, again and again while the server is away. */
async function write(api: CoreV1Api, namespace: string, journal: Journal): Promise<void> {
  for (let change = 0; change < CHANGES / NAMESPACES.length; change++) {
    const name = `n${change % 9}`
    await untilServed(async () => {
      const stored =
        change % 2 === 0
          ? await writeService(api, namespace, { name, change })
          : await writePod(api, namespace, { name, change })
      if (stored !== undefined) journal.acknowledged.push(stored)
    })
    journal.changes++
  }
}

interface Change {
  readonly name: string
  readonly change: number
}

async function writeService(api: CoreV1Api, namespace: string, { name, change }: Change): Promise<string | undefined> {
  if (change % 7 === 6) return gone(api.deleteNamespacedService({ namespace, name }))
  const body = service(namespace, name, change)
  const created = await unless(409, api.createNamespacedService({ namespace, body }))
  if (created !== undefined) return `Service ${tag(created)}`
  const present = await api.readNamespacedService({ namespace, name })
  present.spec = { ...present.spec, selector: { change: String(change) } }
  return `Service ${tag(await api.replaceNamespacedService({ namespace, name, body: present }))}`
}

async function writePod(api: CoreV1Api, namespace: string, { name, change }: Change): Promise<string | undefined> {
  if (change % 5 === 4) return gone(api.deleteNamespacedPod({ namespace, name }))
  const created = await unless(409, api.createNamespacedPod({ namespace, body: pod(namespace, name, change) }))
  if (created !== undefined) return `Pod ${tag(created)}`
  const present = await api.readNamespacedPod({ namespace, name })
  present.metadata = { ...present.metadata, labels: { change: String(change) } }
  return `Pod ${tag(await api.replaceNamespacedPod({ namespace, name, body: present }))}`
}

async function gone(deletion: Promise<unknown>): Promise<undefined> {
  await unless(404, deletion)
  return undefined
}

async function unless<T>(code: number, answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiException && error.code === code) return undefined
    throw error
  }
}

/** What the server refuses is a failure; that it is away is not. */
async function untilServed(action: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (error instanceof ApiException) throw error
      await sleep(5)
    }
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = AbortSignal.timeout(PATIENCE_MS)
  while (!holds()) {
    if (end.aborted) throw new Error(`Waited for ${what} in vain`)
    await sleep(5)
  }
}

function followBoth(server: ApiServerProcess) {
  const config = server.kubeConfig()
  const api = config.makeApiClient(CoreV1Api)
  const services = new FollowedInformer<V1Service>(config, {
    path: '/api/v1/services',
    list: () => api.listServiceForAllNamespaces(),
  })
  const pods = new FollowedInformer<V1Pod>(config, { path: '/api/v1/pods', list: () => api.listPodForAllNamespaces() })
  return {
    api,
    services,
    pods,
    async [Symbol.asyncDispose]() {
      await Promise.all([services[Symbol.asyncDispose](), pods[Symbol.asyncDispose]()])
    },
  }
}

test('informers of @kubernetes/client-node miss, repeat and reorder nothing while the server is killed and comes back', async () => {
  await using server = await ApiServerProcess.start()
  await using both = followBoth(server)
  const { api, services, pods } = both
  for (const name of NAMESPACES.slice(1)) await api.createNamespace({ body: { metadata: { name } } })
  await Promise.all([services.start(), pods.start()])
  const journal: Journal = { acknowledged: [], changes: 0 }
  const writers = Promise.all(NAMESPACES.map((namespace) => write(api, namespace, journal)))
  for (const share of [0.3, 0.6]) {
    await until('writes', () => journal.changes > CHANGES * share)
    await server.kill()
    await server.start()
  }
  await writers
  await endsAs({ api, services, pods }, 'last')
  assert.deepEqual([...services.problems, ...pods.problems], [])
  // The server kept its history, so that the informers went on where they were: nothing may be missing.
  assert.deepEqual([services.lists, pods.lists], [1, 1])
  const seen = { Service: services.seen, Pod: pods.seen }
  const missed = journal.acknowledged.filter((text) => {
    const [kind, version = ''] = text.split(' ')
    return !seen[kind as keyof typeof seen].has(version)
  })
  assert.deepEqual(missed, [])
  assert.ok(journal.acknowledged.length > CHANGES / 2)
  assert.equal(journal.changes, CHANGES)
})

test('informers of @kubernetes/client-node whose version is forgotten list again, and learn what they missed', async () => {
  await using server = await ApiServerProcess.start()
  await using both = followBoth(server)
  const { api, services, pods } = both
  const namespace = 'default'
  for (const name of ['stays', 'goes']) {
    await api.createNamespacedPod({ namespace, body: pod(namespace, name, 0) })
  }
  await Promise.all([services.start(), pods.start()])
  await until('the pods', () => pods.has('default/goes'))
  const away = [services.stayAway(), pods.stayAway()]
  await server.kill()
  await server.start()
  const other = server.kubeConfig().makeApiClient(CoreV1Api)
  await writePod(other, namespace, { name: 'stays', change: 1 })
  await other.deleteNamespacedPod({ namespace, name: 'goes' })
  await other.createNamespacedPod({ namespace, body: pod(namespace, 'comes', 0) })
  await other.createNamespacedService({ namespace, body: service(namespace, 'comes', 0) })
  await server.forgetHistory()
  for (const comeBack of away) comeBack()
  await endsAs({ api: other, services, pods }, 'last')
  assert.deepEqual([services.lists, pods.lists], [2, 2])
  assert.deepEqual([...services.problems, ...pods.problems], [])
  assert.ok([...pods.seen].some((text) => text.startsWith('-default/goes@')))
})

/** Waits until the informers have seen all, and compares what they hold with what there is. */
async function endsAs(
  { api, services, pods }: Pick<ReturnType<typeof followBoth>, 'api' | 'services' | 'pods'>,
  name: string,
): Promise<void> {
  const namespace = 'default'
  await api.createNamespacedService({ namespace, body: service(namespace, name, 0) })
  await api.createNamespacedPod({ namespace, body: pod(namespace, name, 0) })
  await until('the last changes', () => services.has(`${namespace}/${name}`) && pods.has(`${namespace}/${name}`))
  const present = await Promise.all([api.listServiceForAllNamespaces(), api.listPodForAllNamespaces()])
  const [allServices, allPods] = present.map(({ items }) => items.map(tag).sort())
  assert.deepEqual(services.held(), allServices)
  assert.deepEqual(pods.held(), allPods)
}
