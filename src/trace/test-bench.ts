/**
 * For tests: three nodes with pods on Flannel in a VPC with an internet, the real proxy's program on each node, and no
 * API: objects are handed in. Everything is in namespaces of the test's own.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { requireCidr } from '../base/ip.ts'
import { silentLog } from '../base/log.ts'
import { compileSecurity } from '../cloud/fabric/security-plan.ts'
import { SecurityTable } from '../cloud/fabric/security-table.ts'
import { createVpc, removeVpc, type Vpc } from '../cloud/fabric/vpc-fabric.ts'
import {
  KernelDataPlane,
  type KernelDataPlaneOptions,
  removeLoadBalancers,
} from '../cloud/load-balancer/kernel-data-plane.ts'
import { compileSlbPlan } from '../cloud/slb/compile-plan.ts'
import type { CloudState } from '../cloud/state/cloud-state.ts'
import type { Node, Pod } from '../kube/types/core.ts'
import { RouteSocket } from '../linux/netlink/route/socket.ts'
import { NftSocket } from '../linux/nftables/socket.ts'
import { listenTcp, openUdp } from '../linux/socket.ts'
import { writeSysctls } from '../linux/sysctl.ts'
import { TestNamespaces } from '../linux/test-namespaces.ts'
import { ensureMasquerade } from '../network/flannel/masquerade.ts'
import { Overlay } from '../network/flannel/overlay.ts'
import { PodBridge } from '../network/flannel/pod-bridge.ts'
import { prepareNode } from '../network/flannel/underlay.ts'
import { nodeView } from '../proxy/node-view.ts'
import { Program } from '../proxy/program.ts'
import { cloudFacts } from './cloud-facts.ts'
import { type Confirmation, confirm } from './confirm/confirm.ts'
import { type Doors, gatherKernelFacts, peopleOn } from './kernel-facts.ts'
import { type Prediction, predict } from './predict.ts'
import { parseOrigin, parseTarget, type QuestionWords } from './question.ts'
import { testCloud } from './test-cloud.ts'
import { testNode, testPod } from './test-world.ts'
import { type Atlas, atlasOf, type ClusterObjects, NOWHERE, nameOf, type Surroundings } from './world.ts'

const NUMBERS = [1, 2, 3] as const
const MTU = 1450
const CLUSTER_CIDR = '10.244.0.0/16'
/** Served by every pod whose name does not begin with `deaf`. */
export const POD_PORT = 8080

interface BenchNode {
  readonly netns: string
  readonly route: RouteSocket
  readonly overlay: Overlay
  readonly bridge: PodBridge
  readonly kernel: NftSocket
  readonly program: Program
}

/** One that has no load balancers. */
const NO_CLOUD = cloudFacts(testCloud({ ungrouped: true }))

export class TraceBench implements AsyncDisposable {
  readonly spaces = new TestNamespaces()
  readonly cluster = `t${process.pid}`
  readonly pods: Pod[] = []
  readonly around: Surroundings
  readonly #vpc: Vpc
  readonly #internet: string
  readonly #nodes = new Map<string, BenchNode>()
  readonly #podDoors = new Map<string, string>()
  readonly #servers: (Server | UdpSocket)[] = []
  readonly #groups: SecurityTable
  readonly #plane: KernelDataPlaneOptions
  #balancing: KernelDataPlane | undefined
  #handedIn: readonly string[] = []

  constructor() {
    this.#vpc = createVpc({ cluster: this.cluster })
    this.#groups = new SecurityTable(this.#vpc.netns)
    const directory = mkdtempSync(join(tmpdir(), 'fl-trace-'))
    this.#plane = { netns: this.#vpc.netns, directory, clock: systemClock, log: silentLog }
    const { netns, addresses } = this.#vpc.attachInternet()
    this.#internet = netns
    for (const number of NUMBERS) this.#addNode(number)
    for (const number of NUMBERS) this.#connect(number)
    // One node has no public address.
    const publicAddresses = [1, 2].map((number) => ({ eip: `203.0.113.${number}`, address: `192.168.0.${number}` }))
    for (const binding of publicAddresses) this.#vpc.eips.bind(binding)
    this.around = { ...NOWHERE, internet: addresses, publicAddresses, clusterCidrs: [CLUSTER_CIDR] }
  }

  get nodes(): Node[] {
    return NUMBERS.map(testNode)
  }

  get doors(): Doors {
    return {
      pod: (pod) => this.#podDoors.get(nameOf(pod)),
      node: (name) => this.#nodes.get(name)?.netns,
      vpc: this.#vpc.netns,
      internet: this.#internet,
    }
  }

  /** Paths of all namespaces. */
  get namespaces(): string[] {
    return [
      ...this.#podDoors.values(),
      ...[...this.#nodes.values()].map(({ netns }) => netns),
      this.#vpc.netns,
      this.#internet,
    ]
  }

  async addPod(name: string, node: 1 | 2 | 3, labels: Readonly<Record<string, string>>): Promise<Pod> {
    const pod = testPod({ name, node, labels }, this.pods.length)
    const netns = this.spaces.create(name)
    const addresses = [pod.status?.podIP ?? '']
    this.#nodes.get(`node-${node}`)?.bridge.plug({ uid: pod.metadata.uid ?? '', addresses, netns })
    this.#podDoors.set(nameOf(pod), netns)
    this.pods.push(pod)
    if (!name.startsWith('deaf')) await this.#serve(netns)
    return pod
  }

  /** Makes load balancers and security groups of the VPC these. */
  async balance(cloud: CloudState): Promise<void> {
    this.#balancing ??= new KernelDataPlane(this.#plane)
    await this.#balancing.apply({ listeners: compileSlbPlan(cloud) })
    this.#groups.apply(compileSecurity(cloud))
  }

  /** Makes the Services of all nodes these. */
  apply(objects: ClusterObjects, proxyMode: Surroundings['proxyMode'] = 'nftables', cloud = NO_CLOUD): Atlas {
    const atlas = atlasOf({ objects, around: { ...this.around, proxyMode }, cloud })
    for (const node of objects.nodes) {
      const { name } = node.metadata
      const program = this.#nodes.get(name)?.program
      if (program === undefined) continue
      program.setNode({ ...nodeView(name, node), mode: proxyMode })
      program.setServiceCidrs(objects.serviceCidrs.flatMap(({ spec }) => spec.cidrs))
      for (const key of this.#handedIn) program.setService({ key, service: undefined, slices: [] })
      for (const service of objects.services) {
        const key = nameOf(service)
        program.setService({ key, service, slices: atlas.slicesByService.get(key) ?? [] })
      }
      program.commit()
    }
    this.#handedIn = objects.services.map(nameOf)
    return atlas
  }

  /** Takes a node's route to the pods of another one away, or brings it back. */
  setRoute(from: string, to: 1 | 2 | 3, present: boolean): void {
    const route = { destination: `10.244.${to}.0/24`, gateway: `10.244.${to}.0`, link: 'flannel.1', onlink: true }
    const node = this.#nodes.get(from)
    if (present) node?.route.replaceRoute(route)
    else node?.route.deleteRoute(route)
  }

  /** Predicts with what the kernel knows, sends a packet, and compares. */
  async ask(words: QuestionWords, atlas: Atlas): Promise<{ prediction: Prediction; confirmation: Confirmation }> {
    const [origin, target] = [parseOrigin(words, atlas), parseTarget(words, atlas)]
    const people = peopleOn(predict(origin, target, atlas), atlas)
    const informed = { ...atlas, kernel: gatherKernelFacts(this.doors, people) }
    const prediction = predict(origin, target, informed)
    return { prediction, confirmation: await confirm({ origin, prediction, atlas: informed, doors: this.doors }) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await new Promise<void>((resolve) => server.close(() => resolve()))
    for (const { route, kernel } of this.#nodes.values()) {
      route[Symbol.dispose]()
      kernel[Symbol.dispose]()
    }
    this.#groups[Symbol.dispose]()
    await this.#balancing?.[Symbol.asyncDispose]()
    await removeLoadBalancers(this.#plane)
    rmSync(this.#plane.directory, { recursive: true, force: true })
    this.#vpc[Symbol.dispose]()
    removeVpc(this.cluster)
    this.spaces[Symbol.dispose]()
  }

  #addNode(number: 1 | 2 | 3): void {
    const nodeName = `node-${number}`
    const netns = this.spaces.create(nodeName)
    const address = `192.168.0.${number}`
    const podCidr = `10.244.${number}.0/24`
    this.#vpc.attachNode({ name: nodeName, netns, address: `${address}/24` })
    prepareNode(netns, ['eth0'])
    writeSysctls(netns, { 'net/ipv4/icmp_ratelimit': 0 })
    const route = RouteSocket.open(netns)
    const overlay = new Overlay(route, { family: 4, nodeName, local: address, podCidr, mtu: MTU })
    const bridge = new PodBridge(route, { cidrs: [requireCidr(podCidr)], mtu: MTU })
    ensureMasquerade(netns, 4, [requireCidr(CLUSTER_CIDR)])
    const kernel = NftSocket.open(netns)
    const program = new Program({ kernel, nodeName })
    program.start(nodeView(nodeName, testNode(number)), [])
    this.#nodes.set(nodeName, { netns, route, overlay, bridge, kernel, program })
  }

  #connect(number: 1 | 2 | 3): void {
    const leases = NUMBERS.filter((other) => other !== number).map((other) => {
      const vtepMac = this.#nodes.get(`node-${other}`)?.overlay.mac ?? ''
      return { nodeName: `node-${other}`, podCidr: `10.244.${other}.0/24`, vtepMac, publicIp: `192.168.0.${other}` }
    })
    this.#nodes.get(`node-${number}`)?.overlay.apply(leases)
  }

  async #serve(netns: string): Promise<void> {
    const server = createServer((socket) => socket.on('error', () => {}).resume())
    this.#servers.push(server)
    await new Promise<void>((resolve) =>
      server.listen({ fd: listenTcp({ netns, host: '0.0.0.0', port: POD_PORT }) }, resolve),
    )
    const udp = createSocket('udp4')
    this.#servers.push(udp)
    udp.on('message', (data, { port, address }) => udp.send(data, port, address))
    await new Promise<void>((resolve) => udp.bind({ fd: openUdp({ netns, host: '0.0.0.0', port: POD_PORT }) }, resolve))
  }
}
