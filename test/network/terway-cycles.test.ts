/** A thousand pods come and go under Terway, each with an address of an interface: nobody's twice, and none is lost. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { silentLog } from '../../src/base/log.ts'
import { isInterfaceDevice, vpcNetnsName } from '../../src/cloud/fabric/fabric-names.ts'
import { instanceId } from '../../src/cloud/region.ts'
import { Informer } from '../../src/kube/informer.ts'
import { deployments, pods } from '../../src/kube/resource.ts'
import type { Pod } from '../../src/kube/types/core.ts'
import { RouteSocket } from '../../src/linux/netlink/route/socket.ts'
import { listNetns, netnsPath } from '../../src/linux/netns.ts'
import type { CloudDesk } from '../../src/matrix/cloud-desk.ts'
import { openCloudDesk } from '../../src/matrix/open-cloud-desk.ts'
import { DEFAULT_POOL } from '../../src/network/terway/pool-plan.ts'
import { podNetns } from '../../src/node/pod-netns.ts'
import { poll } from '../cluster/poll.ts'
import { startTrafficCluster, type TrafficCluster } from '../traffic/traffic-cluster.ts'

const CYCLES = 1_000
/** At once, over three nodes. */
const REPLICAS = 63
const ROUNDS_PER_KILL = 4
/** Of Terway's routing rules that name one pod. */
const POD_RULES = [512, 2048]

/** An interface beside a machine's primary one, as the cloud has it. */
interface Card {
  readonly node: string
  readonly addresses: readonly string[]
}

/** Follows every change of every pod: who holds which address, and who has come and gone. */
class AddressWatch implements AsyncDisposable {
  /** Pods that were ready once, and are gone. */
  cycles = 0
  /** Pods that held an address while another one did. */
  readonly collisions: string[] = []
  /** All that were ever held. */
  readonly addresses = new Set<string>()
  readonly #holders = new Map<string, string>()
  readonly #wereReady = new Set<string>()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor({ client }: TrafficCluster) {
    const informer = new Informer({ client, resource: pods, namespace: 'default', log: silentLog })
    const seen = (pod: Pod) => this.#see(pod)
    informer.on({ added: seen, updated: seen, deleted: (pod) => this.#gone(pod) })
    this.#running = informer.run(this.#stop.signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** A pod's containers have ended before its phase says so, and only then its address is given back. */
  #see(pod: Pod): void {
    const { podIP: address, phase } = pod.status ?? {}
    if (isReady(pod)) this.#wereReady.add(uidOf(pod))
    if (phase === 'Succeeded' || phase === 'Failed') this.#release(pod)
    else if (address !== undefined) this.#hold(pod, address)
  }

  #hold(pod: Pod, address: string): void {
    this.addresses.add(address)
    const holder = this.#holders.get(address)
    if (holder !== undefined && holder !== uidOf(pod)) this.collisions.push(`${address}: ${holder} and ${uidOf(pod)}`)
    this.#holders.set(address, uidOf(pod))
  }

  #gone(pod: Pod): void {
    this.#release(pod)
    if (this.#wereReady.delete(uidOf(pod))) this.cycles++
  }

  #release(pod: Pod): void {
    const address = pod.status?.podIP ?? ''
    if (this.#holders.get(address) === uidOf(pod)) this.#holders.delete(address)
  }
}

describe('Terway: a thousand pods come and go', () => {
  let on: TrafficCluster
  let cloud: CloudDesk
  let watch: AddressWatch

  before(async () => {
    on = await startTrafficCluster({ nodes: 3, options: { network: 'terway-eniip', instanceType: 'ecs.g7.4xlarge' } })
    cloud = await openCloudDesk(on.cluster)
    watch = new AddressWatch(on)
  })
  after(async () => {
    await watch?.[Symbol.asyncDispose]()
    cloud?.[Symbol.dispose]()
    await on?.[Symbol.asyncDispose]()
  })

  test('each has an address of its own of its node’s interfaces, for the cloud, the kernel and the API', async () => {
    await on.apply(DEPLOYMENT)
    let previous: readonly Pod[] = []
    for (let round = 1; watch.cycles < CYCLES; round++) {
      const living = await newPods(previous)
      await agreeOn(living)
      await Promise.all(living.map(({ metadata: { name } }) => on.client.delete(pods, { namespace: 'default', name })))
      // In the middle of it: an agent that knows only what was written down.
      if (round % ROUNDS_PER_KILL === 0) killAgent(`node-${1 + ((round / ROUNDS_PER_KILL) % 3)}`)
      previous = living
    }
    assert.deepEqual(watch.collisions, [])
    assert.ok(watch.addresses.size < CYCLES, 'addresses are given again')
  })

  test('nothing is left of them, but what the pools keep ready', async () => {
    const key = { namespace: 'default', name: 'brief' }
    await on.client.patch(deployments, key, { type: 'merge', body: { spec: { replicas: 0 } } })
    await on.until('all pods to go', () => (on.watch.pods().length === 0 ? true : undefined))
    assert.deepEqual(listNetns(`fl-${on.cluster.spec.name}-pod-`), [])
    for (const { name } of on.cluster.spec.nodes) {
      using route = RouteSocket.open(on.cluster.nodeNetns(name))
      assert.deepEqual(
        route.links().filter((link) => link.name.startsWith('cali')),
        [],
        `${name}: links`,
      )
      assert.deepEqual(
        route.rules(4).filter(({ priority }) => POD_RULES.includes(priority ?? 0)),
        [],
        `${name}: rules`,
      )
      assert.deepEqual(
        route.routes(4).filter(({ link }) => link?.startsWith('cali')),
        [],
        `${name}: routes`,
      )
      await poll(`${name} to give back what it does not keep, in the cloud and in the VPC`, async () => {
        const held = (await cards()).flatMap((card) => (card.node === name ? card.addresses : []))
        return held.length <= DEFAULT_POOL.maxFree && isDeepStrictEqual(held.sort(), routedTo(name).sort())
          ? true
          : undefined
      })
    }
  })

  const killAgent = (node: string) => {
    process.kill(on.cluster.processes().get(node) ?? assert.fail(`no agent of ${node}`), 'SIGKILL')
  }

  /** Waits until all pods that there are to be are ready, and none of these is left. */
  const newPods = (previous: readonly Pod[]): Promise<readonly Pod[]> => {
    const gone = new Set(previous.map(uidOf))
    return on.until(`${REPLICAS} new pods`, () => {
      const found = on.watch.pods()
      const isNew = found.every((pod) => isReady(pod) && !gone.has(uidOf(pod)))
      return isNew && found.length === REPLICAS ? found : undefined
    })
  }

  /** What the cloud gave to interfaces, what nodes lead to pods, and what pods have inside, is what the API says. */
  const agreeOn = async (living: readonly Pod[]) => {
    const given = await cards()
    const all = given.flatMap(({ addresses }) => addresses)
    assert.equal(new Set(all).size, all.length, 'no address is two interfaces’')
    for (const { name } of on.cluster.spec.nodes) {
      const here = living.filter(({ spec }) => spec.nodeName === name)
      const known = here.map(addressOf).sort()
      const lent = new Set(given.flatMap((card) => (card.node === name ? card.addresses : [])))
      assert.deepEqual(
        known.filter((address) => !lent.has(address)),
        [],
        `${name}: addresses of its interfaces`,
      )
      assert.deepEqual(podRoutes(name).sort(), known, `${name}: routes to its pods`)
      assert.deepEqual(here.map(insideOf).sort(), known, `${name}: in the pods`)
    }
  }

  const cards = async (): Promise<readonly Card[]> => {
    const names = new Map(on.cluster.spec.nodes.map(({ name }) => [instanceId(on.cluster.spec.name, name), name]))
    const { NetworkInterfaceSets } = (await cloud.call('ecs', 'DescribeNetworkInterfaces', {
      Type: 'Secondary',
      MaxResults: 500,
    })) as unknown as InterfaceAnswer
    return NetworkInterfaceSets.NetworkInterfaceSet.map(({ InstanceId, PrivateIpSets }) => ({
      node: names.get(InstanceId) ?? '',
      addresses: PrivateIpSets.PrivateIpSet.map(({ PrivateIpAddress }) => PrivateIpAddress),
    }))
  }
  const podRoutes = (node: string) => {
    using route = RouteSocket.open(on.cluster.nodeNetns(node))
    return destinations(route, (link) => link.startsWith('cali'))
  }
  const routedTo = (node: string) => {
    using vpc = RouteSocket.open(netnsPath(vpcNetnsName(on.cluster.spec.name)))
    const links = vpc.links().filter(({ name, alias }) => isInterfaceDevice(name) && alias?.split(' ')[1] === node)
    const names = new Set(links.map(({ name }) => name))
    return destinations(vpc, (link) => names.has(link))
  }
  const insideOf = (pod: Pod) => {
    using route = RouteSocket.open(netnsPath(podNetns(on.cluster.spec.name, uidOf(pod))))
    return route
      .addresses('eth0')
      .filter(({ address }) => !address.includes(':'))
      .map(({ address }) => address.replace(/\/\d+$/, ''))
      .join()
  }
})

interface InterfaceAnswer {
  readonly NetworkInterfaceSets: {
    readonly NetworkInterfaceSet: readonly {
      readonly InstanceId: string
      readonly PrivateIpSets: { readonly PrivateIpSet: readonly { readonly PrivateIpAddress: string }[] }
    }[]
  }
}

/** Addresses that a namespace leads to certain devices. */
function destinations(route: RouteSocket, isWanted: (link: string) => boolean): string[] {
  return route
    .routes(4)
    .flatMap(({ destination, link }) => (isWanted(link ?? '') && destination?.endsWith('/32') ? [destination] : []))
    .map((prefix) => prefix.slice(0, -'/32'.length))
}

function isReady({ status, metadata }: Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false
  return ready && metadata.deletionTimestamp === undefined
}

function addressOf(pod: Pod): string {
  return pod.status?.podIP ?? assert.fail(`${pod.metadata.name} has no address`)
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid ?? ''
}

const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: brief }
spec:
  replicas: ${REPLICAS}
  selector: { matchLabels: { app: brief } }
  template:
    metadata: { labels: { app: brief } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{ name: client, image: fairlead/client }]
`
