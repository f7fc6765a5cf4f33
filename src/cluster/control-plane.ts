import { mkdirSync } from 'node:fs'
import { type AuditFileOptions, type AuditSink, openAuditFile } from '../apiserver/audit/audit-file.ts'
import { METADATA_POLICY } from '../apiserver/audit/audit-policy.ts'
import { readAuditPolicy } from '../apiserver/audit/read-audit-policy.ts'
import { createLocalTransport } from '../apiserver/local-transport.ts'
import { nodeAccessSubresources } from '../apiserver/node-access/node-access.ts'
import type { KeyPair } from '../apiserver/pki/certificate.ts'
import { createTokenSigner } from '../apiserver/pki/service-account-token.ts'
import { controllerUser } from '../apiserver/rbac/controller-user.ts'
import { type ApiServerOptions, startApiServer } from '../apiserver/server.ts'
import { writeFileAtomic } from '../base/atomic-file.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { Disposables } from '../base/disposables.ts'
import { errorMessage, FairleadError } from '../base/error.ts'
import { formatAddress, nthAddress, parseCidr } from '../base/ip.ts'
import type { Log } from '../base/log.ts'
import { REGION_ID } from '../cloud/region.ts'
import { startControllers } from '../controllers/controller-manager.ts'
import type { Client } from '../kube/client.ts'
import { kubeconfig } from '../kube/kubeconfig.ts'
import { KINDS } from '../kube/registry.ts'
import { createClient } from '../kube/rest-client.ts'
import { listenFreshTcp, listenTcp } from '../linux/socket.ts'
import { createInterfaceInventory } from '../network/terway/interface-cloud.ts'
import { reclaimInterfaces } from '../network/terway/reclaim-interfaces.ts'
import { openLmdbStore } from '../store/lmdb-store.ts'
import type { NodeCredentials } from './agent.ts'
import type { ApiServerSettings } from './api-server-settings.ts'
import type { CloudAccess, ClusterCloud } from './cluster-cloud.ts'
import { connectInCluster } from './cluster-connections.ts'
import { type ClusterPki, openClusterPki } from './cluster-pki.ts'
import type { ClusterSpec } from './cluster-spec.ts'
import { LateCloud } from './late-cloud.ts'
import { clusterLayout, type Layout, type LayoutRoots } from './layout.ts'

/** What the control-plane process is started with. */
export interface ControlPlaneConfig {
  readonly spec: ClusterSpec
  readonly roots: LayoutRoots
  /** Path of the VPC's namespace, and the address there that nodes and pods reach the API server at. */
  readonly vpc: { readonly netns: string; readonly address: string }
}

/** What it says when it answers requests. */
export interface ControlPlaneReady {
  /** `https://127.0.0.1:6443` */
  readonly server: string
  /** The same, as nodes reach it. */
  readonly nodeServer: string
  readonly caPem: string
  /** What an administrator shows to the API server. */
  readonly admin: KeyPair
  /** What each node's agent shows to the API server. */
  readonly nodes: Readonly<Record<string, NodeCredentials>>
  /** Where nodes that need the cloud find it. */
  readonly cloud?: CloudAccess
}

/** Port of the API server inside the VPC, where nobody else listens. */
const NODE_API_PORT = 6443
const CONTROLLER_USER = { name: 'system:kube-controller-manager', groups: [] }
const CLOUD_CONTROLLER_USER = { name: 'system:cloud-controller-manager', groups: [] }

/**
 * Starts the store, the API server and the controllers.
 *
 * @throws FairleadError `PORT_TAKEN`, `DISK_FULL`, `STORE_FAILED`
 */
export async function startControlPlane(
  config: ControlPlaneConfig,
  log: Log,
): Promise<{ result: ControlPlaneReady; stop: () => Promise<void> }> {
  const { spec, vpc } = config
  const layout = clusterLayout(spec.name, config.roots)
  const clock = systemClock
  const kubernetesIp = firstServiceAddress(spec)
  const pki = await openClusterPki({
    directory: layout.pkiDirectory,
    spec,
    apiAddresses: ['127.0.0.1', '::1', vpc.address, kubernetesIp],
    clock,
  })
  log.info('Certificates are there')
  await using started = new Disposables()
  mkdirSync(layout.storeDirectory, { recursive: true, mode: 0o700 })
  const store = started.use(await openLmdbStore({ directory: layout.storeDirectory, log, clock }))
  log.info({ revision: store.revision() }, 'Store is open')
  const api = started.use(
    await startApiServer({
      store,
      tls: {
        certificate: pki.apiServer.certificatePem,
        privateKey: pki.apiServer.privateKeyPem,
        clientAuthority: pki.caPem,
      },
      listeners: [
        spec.apiPort === 0 ? { fd: listenFreshTcp({ host: '127.0.0.1' }) } : { host: '127.0.0.1', port: spec.apiPort },
        { fd: listenTcp({ netns: vpc.netns, host: vpc.address, port: NODE_API_PORT }) },
      ],
      subresources: nodeAccessSubresources({
        connect: connectInCluster(spec.name, vpc.netns),
        tls: {
          certificate: pki.kubeletClient.certificatePem,
          privateKey: pki.kubeletClient.privateKeyPem,
          authority: pki.caPem,
        },
      }),
      tokens: createTokenSigner({ keyPem: pki.tokenKeyPem, clock }),
      bootstrap: {
        advertise: { address: vpc.address, port: NODE_API_PORT },
        serviceCidrs: spec.serviceCidrs,
        kubernetesIp,
      },
      ...(await apiServerTuning(spec.apiServer ?? {}, { started, log, clock })),
      log,
      clock,
    }),
  )
  const client = createClient(createLocalTransport(api, CONTROLLER_USER))
  const cloudClient = createClient(createLocalTransport(api, CLOUD_CONTROLLER_USER))
  const cloud = await openCloudFor(config, { layout, pki, started, client: cloudClient, log })
  started.use(
    startControllers({
      client,
      clientFor: (component) => createClient(createLocalTransport(api, controllerUser(component))),
      clusterCidrs: spec.clusterCidrs,
      rootCaPem: pki.caPem,
      ...(spec.nodeMonitorGraceMs === undefined ? {} : { nodeGraceMs: spec.nodeMonitorGraceMs }),
      resources: KINDS.map((kind) => kind.resource),
      log,
      clock,
    }),
  )
  log.info({ addresses: api.addresses }, 'API server listens')
  const server = `https://127.0.0.1:${api.addresses[0]?.port}`
  writeAdminKubeconfig(layout, server, pki)
  const running = started.move()
  return { result: readyOf(spec, server, { pki, vpc, cloud }), stop: () => running[Symbol.asyncDispose]() }
}

type Tuning = Pick<ApiServerOptions, 'audit' | 'limits' | 'requestTimeoutMs'>

/** What the settings of a cluster mean for its API server; the audit log is closed after it. */
async function apiServerTuning(
  settings: ApiServerSettings,
  { started, log, clock }: { readonly started: Disposables; readonly log: Log; readonly clock: Clock },
): Promise<Tuning> {
  const { auditPolicyFile, auditLogPath, requestTimeoutMs, maxRequestsInflight, maxMutatingRequestsInflight } = settings
  const limits = {
    ...(maxRequestsInflight === undefined ? {} : { readOnly: maxRequestsInflight }),
    ...(maxMutatingRequestsInflight === undefined ? {} : { mutating: maxMutatingRequestsInflight }),
  }
  const timeout = requestTimeoutMs === undefined ? {} : { requestTimeoutMs }
  if (auditLogPath === undefined) return { limits, ...timeout }
  const policy = auditPolicyFile === undefined ? METADATA_POLICY : await readAuditPolicy(auditPolicyFile)
  const rotation = {
    ...(settings.auditLogMaxsize === undefined ? {} : { maxSize: settings.auditLogMaxsize }),
    ...(settings.auditLogMaxbackup === undefined ? {} : { maxBackup: settings.auditLogMaxbackup }),
    ...(settings.auditLogMaxage === undefined ? {} : { maxAge: settings.auditLogMaxage }),
  }
  const sink = started.use(auditFileOf({ path: auditLogPath, log, clock, ...rotation }))
  return { limits, ...timeout, audit: { policy, sink } }
}

function auditFileOf(options: AuditFileOptions): AuditSink {
  try {
    return openAuditFile(options)
  } catch (cause) {
    const reason = errorMessage(cause)
    throw new FairleadError('INVALID_INPUT', `Cannot write the audit log ${options.path}: ${reason}`, { cause })
  }
}

function firstServiceAddress(spec: ClusterSpec): string {
  const cidr = parseCidr(spec.serviceCidrs[0] ?? '')
  if (cidr === undefined) {
    throw new FairleadError('INVALID_INPUT', `Cannot read the Service range '${spec.serviceCidrs[0]}': give a CIDR`)
  }
  return formatAddress(nthAddress(cidr, 1))
}

function writeAdminKubeconfig(layout: Layout, server: string, pki: ClusterPki): void {
  const content = kubeconfig({
    name: `fairlead-${layout.cluster}`,
    server,
    caPem: pki.caPem,
    clientCertificatePem: pki.admin.certificatePem,
    clientKeyPem: pki.admin.privateKeyPem,
  })
  writeFileAtomic(layout.kubeconfig, content)
}

function readyOf(
  spec: ClusterSpec,
  server: string,
  { pki, vpc, cloud }: { pki: ClusterPki; vpc: ControlPlaneConfig['vpc']; cloud: CloudAccess | undefined },
): ControlPlaneReady {
  const nodes = spec.nodes.flatMap(({ name }) => {
    const kubelet = pki.nodes.get(name)
    return kubelet === undefined ? [] : [[name, { kubelet, proxy: pki.proxy }] as const]
  })
  return {
    server,
    nodeServer: `https://${vpc.address}:${NODE_API_PORT}`,
    caPem: pki.caPem,
    admin: pki.admin,
    nodes: Object.fromEntries(nodes),
    ...(cloud === undefined ? {} : { cloud }),
  }
}

interface CloudNeeds {
  readonly layout: Layout
  readonly pki: ClusterPki
  readonly started: Disposables
  /** As the cloud controller. */
  readonly client: Client
  readonly log: Log
}

/** Interfaces of nodes that are removed go back to the cloud; nobody is left on the node to do it. */
function reclaimFor({ access, controller }: ClusterCloud, { client, pki, log }: CloudNeeds): AsyncDisposable {
  const there = { endpoint: controller.endpoint, ...access.terway, caPem: pki.caPem }
  const inventory = createInterfaceInventory(there, REGION_ID)
  return reclaimInterfaces({ client, inventory, clock: systemClock, log: log.child({ component: 'terway' }) })
}

/**
 * The cloud and its controller. Nodes under Terway have their pods' addresses from the cloud, so it comes before them;
 * otherwise it waits until there is need, and the cluster's start is not kept up by it.
 */
async function openCloudFor(config: ControlPlaneConfig, needs: CloudNeeds): Promise<CloudAccess | undefined> {
  const late = needs.started.use(new LateCloud())
  const open = async () => {
    const { openClusterCloud } = await import('./cluster-cloud.ts')
    const { spec, vpc } = config
    const { layout, pki, log } = needs
    return openClusterCloud({ spec, layout, vpc, certificate: pki.apiServer, clock: systemClock, log })
  }
  const control = async (cloud: ClusterCloud) => {
    const { startClusterCloudController } = await import('./cluster-cloud-controller.ts')
    const { client, pki, log } = needs
    return startClusterCloudController({ spec: config.spec, cloud, caPem: pki.caPem, client, clock: systemClock, log })
  }
  if (config.spec.network === 'terway-eniip') {
    const cloud = await late.open({ open, control })
    needs.started.use(reclaimFor(cloud, needs))
    return cloud.access
  }
  late.openWhenNeeded({ open, control, client: needs.client, log: needs.log, clock: systemClock })
  return undefined
}
