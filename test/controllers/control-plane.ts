import { setMaxListeners } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalTransport } from '../../src/apiserver/local-transport.ts'
import { createCertificateAuthority, issueCertificate } from '../../src/apiserver/pki/certificate-authority.ts'
import { controllerUser } from '../../src/apiserver/rbac/controller-user.ts'
import { type ApiServer, startApiServer } from '../../src/apiserver/server.ts'
import { systemClock } from '../../src/base/clock.ts'
import { createLog } from '../../src/base/log.ts'
import { type ControllersOptions, startControllers } from '../../src/controllers/controller-manager.ts'
import type { Client } from '../../src/kube/client.ts'
import type { Informer } from '../../src/kube/informer.ts'
import { InformerSet } from '../../src/kube/informers.ts'
import { KINDS } from '../../src/kube/registry.ts'
import type { Resource } from '../../src/kube/resource.ts'
import { nodes } from '../../src/kube/resource.ts'
import { createClient } from '../../src/kube/rest-client.ts'
import type { Node } from '../../src/kube/types/core.ts'
import type { KubeObject } from '../../src/kube/types/meta.ts'
import { openLmdbStore } from '../../src/store/lmdb-store.ts'
import { Kubelets } from './kubelets.ts'

export const ROOT_CA = '-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n'

const log = createLog({ component: 'test', level: process.env.FAIRLEAD_LOG_LEVEL ?? 'error' })

/** A real API server over a real store, and the controllers; nodes are played by {@link Kubelets}. */
export interface ControlPlane extends AsyncDisposable {
  readonly client: Client
  readonly kubelets: Kubelets
  /** Resolves with the first object of the name for which the condition holds. */
  until<T extends KubeObject>(resource: Resource<T>, name: string, holds: (object: T) => boolean): Promise<T>
  /** Resolves with all objects of a kind (of namespace `default`, where it has one) once the condition holds for them. */
  untilAll<T extends KubeObject>(
    resource: Resource<T>,
    holds: (objects: readonly T[]) => boolean,
  ): Promise<readonly T[]>
  gone<T extends KubeObject>(resource: Resource<T>, name: string): Promise<void>
  addNode(name: string, change?: Partial<Node>): Promise<void>
  restartControllers(): Promise<void>
}

export interface ControlPlaneOptions extends Partial<ControllersOptions> {
  readonly nodeNames?: readonly string[]
}

export async function startControlPlane({
  nodeNames = [],
  ...options
}: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), 'fl-controllers-'))
  const store = await openLmdbStore({ directory, log, clock: systemClock })
  const server = await startServer(store)
  // Each controller has the role that it has in a cluster, and no more.
  const clientFor = (component: string) => createClient(createLocalTransport(server, controllerUser(component)))
  const client = clientOf(server, 'system:admin')
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  // Nothing else keeps the process alive while a test waits: there is no socket, and the controllers' timers do not.
  const alive = setInterval(() => {}, 60_000)
  const informers = new InformerSet({ client, log })
  const watching = informers.run(stop.signal)
  const kubelets = new Kubelets(client, informers)
  const start = async () => {
    const started = startControllers({
      client,
      clientFor,
      clusterCidrs: ['10.244.0.0/16'],
      rootCaPem: ROOT_CA,
      resources: KINDS.map(({ resource }) => resource),
      log,
      ...options,
    })
    await started.synced
    return started
  }
  let controllers = await start()
  const plane: ControlPlane = {
    client,
    kubelets,
    until: (resource, name, holds) =>
      watch(informers.for(resource), (informer) =>
        informer.list().find((each) => each.metadata.name === name && holds(each)),
      ),
    untilAll: (resource, holds) =>
      watch(informers.for(resource), (informer) => {
        const mine = informer.list().filter(({ metadata }) => (metadata.namespace ?? 'default') === 'default')
        return informer.isSynced && holds(mine) ? mine : undefined
      }),
    async gone(resource, name) {
      await watch(informers.for(resource), (informer) =>
        informer.isSynced && !informer.list().some((each) => each.metadata.name === name) ? true : undefined,
      )
    },
    async addNode(name, change = {}) {
      await client.create(nodes, readyNode(name, change))
    },
    async restartControllers() {
      await controllers[Symbol.asyncDispose]()
      controllers = await start()
    },
    async [Symbol.asyncDispose]() {
      await controllers[Symbol.asyncDispose]()
      stop.abort()
      await watching
      await kubelets.settled()
      await server[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      rmSync(directory, { recursive: true })
      clearInterval(alive)
    },
  }
  for (const name of nodeNames) await plane.addNode(name)
  return plane
}

/** Resolves once `find` finds something; looks at every change. */
async function watch<T extends KubeObject, R>(
  informer: Informer<T>,
  find: (informer: Informer<T>) => R | undefined,
): Promise<R> {
  await informer.synced
  return new Promise((resolve) => {
    let cancel = () => {}
    const look = () => {
      const found = find(informer)
      if (found === undefined) return
      cancel()
      resolve(found)
    }
    cancel = informer.on({ added: look, updated: look, deleted: look })
    look()
  })
}

async function startServer(store: Parameters<typeof startApiServer>[0]['store']): Promise<ApiServer> {
  const authority = await createCertificateAuthority({ commonName: 'test', clock: systemClock })
  const pair = await issueCertificate(authority, { commonName: 'apiserver', usages: ['server'] })
  return startApiServer({
    store,
    tls: {
      certificate: pair.certificatePem,
      privateKey: pair.privateKeyPem,
      clientAuthority: authority.certificatePem,
    },
    listeners: [],
    bootstrap: {
      advertise: { address: '192.168.0.1', port: 6443 },
      serviceCidrs: ['10.96.0.0/16'],
      kubernetesIp: '10.96.0.1',
    },
    log,
  })
}

function clientOf(server: ApiServer, name: string): Client {
  return createClient(createLocalTransport(server, { name, groups: ['system:masters'] }))
}

function readyNode(name: string, change: Partial<Node>): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name } },
    status: {
      allocatable: { cpu: '8', memory: '16Gi', pods: '110' },
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    },
    ...change,
  }
}
