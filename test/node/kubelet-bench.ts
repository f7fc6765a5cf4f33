import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { openTestBench, type TestBench } from '../../src/apiserver/test-bench.ts'
import { systemClock } from '../../src/base/clock.ts'
import { requireCidr } from '../../src/base/ip.ts'
import { silentLog } from '../../src/base/log.ts'
import type { Client } from '../../src/kube/client.ts'
import { events, pods } from '../../src/kube/resource.ts'
import { createClient } from '../../src/kube/rest-client.ts'
import type { Container, Pod, PodSpec } from '../../src/kube/types/core.ts'
import { removeCgroup } from '../../src/linux/cgroup.ts'
import { CLONE_NEWNET, close, O_RDONLY, open, setns } from '../../src/linux/libc.ts'
import { RouteSocket } from '../../src/linux/netlink/route/socket.ts'
import { createNetns, deleteNetns } from '../../src/linux/netns.ts'
import { PodBridge } from '../../src/network/flannel/pod-bridge.ts'
import type { PodAttachment, PodIdentity, PodNetwork } from '../../src/network/pod-network.ts'
import { createImages } from '../../src/node/images/image-resolver.ts'
import { openImageStore } from '../../src/node/images/image-store.ts'
import { type Kubelet, startKubelet } from '../../src/node/kubelet.ts'
import { nodeDirectories } from '../../src/node/node-directories.ts'
import { registerNode } from '../../src/node/register-node.ts'
import { removePodsOf } from '../../src/node/remove-pods.ts'
import { openRuntime } from '../../src/node/runtime/open-runtime.ts'

const NODE = 'node-1'
const NODE_ADDRESS = { type: 'InternalIP', address: '192.168.0.11' } as const

/** One node with a real runtime, pods on a real bridge, and a real API server; disposing leaves nothing. */
export class KubeletBench implements AsyncDisposable {
  readonly clusterName = `t${process.pid}`
  readonly directory = mkdtempSync(join(tmpdir(), 'fl-kubelet-'))
  readonly directories = { run: join(this.directory, 'run'), state: join(this.directory, 'state') }
  /** Where a test adds images. */
  readonly images = openImageStore({ directory: join(this.directory, 'store') })
  readonly client: Client
  readonly #api: TestBench
  readonly #home: number
  #network: BridgeNetwork | undefined
  #kubelet: Kubelet | undefined

  static async open(): Promise<KubeletBench> {
    // Like an agent, this process lives in its node's namespace; the API server goes along.
    const home = open('/proc/thread-self/ns/net', O_RDONLY)
    enter(createNetns(`fl-t${process.pid}-node`))
    using route = RouteSocket.open()
    route.setLink('lo', { up: true })
    const bench = new KubeletBench(await openTestBench(), home)
    await bench.#buildImages()
    await registerNode({
      client: bench.client,
      nodeName: NODE,
      addresses: [NODE_ADDRESS],
      runcVersion: '1.1.5',
      labels: { 'topology.kubernetes.io/zone': 'zone-a' },
      clock: systemClock,
      log: silentLog,
    })
    bench.startAgent()
    return bench
  }

  private constructor(api: TestBench, home: number) {
    this.#api = api
    this.#home = home
    this.client = createClient(api.transport)
  }

  /** Starts a kubelet as a new agent process would. */
  startAgent(): Kubelet {
    this.#network ??= new BridgeNetwork()
    this.#kubelet = startKubelet({
      client: this.client,
      nodeName: NODE,
      clusterName: this.clusterName,
      addresses: [NODE_ADDRESS],
      network: this.#network,
      images: createImages([this.images], { builtinDirectory: join(this.directory, 'images') }),
      runtime: openRuntime({ directories: this.directories, nodeName: NODE, clock: systemClock, log: silentLog }),
      clusterDns: { server: '10.96.0.10', domain: 'cluster.local' },
      directories: this.directories,
      log: silentLog,
      clock: systemClock,
    })
    return this.#kubelet
  }

  /** Ends the kubelet; its pods go on. */
  async stopAgent(): Promise<void> {
    await this.#kubelet?.[Symbol.asyncDispose]()
    this.#kubelet = undefined
  }

  /** Creates a pod that is bound to the node. */
  createPod(name: string, container: Partial<Container>, spec: Partial<PodSpec> = {}): Promise<Pod> {
    return this.client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', labels: { app: name } },
      spec: { nodeName: NODE, ...spec, containers: [{ name: 'main', image: 'fairlead/client', ...container }] },
    })
  }

  getPod(name: string): Promise<Pod> {
    return this.client.get(pods, { namespace: 'default', name })
  }

  /** What the container `main` has written. */
  readLog(uid: string, attempt = 0): string {
    return readFileSync(join(nodeDirectories(this.directories, NODE).logs, uid, 'main', `${attempt}.log`), 'utf8')
  }

  async deletePod(name: string, gracePeriodSeconds?: number): Promise<void> {
    const options = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }
    await this.client.delete(pods, { namespace: 'default', name }, options)
  }

  /** Resolves with the pod once it fulfils the condition; with `undefined` when it is gone. */
  async podUntil(name: string, condition: (pod: Pod) => boolean): Promise<Pod | undefined> {
    const stop = new AbortController()
    try {
      const fieldSelector = `metadata.name=${name}`
      const first = await this.client.list(pods, { namespace: 'default', fieldSelector })
      const now = first.items[0]
      if (now === undefined || condition(now)) return now
      const resourceVersion = first.metadata.resourceVersion ?? ''
      const watch = { namespace: 'default', fieldSelector, resourceVersion, signal: stop.signal }
      for await (const event of this.client.watch(pods, watch)) {
        if (event.type === 'DELETED') return undefined
        if ((event.type === 'ADDED' || event.type === 'MODIFIED') && condition(event.object)) return event.object
      }
      throw new TypeError(`the watch of pod ${name} ended`)
    } finally {
      stop.abort()
    }
  }

  /** Resolves when the pod is ready. */
  async ready(name: string): Promise<Pod> {
    const pod = await this.podUntil(name, isReady)
    if (pod === undefined) throw new TypeError(`pod ${name} is gone`)
    return pod
  }

  /** Messages of Events with this reason, once there is one. */
  async eventMessages(podName: string, reason: string): Promise<string[]> {
    for (;;) {
      const { items } = await this.client.list(events, { namespace: 'default' })
      const found = items.filter((event) => event.involvedObject.name === podName && event.reason === reason)
      if (found.length > 0) return found.map(({ message = '' }) => message)
      await systemClock.sleep(10)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAgent()
    const { clusterName, directories } = this
    await removePodsOf({ clusterName, directories, clock: systemClock, log: silentLog })
    await removeCgroup(`/fairlead/${clusterName}`)
    this.#network?.[Symbol.dispose]()
    await this.#api[Symbol.asyncDispose]()
    setns(this.#home, CLONE_NEWNET, 'the first namespace')
    close(this.#home)
    deleteNetns(`fl-t${process.pid}-node`)
    rmSync(this.directory, { recursive: true, force: true })
  }

  async #buildImages(): Promise<void> {
    await build({
      entryPoints: { echo: 'src/node/images/echo.ts', client: 'src/node/images/client.ts' },
      outdir: join(this.directory, 'images'),
      outExtension: { '.js': '.mjs' },
      bundle: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      logLevel: 'warning',
    })
  }
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}

function enter(path: string): void {
  const fd = open(path, O_RDONLY)
  setns(fd, CLONE_NEWNET, path)
  close(fd)
}

/** Pods on a bridge, numbered from 10.244.1.2. */
class BridgeNetwork implements PodNetwork {
  readonly #route = RouteSocket.open()
  readonly #bridge = new PodBridge(this.#route, { cidrs: [requireCidr('10.244.1.0/24')], mtu: 1450 })
  readonly #addresses = new Map<string, string>()
  #next = 2

  attach({ uid }: PodIdentity, netns: string): PodAttachment {
    const address = this.#addresses.get(uid) ?? `10.244.1.${this.#next++}`
    this.#addresses.set(uid, address)
    this.#bridge.plug({ uid, addresses: [address], netns })
    return { addresses: [address], gateway: '10.244.1.1', interfaceName: 'eth0', mtu: 1450 }
  }

  detach(uid: string): void {
    this.#bridge.unplug(uid)
    this.#addresses.delete(uid)
  }

  retain(live: ReadonlySet<string>): void {
    this.#bridge.retain(live)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]()
  }

  [Symbol.dispose](): void {
    this.#route[Symbol.dispose]()
  }
}
