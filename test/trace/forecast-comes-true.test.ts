/** What `whatif` says of a change is what is found, and what packets do, when the change was really made. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { openTraceSite } from '../../src/cluster/trace-site.ts'
import { deployments, services } from '../../src/kube/resource.ts'
import { gatherKernelFacts, peopleAround } from '../../src/trace/kernel-facts.ts'
import { fork } from '../../src/trace/what-if/change.ts'
import { reachOf } from '../../src/trace/what-if/reach.ts'
import { type Atlas, atlasOf } from '../../src/trace/world.ts'
import { poll } from '../cluster/poll.ts'
import { type TestCluster, TestHome } from '../cluster/test-cluster.ts'

const SERVICE = { namespace: 'default', name: 'web-lb' }
/** Asked by a packet after each change: from whom, which address of the Service, and the forecast's client. */
const ASKED = [
  ['internet', 'load balancer', 'internet'],
  ['node-1', 'ClusterIP', 'node-1'],
] as const

/** A change in whatif's words, and as it is really made. */
const CHANGES: readonly (readonly [word: string, spec: object])[] = [
  ['replicas=4', {}],
  ['externalTrafficPolicy=Local', { externalTrafficPolicy: 'Local' }],
  ['internalTrafficPolicy=Local', { internalTrafficPolicy: 'Local' }],
  ['internalTrafficPolicy=Cluster', { internalTrafficPolicy: 'Cluster' }],
  ['externalTrafficPolicy=Cluster', { externalTrafficPolicy: 'Cluster' }],
  ['sessionAffinity=ClientIP', { sessionAffinity: 'ClientIP' }],
  ['trafficDistribution=PreferSameNode', { trafficDistribution: 'PreferSameNode' }],
  ['loadBalancerSourceRanges=10.99.0.0/16', { loadBalancerSourceRanges: ['10.99.0.0/16'] }],
  ['loadBalancerSourceRanges=', { loadBalancerSourceRanges: [] }],
  ['externalIPs=203.0.113.200', { externalIPs: ['203.0.113.200'] }],
  ['targetPort=81', { ports: [{ port: 80, targetPort: 81 }] }],
  ['targetPort=http', { ports: [{ port: 80, targetPort: 'http' }] }],
  ['selector.app=nobody', { selector: { app: 'nobody' } }],
  ['publishNotReadyAddresses=true', { publishNotReadyAddresses: true }],
  ['selector.app=web', { selector: { app: 'web' } }],
  ['type=NodePort', { type: 'NodePort' }],
  ['type=ClusterIP', { type: 'ClusterIP' }],
]

interface Told {
  readonly verdict: string
  readonly confirmation: { readonly sent: boolean; readonly differences: readonly string[] }
}

test('every field that whatif knows: forecast, then changed, then found and tried', async () => {
  await using home = new TestHome()
  const cluster = await home.up({ args: [] })
  await cluster.command.printed(/LoadBalancer web-lb/)
  for (const [word, spec] of CHANGES) {
    const wanted = await forecast(home, cluster, word)
    if (word.startsWith('replicas=')) await scale(cluster, Number(word.split('=')[1]))
    else await cluster.client.patch(services, SERVICE, { type: 'merge', body: { spec } })
    let found: Reach = new Map()
    await poll(word, async () => {
      found = reachIn(await worldOf(home, cluster), word)
      return isDeepStrictEqual(found, wanted) ? true : undefined
    }).catch(() => assert.deepEqual(found, wanted, word))
    for (const [from, address, client] of ASKED) {
      const verdict = wanted.get(`${client} -> ${address}`)?.verdict
      if (verdict !== undefined) await agrees(home, cluster, { from, address, verdict, word })
    }
  }
  cluster.command.kill('SIGINT')
  await cluster.command.ended()
})

type Reach = ReadonlyMap<
  string,
  { readonly verdict: string; readonly sources: readonly string[]; readonly pods: object }
>

/** Which new pods come, and which go, is nobody's to say: of replicas it is how many share. */
function reachIn(atlas: Atlas, word: string, service = serviceIn(atlas)): Reach {
  const podsOf = (shares: ReadonlyMap<string, number>) =>
    word.startsWith('replicas=') ? { count: shares.size } : Object.fromEntries([...shares].sort())
  return new Map(
    reachOf(service, atlas).map(({ client, address, verdict, sources, shares }) => [
      `${client} -> ${address}`,
      { verdict, sources, pods: podsOf(shares) },
    ]),
  )
}

async function forecast(home: TestHome, cluster: TestCluster, word: string): Promise<Reach> {
  const before = await worldOf(home, cluster)
  const { after, service } = fork(before, serviceIn(before), [word])
  return reachIn(after, word, service)
}

async function worldOf({ roots }: TestHome, { name }: TestCluster): Promise<Atlas> {
  const { world, doors = assert.fail('the cluster is here') } = await openTraceSite({ name, roots })
  const atlas = atlasOf(world)
  return { ...atlas, kernel: gatherKernelFacts(doors, peopleAround(SERVICE.namespace, atlas)) }
}

function serviceIn({ objects }: Atlas) {
  const isIt = ({ metadata: { name, namespace } }: (typeof objects.services)[number]) =>
    name === SERVICE.name && namespace === SERVICE.namespace
  return objects.services.find(isIt) ?? assert.fail(`there is no Service ${SERVICE.name}`)
}

async function scale({ client }: TestCluster, replicas: number): Promise<void> {
  const key = { namespace: 'default', name: 'web' }
  await client.patch(deployments, key, { type: 'merge', body: { spec: { replicas } } })
}

interface Trial {
  readonly from: string
  readonly address: string
  readonly verdict: string
  readonly word: string
}

/** The kernel and the cloud take up a change after the API has it: a packet is sent until they did. */
async function agrees(home: TestHome, cluster: TestCluster, { from, address, verdict, word }: Trial): Promise<void> {
  const { spec, status } = await cluster.client.get(services, SERVICE)
  const host = address === 'ClusterIP' ? spec.clusterIP : status?.loadBalancer?.ingress?.[0]?.ip
  let last = ''
  await poll(`${word}: ${from} -> ${host}`, async () => {
    last = (await home.run('trace', '--name', cluster.name, '-o', 'json', from, `${host}:80`)).stdout
    const told = JSON.parse(last) as Told
    const { sent, differences } = told.confirmation
    return told.verdict === verdict && sent && differences.length === 0 ? true : undefined
  }).catch((error: Error) =>
    assert.fail(`${error.message}, wanted: ${verdict}: ${last.replaceAll(/\s+/g, ' ').slice(0, 1500)}`),
  )
}
