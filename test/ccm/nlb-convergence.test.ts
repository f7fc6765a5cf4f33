import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { isNotFound } from '../../src/kube/api-error.ts'
import { services } from '../../src/kube/resource.ts'
import { type CcmBench, endpoint, type Meddle } from './ccm-bench.ts'
import { type NlbBench, openNlbBench } from './nlb-bench.ts'

/** More reconciles than this must not be needed once nobody interferes any more. */
const ROUNDS = 4

let nlb: NlbBench
let ccm: CcmBench
let run = 0

before(async () => {
  nlb = await openNlbBench({ driftPeriodMs: 0 })
  ccm = nlb.ccm
  await ccm.addNode('node-1')
  await ccm.addNode('node-2')
})
after(() => nlb[Symbol.asyncDispose]())

/** The program ends after a call: nothing of it goes on. */
function killAfter(count: number): Meddle {
  let seen = 0
  return () => {
    seen++
    if (seen > count) return 'refuse'
    return seen < count ? 'pass' : 'kill'
  }
}

async function tried(name: string): Promise<boolean> {
  return ccm.sync(name).then(
    () => true,
    () => false,
  )
}

/** What is told to end ends after so many calls; then the program starts anew. */
async function killedSync(name: string, count: number): Promise<void> {
  ccm.api.meddle = killAfter(count)
  await tried(name)
  ccm.api.meddle = () => 'pass'
  ccm.restart()
}

async function exists(name: string): Promise<boolean> {
  return ccm.service(name).then(
    () => true,
    (error) => {
      if (isNotFound(error)) return false
      throw error
    },
  )
}

/** A Service has one instance, which is as it asks for. */
async function check(name: string): Promise<void> {
  const { spec, status } = await ccm.service(name)
  const { LoadBalancerId, DNSName } = await nlb.instanceOf(name)
  assert.equal(status?.loadBalancer?.ingress?.[0]?.hostname, DNSName)
  const { port, nodePort } = spec.ports![0]!
  const listeners = (await nlb.listenersOf(LoadBalancerId)).filter(({ ListenerPort }) => ListenerPort !== 7777)
  assert.deepEqual(
    listeners.map((one) => [one.ListenerPort, one.ListenerStatus, one.IdleTimeout]),
    [[port, 'Running', 900]],
  )
  const groups = await nlb.groups(name)
  assert.deepEqual(
    groups.map((one) => [one.ServerGroupName, one.ServerGroupId]),
    [[`k8s.${nodePort}.TCP.${name}.default.c1`, listeners[0]!.ServerGroupId]],
  )
  const wanted =
    spec.externalTrafficPolicy === 'Local'
      ? [ccm.machine('node-1')]
      : ['node-1', 'node-2'].map((node) => ccm.machine(node))
  assert.deepEqual(groups[0]!.servers.map(({ ServerId }) => ServerId).sort(), wanted.sort())
}

async function nothingIsLeft(): Promise<void> {
  assert.deepEqual([await nlb.instances(), await nlb.groups()], [[], []])
}

test('killed after any call, the next run finishes the work with one instance; and so does the clean-up', async () => {
  for (let count = 1; count <= 12; count++) {
    const name = `killed-${count}`
    await nlb.addService({ name })
    await killedSync(name, count)
    await ccm.sync(name)
    assert.equal((await nlb.instances()).length, 1, `killed after call ${count}`)
    await check(name)
    await ccm.client.delete(services, { namespace: 'default', name })
    await killedSync(name, count)
    await ccm.sync(name)
    await nothingIsLeft()
    assert.equal(await exists(name), false)
  }
})

type Edit = 'stop listener' | 'timeouts' | 'delete listener' | 'empty group' | 'rename' | 'extra listener'
type Step =
  | { readonly do: 'sync' | 'local' | 'cluster' | 'cluster ip' | 'balance' | 'port' | 'restart' }
  | { readonly do: 'edit'; readonly edit: Edit }
  | { readonly do: 'faults'; readonly every: number; readonly kind: 'refuse' | 'lose' }
  | { readonly do: 'kill'; readonly after: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('sync', 'sync', 'local', 'cluster', 'cluster ip', 'balance', 'port', 'restart'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('edit' as const),
      edit: fc.constantFrom<Edit>(
        'stop listener',
        'timeouts',
        'delete listener',
        'empty group',
        'rename',
        'extra listener',
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('faults' as const),
      every: fc.integer({ min: 2, max: 7 }),
      kind: fc.constantFrom('refuse' as const, 'lose' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), after: fc.integer({ min: 1, max: 12 }) }) },
)

async function perform(name: string, step: Step): Promise<void> {
  const isBalanced = async () => (await ccm.service(name)).spec.type === 'LoadBalancer'
  switch (step.do) {
    case 'sync':
      await tried(name)
      return
    case 'restart':
      return ccm.restart()
    case 'faults':
      ccm.api.meddle = (_, count) => (count % step.every === 0 ? step.kind : 'pass')
      return
    case 'kill':
      return killedSync(name, step.after)
    case 'local':
    case 'cluster':
      if (!(await isBalanced())) return
      return ccm.patch(name, { spec: { externalTrafficPolicy: step.do === 'local' ? 'Local' : 'Cluster' } })
    case 'cluster ip':
      return ccm.patch(name, {
        spec: {
          type: 'ClusterIP',
          loadBalancerClass: null,
          externalTrafficPolicy: null,
          allocateLoadBalancerNodePorts: null,
        },
      })
    case 'balance':
      if (await isBalanced()) return
      return ccm.patch(name, { spec: { type: 'LoadBalancer', loadBalancerClass: 'alibabacloud.com/nlb' } })
    case 'port':
      return ccm.patch(name, { spec: { ports: [{ port: 90, targetPort: 8080 }] } })
    case 'edit':
      return edit(name, step.edit)
    default:
      return step satisfies never
  }
}

/** What a person does at the console to the Service's instance, if it has one. */
async function edit(name: string, what: Edit): Promise<void> {
  const id = (await ccm.service(name)).metadata.labels?.['service.k8s.alibaba/loadbalancer-id']
  if (id === undefined) return
  const [listener] = await nlb.listenersOf(id)
  const [group] = await nlb.groups(name)
  if (what === 'rename')
    await ccm.askNlb('UpdateLoadBalancerAttribute', { LoadBalancerId: id, LoadBalancerName: 'edited' })
  if (what === 'empty group' && group !== undefined && group.servers.length > 0) {
    await ccm.askNlb('RemoveServersFromServerGroup', { ServerGroupId: group.ServerGroupId, Servers: group.servers })
  }
  if (listener === undefined) return
  const { ListenerId, ServerGroupId } = listener
  if (what === 'stop listener' && listener.ListenerStatus === 'Running')
    await ccm.askNlb('StopListener', { ListenerId })
  if (what === 'delete listener') await ccm.askNlb('DeleteListener', { ListenerId })
  if (what === 'timeouts') await ccm.askNlb('UpdateListenerAttribute', { ListenerId, IdleTimeout: 33 })
  if (what !== 'extra listener') return
  const extra = { LoadBalancerId: id, ListenerProtocol: 'TCP', ListenerPort: 7777, ServerGroupId }
  await ccm.askNlb('CreateListener', extra).catch(() => {})
}

/** A listener of people's keeps a group that is no longer wanted: they take it away. */
async function removeExtra(): Promise<void> {
  for (const { LoadBalancerId } of await nlb.instances()) {
    for (const { ListenerPort, ListenerId } of await nlb.listenersOf(LoadBalancerId)) {
      if (ListenerPort === 7777) await ccm.askNlb('DeleteListener', { ListenerId })
    }
  }
}

test('whatever happens, a load balancer ends as its Service asks for it, and nothing leaks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20 }), async (steps) => {
      const name = `s${++run}`
      ccm.restart()
      await nlb.addService({ name })
      await ccm.setEndpoints(name, [endpoint('10.244.1.2', 'node-1')])
      for (const each of steps) await perform(name, each)
      ccm.api.meddle = () => 'pass'
      if (!(await tried(name))) await removeExtra()
      for (let round = 1; ; round++) {
        ccm.api.takeCalls()
        if ((await tried(name)) && ccm.api.takeWrites().length === 0) break
        assert.ok(round < ROUNDS, 'it does not settle')
      }
      const { spec, metadata } = await ccm.service(name)
      if (spec.type === 'LoadBalancer') await check(name)
      else {
        assert.equal(metadata.finalizers, undefined)
        await nothingIsLeft()
      }
      await ccm.client.delete(services, { namespace: 'default', name })
      await tried(name)
      await nothingIsLeft()
    }),
    { numRuns: Number(process.env.FAIRLEAD_RUNS ?? 12), endOnFailure: true },
  )
})
