import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { isNotFound } from '../../src/kube/api-error.ts'
import { nodes, services } from '../../src/kube/resource.ts'
import { annotation, type CcmBench, endpoint, type Meddle } from './ccm-bench.ts'
import { anyStep, type Edit, type Step } from './convergence-steps.ts'
import { NLB_CLASS, type NlbBench, openNlbBench } from './nlb-bench.ts'

const SERVICES = [0, 1]
/** More reconciles than this must not be needed once nobody interferes any more. */
const ROUNDS = 4
/** Of a listener that people add to an instance that is not theirs. */
const EXTRA_PORT = 7777

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

const idOf = async (name: string) =>
  (await ccm.service(name)).metadata.labels?.['service.k8s.alibaba/loadbalancer-id'] ?? ''

/** Weights of servers by machine, as a Service asks for. */
async function wantedServers(name: string): Promise<Record<string, number>> {
  const { spec } = await ccm.service(name)
  const { items } = await ccm.client.list(nodes)
  const ready = items.filter(({ status }) => status?.conditions?.[0]?.status === 'True')
  const servers: Record<string, number> = {}
  for (const { metadata } of ready) {
    const pods = ccm.endpointsOf(name).filter(({ nodeName }) => nodeName === metadata.name).length
    const weight = spec.externalTrafficPolicy === 'Local' ? pods : 100
    if (weight > 0) servers[ccm.machine(metadata.name)] = weight
  }
  return servers
}

/** A Service has one instance, with one listener and one group, which are as it asks for. */
async function check(name: string, shared?: string): Promise<void> {
  const { spec, status, metadata } = await ccm.service(name)
  const { LoadBalancerId, DNSName } = await nlb.instanceOf(name)
  assert.equal(LoadBalancerId === shared, metadata.annotations?.[annotation('id')] !== undefined)
  assert.equal(status?.loadBalancer?.ingress?.[0]?.hostname, DNSName)
  const { port, nodePort } = spec.ports![0]!
  const idle = Number(metadata.annotations?.[annotation('idle-timeout')] ?? 900)
  const own = (one: { readonly ListenerDescription: string }) => one.ListenerDescription.endsWith(`.${name}.default.c1`)
  const listeners = (await nlb.listenersOf(LoadBalancerId)).filter(own)
  assert.deepEqual(
    listeners.map((one) => [one.ListenerPort, one.ListenerStatus, one.IdleTimeout]),
    [[port, 'Running', idle]],
  )
  const groups = await nlb.groups(name)
  assert.deepEqual(
    groups.map((one) => [one.ServerGroupName, one.ServerGroupId]),
    [[`k8s.${nodePort}.TCP.${name}.default.c1`, listeners[0]!.ServerGroupId]],
  )
  const servers = groups[0]!.servers.map(({ ServerId, Weight }) => [ServerId, Weight])
  assert.deepEqual(Object.fromEntries(servers), await wantedServers(name))
  assert.equal(groups[0]!.Scheduler, metadata.annotations?.[annotation('scheduler')] ?? 'Wrr')
}

interface Shared {
  readonly id: string
  readonly groupId: string
}

/** An instance of people's, with a group and a listener of theirs. */
async function shareInstance(): Promise<Shared> {
  const zones = ['zone-a', 'zone-b'].map((ZoneId) => ({ ZoneId, VSwitchId: ccm.cloud.vSwitch(ZoneId) }))
  const VpcId = ccm.cloud.ids.vpcId
  const { LoadbalancerId: id } = await ccm.askNlb<{ LoadbalancerId: string }>('CreateLoadBalancer', {
    AddressType: 'Intranet',
    LoadBalancerName: 'by-hand',
    VpcId,
    ZoneMappings: zones,
  })
  const group = { ServerGroupName: 'people', VpcId }
  const { ServerGroupId } = await ccm.askNlb<{ ServerGroupId: string }>('CreateServerGroup', group)
  const Servers = [{ ServerType: 'Ecs', ServerId: ccm.machine('node-1'), Port: 9999, Weight: 100 }]
  await ccm.askNlb('AddServersToServerGroup', { ServerGroupId, Servers })
  const listener = { LoadBalancerId: id, ListenerProtocol: 'TCP', ListenerPort: 9000, ServerGroupId }
  await ccm.askNlb('CreateListener', listener)
  return { id, groupId: ServerGroupId }
}

/** Nothing is there but what people made, as they made it; and it goes. */
async function endShared({ id, groupId }: Shared): Promise<void> {
  assert.deepEqual(
    (await nlb.instances()).map(({ LoadBalancerId }) => LoadBalancerId),
    [id],
    'no instance is left behind',
  )
  const [listener, ...others] = await nlb.listenersOf(id)
  assert.deepEqual([listener!.ListenerPort, listener!.ServerGroupId, others], [9000, groupId, []])
  const [group, ...more] = await nlb.groups()
  assert.deepEqual([group!.ServerGroupId, more], [groupId, []], 'no group is left behind')
  assert.deepEqual(
    group!.servers.map(({ Port }) => Port),
    [9999],
  )
  await ccm.askNlb('DeleteListener', { ListenerId: listener!.ListenerId })
  await ccm.askNlb('DeleteLoadBalancer', { LoadBalancerId: id })
  await ccm.askNlb('DeleteServerGroup', { ServerGroupId: groupId })
}

const reusing = ({ id }: Shared) => ({ 'zone-maps': '', id, 'force-override-listeners': 'true' })

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

test('killed after any call on an instance of people, nothing of theirs goes, and nothing of ours stays', async () => {
  const shared = await shareInstance()
  for (let count = 1; count <= 12; count++) {
    const name = `sharing-${count}`
    await nlb.addService({ name, annotations: reusing(shared) })
    await killedSync(name, count)
    await ccm.sync(name)
    await check(name, shared.id)
    await ccm.client.delete(services, { namespace: 'default', name })
    await killedSync(name, count)
    await ccm.sync(name)
    assert.equal(await exists(name), false)
  }
  await endShared(shared)
})

const step = anyStep({
  services: SERVICES,
  annotations: [
    { name: 'chosen' },
    { name: null },
    { scheduler: 'rr' },
    { scheduler: null },
    { 'idle-timeout': '60' },
    { 'idle-timeout': 'nonsense' },
    { 'idle-timeout': null },
    { 'address-type': 'intranet' },
    { 'address-type': null },
    { 'additional-resource-tags': 'a=1,b=2' },
    { 'additional-resource-tags': null },
    { 'connection-drain': 'on', 'connection-drain-timeout': '30' },
    { 'connection-drain': null, 'connection-drain-timeout': null },
  ],
  edits: ['stop listener', 'timeouts', 'delete listener', 'empty group', 'rename', 'delete instance', 'extra listener'],
  longestKill: 12,
})

/** What a run of the state machine works on. */
interface World {
  readonly names: readonly string[]
  readonly shared: Shared
}

async function perform({ names, shared }: World, step: Step): Promise<void> {
  if (step.do === 'faults') {
    ccm.api.meddle = (_, count) => (count % step.every === 0 ? step.kind : 'pass')
    return
  }
  if (step.do === 'node') return setNode(step.node, step.ready)
  const name = names[step.service]!
  if (step.do === 'restart') return ccm.restart()
  if (step.do === 'kill') return killedSync(name, step.after)
  const there = await exists(name)
  if (step.do === 'add' || step.do === 'add reusing') {
    if (there) return
    const annotations = step.do === 'add' ? {} : reusing(shared)
    await nlb.addService({ name, annotations, ports: [{ port: 80 + step.service, targetPort: 8080 }] })
    return
  }
  if (there) await change(name, step, shared)
}

type Change = Exclude<Step, { readonly do: 'faults' | 'node' | 'kill' }>

async function change(name: string, step: Change, shared: Shared): Promise<void> {
  const isBalanced = async () => (await ccm.service(name)).spec.type === 'LoadBalancer'
  switch (step.do) {
    case 'sync':
      await tried(name)
      return
    case 'delete':
      return ccm.client.delete(services, { namespace: 'default', name })
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
      return ccm.patch(name, { spec: { type: 'LoadBalancer', loadBalancerClass: NLB_CLASS } })
    case 'port':
      return ccm.patch(name, { spec: { ports: [{ port: 90 + step.service, targetPort: 8080 }] } })
    case 'annotate':
      return ccm.annotate(name, step.value)
    case 'endpoints':
      return ccm.setEndpoints(
        name,
        step.nodes.map((node, n) => endpoint(`10.244.${node}.${n + 2}`, `node-${node}`)),
      )
    case 'edit':
      return edit(name, step.edit, shared)
    default:
      assert.fail(`No such step: ${step.do}`)
  }
}

async function setNode(node: number, ready: boolean): Promise<void> {
  const body = { status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } }
  await ccm.client.patch(nodes, { name: `node-${node}` }, { type: 'strategic', body }, { subresource: 'status' })
}

/** What a person does at the console to the Service's own instance, if it has one. */
async function edit(name: string, what: Edit, shared: Shared): Promise<void> {
  const LoadBalancerId = await idOf(name)
  const isThere = (await nlb.instances()).some((one) => one.LoadBalancerId === LoadBalancerId)
  if (!isThere || LoadBalancerId === shared.id) return
  const [listener] = await nlb.listenersOf(LoadBalancerId)
  const [group] = await nlb.groups(name)
  if (what === 'delete instance') {
    await ccm.askNlb('UpdateLoadBalancerProtection', { LoadBalancerId, DeletionProtectionEnabled: false })
    await ccm.askNlb('DeleteLoadBalancer', { LoadBalancerId })
    return
  }
  if (what === 'rename') await ccm.askNlb('UpdateLoadBalancerAttribute', { LoadBalancerId, LoadBalancerName: 'edited' })
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
  const extra = { LoadBalancerId, ListenerProtocol: 'TCP', ListenerPort: EXTRA_PORT, ServerGroupId }
  await ccm.askNlb('CreateListener', extra).catch(() => {})
}

/** A person mends what only a person can: instances that are gone, and others' use of groups. */
async function mend(name: string): Promise<void> {
  if (!(await exists(name))) return
  const { metadata } = await ccm.service(name)
  if (metadata.deletionTimestamp === undefined) await ccm.clearStatus(name).catch(() => {})
  for (const { LoadBalancerId } of await nlb.instances()) {
    for (const { ListenerPort, ListenerId } of await nlb.listenersOf(LoadBalancerId)) {
      if (ListenerPort === EXTRA_PORT) await ccm.askNlb('DeleteListener', { ListenerId })
    }
  }
}

/** Nobody interferes any more: it must settle, in few rounds, with nothing left to do. */
async function settle({ names }: World): Promise<void> {
  ccm.api.meddle = () => 'pass'
  for (const name of names) {
    if (!(await exists(name))) continue
    await ccm.annotate(name, { 'idle-timeout': null })
    if (!(await tried(name))) await mend(name)
  }
  for (let round = 1; ; round++) {
    ccm.api.takeCalls()
    const results: boolean[] = []
    for (const name of names) results.push(await tried(name))
    if (results.every(Boolean) && ccm.api.takeWrites().length === 0) return
    assert.ok(round < ROUNDS, 'it does not settle')
  }
}

async function checkAll({ names, shared }: World): Promise<void> {
  const expected = new Set([shared.id])
  for (const name of names) {
    if (!(await exists(name))) continue
    const { spec, metadata } = await ccm.service(name)
    if (spec.type !== 'LoadBalancer') {
      assert.equal(metadata.finalizers, undefined)
      assert.deepEqual(await nlb.groups(name), [])
      continue
    }
    await check(name, shared.id)
    expected.add(await idOf(name))
  }
  const actual = (await nlb.instances()).map(({ LoadBalancerId }) => LoadBalancerId)
  assert.deepEqual(actual.sort(), [...expected].sort(), 'every instance has its Service')
}

test('whatever happens, load balancers end as Services ask for them; nothing leaks, nothing foreign goes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20 }), async (steps) => {
      run++
      ccm.restart()
      const world: World = { names: SERVICES.map((n) => `s${run}-${n}`), shared: await shareInstance() }
      await perform(world, { do: 'add', service: 0 })
      for (const each of steps) await perform(world, each)
      await settle(world)
      await checkAll(world)
      for (const name of world.names) {
        if (!(await exists(name))) continue
        await ccm.client.delete(services, { namespace: 'default', name })
        if (!(await tried(name))) await mend(name)
        await tried(name)
        assert.equal(await exists(name), false)
      }
      await setNode(1, true)
      await setNode(2, true)
      await endShared(world.shared)
    }),
    { numRuns: Number(process.env.FAIRLEAD_RUNS ?? 12), endOnFailure: true },
  )
})
