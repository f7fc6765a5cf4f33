import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { pods } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { isReady } from '../cluster/echo-workload.ts'
import { poll } from '../cluster/poll.ts'
import { type TestCluster, TestHome } from '../cluster/test-cluster.ts'
import { seen } from '../cluster/watch.ts'
import { type Kubectl, openKubectl, unavailable } from '../kubectl/kubectl.ts'

const EXAMPLE = join(dirname(fileURLToPath(import.meta.url)), '../../examples/clickhouse.yaml')
const CLIENT = `{ apiVersion: v1, kind: Pod, metadata: { name: client }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: client, image: fairlead/client }] } }`
const NAMES = ['clickhouse-0', 'clickhouse-1', 'clickhouse-2']

const directory = mkdtempSync(join(tmpdir(), 'fl-set-'))

let home: TestHome
let cluster: TestCluster
let kubectl: Kubectl

before(async () => {
  if (unavailable !== false) return
  home = new TestHome()
  cluster = await home.up({ nodes: 2, args: ['--no-demo'] })
  kubectl = openKubectl({ kubeconfig: cluster.layout.kubeconfig, directory })
  await kubectl.show('apply -f -', `${readFileSync(EXAMPLE, 'utf8')}---\n${CLIENT}\n`)
  await kubectl.show('rollout status statefulset/clickhouse --timeout=90s')
  await kubectl.show('wait --for=condition=Ready pod/client --timeout=60s')
})

after(async () => {
  rmSync(directory, { recursive: true, force: true })
  await home?.[Symbol.asyncDispose]()
})

test('replicas start in order, and each finds those before it by name', { skip: unavailable }, async () => {
  for (const [i, name] of NAMES.entries()) {
    const { stdout } = await kubectl.run(`logs ${name} -c join`)
    const found = NAMES.slice(0, i).map((other) => `${name} found ${other}\n`)
    assert.equal(stdout, found.join(''))
  }
})

test('the name of the Service leads to all replicas, the name of a replica to it alone', {
  skip: unavailable,
}, async () => {
  const replicas = await Promise.all(NAMES.map(replica))
  assert.deepEqual(await addresses('clickhouse'), replicas.map(addressOf).sort())
  for (const [i, name] of NAMES.entries()) {
    assert.deepEqual(await addresses(`${name}.clickhouse`), [addressOf(replicas[i])])
    assert.match(await inClient(`curl -s --max-time 5 http://${name}.clickhouse:8123/`), new RegExp(`"pod":"${name}"`))
  }
  const services = await inClient('dig +short +time=3 _http._tcp.clickhouse.default.svc.cluster.local. SRV')
  const targets = services
    .trim()
    .split('\n')
    .map((line) => line.split(' ').at(-1))
    .sort()
  assert.deepEqual(
    targets,
    NAMES.map((name) => `${name}.clickhouse.default.svc.cluster.local.`),
  )
})

test('a replica that is made anew is found under its old name', { skip: unavailable }, async () => {
  const old = await replica('clickhouse-1')
  await kubectl.show('delete pod clickhouse-1')
  const made = await seen(cluster.client, pods, (all) =>
    all.find(({ metadata }) => metadata.name === 'clickhouse-1' && metadata.uid !== old.metadata.uid && isReadyIn(all)),
  )
  assert.notEqual(addressOf(made), addressOf(old))
  await resolves('clickhouse-1.clickhouse', [addressOf(made)])
  assert.match(await inClient('curl -s --max-time 5 http://clickhouse-1.clickhouse:8123/'), /"pod":"clickhouse-1"/)
})

test('a set that shrinks loses its last name first', { skip: unavailable }, async () => {
  await kubectl.show('scale statefulset clickhouse --replicas=2')
  await seen(cluster.client, pods, (all) =>
    all.some(({ metadata }) => metadata.name === 'clickhouse-2') ? undefined : true,
  )
  const left = await Promise.all(NAMES.slice(0, 2).map(replica))
  await resolves('clickhouse', left.map(addressOf).sort())
  await resolves('clickhouse-2.clickhouse', [])
})

const isReadyIn = (all: readonly Pod[]) =>
  NAMES.every((name) => all.some((pod) => pod.metadata.name === name && isReady(pod)))

function replica(name: string): Promise<Pod> {
  return cluster.client.get(pods, { namespace: 'default', name })
}

function addressOf(pod: Pod | undefined): string {
  return pod?.status?.podIP ?? ''
}

/** What a line of shell prints in the client's pod. */
async function inClient(line: string): Promise<string> {
  return (await kubectl.run('exec -i client -- sh', `${line}\n`)).stdout
}

/** What the resolver of the C library says, as programs ask it. */
async function addresses(name: string): Promise<string[]> {
  const lines = (await inClient(`getent ahostsv4 ${name}`)).split('\n').filter((line) => line.includes('STREAM'))
  return lines.map((line) => line.split(/\s/)[0] ?? '').sort()
}

/** The DNS follows the endpoints, which follow the pods. */
async function resolves(name: string, wanted: readonly string[]): Promise<void> {
  await poll(`${name} to be ${wanted.join(', ')}`, async () => {
    const found = await addresses(name)
    return found.join() === wanted.join() ? true : undefined
  })
}
