import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { isNotFound } from '../../src/kube/api-error.ts'
import { nodes, services } from '../../src/kube/resource.ts'
import { annotation, type CcmBench, endpoint, type Meddle, openCcmBench } from './ccm-bench.ts'
import { anyStep, type Edit, type Step } from './convergence-steps.ts'

const SERVICES = [0, 1, 2]
/** More reconciles than this must not be needed once nobody interferes any more. */
const ROUNDS = 4

let ccm: CcmBench
let run = 0

before(async () => {
  ccm = await openCcmBench({ driftPeriodMs: 0 })
  await ccm.addNode('node-1')
  await ccm.addNode('node-2')
})
after(() => ccm[Symbol.asyncDispose]())

const step = anyStep({
  services: SERVICES,
  annotations: [
    { name: 'chosen' },
    { name: null },
    { scheduler: 'wrr' },
    { scheduler: null },
    { 'established-timeout': '60' },
    { 'established-timeout': 'nonsense' },
    { 'established-timeout': null },
    { 'delete-protection': 'off' },
    { 'additional-resource-tags': 'a=1,b=2' },
    { 'additional-resource-tags': null },
    { 'protocol-port': 'http:80' },
    { 'protocol-port': null },
    { 'remove-unscheduled-backend': 'on' },
  ],
  edits: [
    'stop listener',
    'timeouts',
    'delete listener',
    'empty group',
    'rename',
    'untag cluster',
    'delete instance',
    'extra listener',
  ],
  longestKill: 9,
})

/** The program ends after (or, every second time, just before) a call: nothing of it goes on. */
function killAfter(count: number): Meddle {
  let seen = 0
  return () => {
    seen++
    if (seen > count) return 'refuse'
    return seen < count ? 'pass' : 'kill'
  }
}

class World {
  readonly names = SERVICES.map((n) => `s${run}-${n}`)
  readonly shared: string
  readonly sharedGroup: string

  constructor(shared: string, sharedGroup: string) {
    this.shared = shared
    this.sharedGroup = sharedGroup
  }

  async sync(name: string): Promise<boolean> {
    return ccm.sync(name).then(
      () => true,
      () => false,
    )
  }

  async exists(name: string): Promise<boolean> {
    return ccm.service(name).then(
      () => true,
      (error) => {
        if (isNotFound(error)) return false
        throw error
      },
    )
  }

  async perform(step: Step): Promise<void> {
    if (step.do === 'faults') {
      ccm.api.meddle = (_, count) => (count % step.every === 0 ? step.kind : 'pass')
      return
    }
    if (step.do === 'node') return this.setNode(step.node, step.ready)
    const name = this.names[step.service]!
    if (step.do === 'restart') return ccm.restart()
    if (step.do === 'kill') {
      ccm.api.meddle = killAfter(step.after)
      await this.sync(name)
      ccm.api.meddle = () => 'pass'
      return ccm.restart()
    }
    const there = await this.exists(name)
    if (step.do === 'add' || step.do === 'add reusing') {
      if (there) return
      const annotations = step.do === 'add' ? {} : { id: this.shared, 'force-override-listeners': 'true' }
      await ccm.addService({ name, annotations, ports: [{ port: 80 + step.service, targetPort: 8080 }] })
      return
    }
    if (!there) return
    switch (step.do) {
      case 'sync':
        await this.sync(name)
        return
      case 'delete':
        return ccm.client.delete(services, { namespace: 'default', name })
      case 'local':
      case 'cluster':
        return this.ofType(name, () =>
          ccm.patch(name, { spec: { externalTrafficPolicy: step.do === 'local' ? 'Local' : 'Cluster' } }),
        )
      case 'cluster ip':
        return ccm.patch(name, {
          spec: { type: 'ClusterIP', externalTrafficPolicy: null, allocateLoadBalancerNodePorts: null },
        })
      case 'balance':
        return ccm.patch(name, { spec: { type: 'LoadBalancer' } })
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
        return this.edit(name, step.edit)
      default:
        assert.fail(`No such step: ${step.do}`)
    }
  }

  async ofType(name: string, act: () => Promise<void>): Promise<void> {
    if ((await ccm.service(name)).spec.type === 'LoadBalancer') await act()
  }

  async setNode(node: number, ready: boolean): Promise<void> {
    const body = { status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } }
    await ccm.client.patch(nodes, { name: `node-${node}` }, { type: 'strategic', body }, { subresource: 'status' })
  }

  /** What a person does at the console to the Service's instance, if it has one. */
  async edit(name: string, edit: Edit): Promise<void> {
    const id = (await ccm.service(name)).metadata.labels?.['service.k8s.alibaba/loadbalancer-id']
    const instance = (await ccm.instances()).find((one) => one.LoadBalancerId === id)
    if (id === undefined || instance === undefined || id === this.shared) return
    const [listener] = await ccm.listenersOf(id)
    const place = { LoadBalancerId: id, ListenerPort: listener?.ListenerPort }
    const [group] = await ccm.groupsOf(id)
    if (edit === 'delete instance') {
      await ccm.ask('SetLoadBalancerDeleteProtection', { LoadBalancerId: id, DeleteProtection: 'off' })
      await ccm.ask('DeleteLoadBalancer', { LoadBalancerId: id })
    }
    if (edit === 'rename') await ccm.ask('SetLoadBalancerName', { LoadBalancerId: id, LoadBalancerName: 'edited' })
    if (edit === 'untag cluster') {
      await ccm.ask('UntagResources', { ResourceType: 'instance', ResourceId: [id], TagKey: ['ack.aliyun.com'] })
    }
    if (group !== undefined && group.servers.length > 0 && edit === 'empty group') {
      const BackendServers = JSON.stringify(group.servers)
      await ccm.ask('RemoveVServerGroupBackendServers', { VServerGroupId: group.id, BackendServers })
    }
    if (listener === undefined) return
    if (edit === 'stop listener') await ccm.ask('StopLoadBalancerListener', place)
    if (edit === 'delete listener') await ccm.ask('DeleteLoadBalancerListener', place)
    if (edit === 'timeouts' && listener.ListenerProtocol === 'tcp') {
      await ccm.ask('SetLoadBalancerTCPListenerAttribute', { ...place, EstablishedTimeout: 33 })
    }
    if (edit === 'extra listener') {
      const { VServerGroupId } = listener
      const extra = { LoadBalancerId: id, ListenerPort: 7777, VServerGroupId }
      await ccm.ask('CreateLoadBalancerTCPListener', extra).catch(() => {})
    }
  }

  /** Nobody interferes any more: it must settle, in few rounds, with nothing left to do. */
  async settle(): Promise<void> {
    ccm.api.meddle = () => 'pass'
    for (const name of this.names) {
      if (!(await this.exists(name))) continue
      // A person mends what only a person can: values that are wrong, extra users of groups, instances that are gone.
      await ccm.annotate(name, { 'established-timeout': null })
      if (!(await this.sync(name))) await this.mend(name)
    }
    for (let round = 1; ; round++) {
      ccm.api.takeCalls()
      const results: boolean[] = []
      for (const name of this.names) results.push(await this.sync(name))
      if (results.every(Boolean) && ccm.api.takeWrites().length === 0) return
      assert.ok(round < ROUNDS, 'it does not settle')
    }
  }

  async mend(name: string): Promise<void> {
    if (!(await this.exists(name))) return
    const { metadata } = await ccm.service(name)
    if (metadata.deletionTimestamp === undefined) await ccm.clearStatus(name).catch(() => {})
    const id = metadata.labels?.['service.k8s.alibaba/loadbalancer-id']
    if (id === undefined || !(await ccm.instances()).some((one) => one.LoadBalancerId === id)) return
    await ccm.ask('DeleteLoadBalancerListener', { LoadBalancerId: id, ListenerPort: 7777 }).catch(() => {})
  }

  async check(): Promise<void> {
    const expected = new Set([this.shared])
    for (const name of this.names) {
      if (!(await this.exists(name))) continue
      const found = await ccm.service(name)
      if (found.spec.type !== 'LoadBalancer') {
        assert.equal(found.metadata.finalizers, undefined)
        continue
      }
      const id = found.metadata.labels?.['service.k8s.alibaba/loadbalancer-id'] ?? ''
      expected.add(id)
      const reuses = found.metadata.annotations?.[annotation('id')] !== undefined
      assert.equal(id === this.shared, reuses)
      const lb = await ccm.instanceOf(name)
      assert.equal(found.status?.loadBalancer?.ingress?.[0]?.ip, lb.Address)
      const { port, nodePort } = found.spec.ports![0]!
      const listener = (await ccm.listenersOf(id)).filter((one) => one.Description.endsWith(`/${name}/default/c1`))
      assert.deepEqual(
        listener.map((one) => [one.ListenerPort, one.Status]),
        [[port, 'running']],
      )
      const group = (await ccm.groupsOf(id)).filter((one) => one.name.endsWith(`/${name}/default/c1`))
      assert.deepEqual(
        group.map((one) => one.name),
        [`k8s/${nodePort}/${name}/default/c1`],
      )
      assert.equal(group[0]!.id, listener[0]!.VServerGroupId)
      const servers = group[0]!.servers.map(({ ServerId, Weight, Port }) => `${ServerId} ${Weight} ${Port}`).sort()
      assert.deepEqual(servers, await this.serversOf(name, nodePort!))
    }
    const actual = (await ccm.instances()).map((one) => one.LoadBalancerId)
    assert.deepEqual(actual.sort(), [...expected].sort(), 'every instance has its Service')
    const people = (await ccm.listenersOf(this.shared)).find((one) => one.ListenerPort === 9000)
    assert.equal(people?.VServerGroupId, this.sharedGroup, "people's own is left alone")
    const [group] = (await ccm.groupsOf(this.shared)).filter(({ id }) => id === this.sharedGroup)
    assert.deepEqual(
      group?.servers.map(({ Port }) => Port),
      [9999],
    )
  }

  async serversOf(name: string, nodePort: number): Promise<string[]> {
    const { spec } = await ccm.service(name)
    const { items } = await ccm.client.list(nodes)
    const ready = items
      .filter(({ status }) => status?.conditions?.[0]?.status === 'True')
      .map((one) => one.metadata.name)
    if (spec.externalTrafficPolicy !== 'Local')
      return ready.map((node) => `${ccm.machine(node)} 100 ${nodePort}`).sort()
    const counts = new Map<string, number>()
    for (const { nodeName = '' } of ccm.endpointsOf(name)) counts.set(nodeName, (counts.get(nodeName) ?? 0) + 1)
    return ready
      .flatMap((node) => (counts.has(node) ? `${ccm.machine(node)} ${counts.get(node)} ${nodePort}` : []))
      .sort()
  }
}

async function newWorld(): Promise<World> {
  run++
  ccm.restart()
  ccm.api.meddle = () => 'pass'
  const { LoadBalancerId } = await ccm.ask<{ LoadBalancerId: string }>('CreateLoadBalancer', {
    LoadBalancerSpec: 'slb.s1.small',
    LoadBalancerName: 'by-hand',
  })
  const { VServerGroupId } = await ccm.ask<{ VServerGroupId: string }>('CreateVServerGroup', {
    LoadBalancerId,
    VServerGroupName: 'people',
    BackendServers: JSON.stringify([{ ServerId: ccm.machine('node-1'), Port: 9999 }]),
  })
  await ccm.ask('CreateLoadBalancerTCPListener', { LoadBalancerId, ListenerPort: 9000, VServerGroupId })
  return new World(LoadBalancerId, VServerGroupId)
}

async function endWorld(world: World): Promise<void> {
  for (const name of world.names) {
    if (!(await world.exists(name))) continue
    await ccm.client.delete(services, { namespace: 'default', name })
    await ccm.sync(name)
  }
  await world.setNode(1, true)
  await world.setNode(2, true)
  const left = (await ccm.instances()).map((one) => one.LoadBalancerId)
  assert.deepEqual(left, [world.shared], 'nothing is left behind')
  await ccm.ask('DeleteLoadBalancer', { LoadBalancerId: world.shared })
}

test('whatever happens, load balancers end as Services ask for them; nothing leaks, nothing foreign goes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const world = await newWorld()
      for (const each of steps) await world.perform(each)
      await world.settle()
      await world.check()
      await endWorld(world)
    }),
    { numRuns: Number(process.env.FAIRLEAD_RUNS ?? 25), endOnFailure: true },
  )
})

test('killed after any call, the next run finishes the work with one instance; and so does the clean-up', async () => {
  const world = await newWorld()
  for (let count = 1; count <= 8; count++) {
    const name = world.names[0]!
    await ccm.addService({ name })
    ccm.api.meddle = killAfter(count)
    await world.sync(name)
    ccm.api.meddle = () => 'pass'
    ccm.restart()
    await ccm.sync(name)
    assert.equal((await ccm.instances()).length, 2, `killed after call ${count}`)
    const { LoadBalancerId } = await ccm.instanceOf(name)
    assert.deepEqual(
      (await ccm.listenersOf(LoadBalancerId)).map(({ Status }) => Status),
      ['running'],
    )
    assert.equal((await ccm.groupsOf(LoadBalancerId))[0]?.servers.length, 2)
    await ccm.client.delete(services, { namespace: 'default', name })
    ccm.api.meddle = killAfter(Math.min(count, 5))
    await world.sync(name)
    ccm.api.meddle = () => 'pass'
    ccm.restart()
    await ccm.sync(name)
    assert.equal((await ccm.instances()).length, 1)
    assert.equal(await world.exists(name), false)
  }
  await endWorld(world)
})

test('killed after any call on an instance of people, nothing of theirs goes, and nothing of ours stays', async () => {
  const world = await newWorld()
  const name = world.names[0]!
  const annotations = { id: world.shared, 'force-override-listeners': 'true' }
  const own = (id: string) => ccm.groupsOf(id).then((groups) => groups.filter(({ id }) => id !== world.sharedGroup))
  for (let count = 1; count <= 8; count++) {
    await ccm.addService({ name, annotations })
    ccm.api.meddle = killAfter(count)
    await world.sync(name)
    ccm.api.meddle = () => 'pass'
    ccm.restart()
    await ccm.sync(name)
    await world.check()
    await ccm.client.delete(services, { namespace: 'default', name })
    ccm.api.meddle = killAfter(count)
    await world.sync(name)
    ccm.api.meddle = () => 'pass'
    ccm.restart()
    await ccm.sync(name)
    assert.equal(await world.exists(name), false)
    await world.check()
    assert.deepEqual(await own(world.shared), [], `killed after call ${count}`)
    assert.deepEqual(
      (await ccm.listenersOf(world.shared)).map(({ ListenerPort }) => ListenerPort),
      [9000],
    )
  }
  await endWorld(world)
})
