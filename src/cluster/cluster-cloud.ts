import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyPair } from '../apiserver/pki/certificate.ts'
import type { Clock } from '../base/clock.ts'
import { FairleadError } from '../base/error.ts'
import type { Log } from '../base/log.ts'
import { type Cloud, openCloud } from '../cloud/cloud.ts'
import { openCloudFabric } from '../cloud/fabric/cloud-fabric.ts'
import { NAT_GATEWAY_ADDRESS } from '../cloud/fabric/fabric-names.ts'
import { KernelDataPlane } from '../cloud/load-balancer/kernel-data-plane.ts'
import type { RamUser } from '../cloud/openapi/ram-user.ts'
import { netnsPath } from '../linux/netns.ts'
import { listenTcp, openUdp } from '../linux/socket.ts'
import { CLOUD_PORT, type CloudKey, CONTROLLER_USER, OWNER_USER, openCloudKeys, TERWAY_USER } from './cloud-keys.ts'
import type { ClusterSpec } from './cluster-spec.ts'
import { cloudDirectories, type Layout, nodeNetns } from './layout.ts'

/** Port of the VPC's resolver, at the address of the API. */
const RESOLVER_PORT = 53

export interface ClusterCloudOptions {
  readonly spec: ClusterSpec
  readonly layout: Layout
  /** Path of the VPC's namespace, and the address there that nodes reach the API at. */
  readonly vpc: { readonly netns: string; readonly address: string }
  /** For the API's address. */
  readonly certificate: KeyPair
  readonly clock: Clock
  readonly log: Log
}

/** The cloud that a cluster is in, and what its nodes must know of it. */
export interface ClusterCloud extends AsyncDisposable {
  readonly cloud: Cloud
  readonly access: CloudAccess
  /** How the cloud controller reaches it, from this machine. */
  readonly controller: CloudKey & { readonly endpoint: string }
}

/** How nodes reach the cloud's API. */
export interface CloudAccess {
  readonly endpoint: string
  readonly terway: CloudKey
}

/** Opens the cloud around a cluster's VPC, which stands already; see `openCloud`. */
export async function openClusterCloud(options: ClusterCloudOptions): Promise<ClusterCloud> {
  const { spec, layout, vpc, certificate, clock } = options
  const log = options.log.child({ component: 'cloud' })
  const users = openCloudKeys(join(layout.cloudDirectory, 'keys.json'), [TERWAY_USER, CONTROLLER_USER, OWNER_USER])
  const { state: directory, balancing } = cloudDirectories(layout)
  for (const path of [directory, balancing]) mkdirSync(path, { recursive: true, mode: 0o700 })
  const resolver = { netns: vpc.netns, host: vpc.address, port: RESOLVER_PORT }
  const cloud = await openCloud({
    directory,
    region: {
      cluster: spec.name,
      vpcCidr: spec.vpcCidr,
      vSwitches: spec.vSwitches,
      podCidrs: spec.clusterCidrs,
      // Under Flannel pods leave as their node, which has an EIP.
      ...(spec.network === 'terway-eniip' ? { natAddress: NAT_GATEWAY_ADDRESS } : {}),
      machines: spec.nodes.map(({ zone, ...node }) => ({ ...node, zoneId: zone })),
    },
    users,
    listen: {
      host: '127.0.0.1',
      port: 0,
      tls: { certificate: certificate.certificatePem, privateKey: certificate.privateKeyPem },
      sockets: [listenTcp({ netns: vpc.netns, host: vpc.address, port: CLOUD_PORT })],
    },
    names: { udp: openUdp(resolver), tcp: listenTcp(resolver) },
    fabric: openCloudFabric({ netns: vpc.netns, machineNetns: (name) => netnsPath(nodeNetns(spec.name, name)) }),
    dataPlane: new KernelDataPlane({ netns: vpc.netns, directory: balancing, clock, log }),
    clock,
    log,
  })
  const access = { endpoint: `https://${vpc.address}:${CLOUD_PORT}`, terway: keyOf(users, TERWAY_USER.name) }
  const controller = { endpoint: cloud.endpoint.url, ...keyOf(users, CONTROLLER_USER.name) }
  return { cloud, access, controller, [Symbol.asyncDispose]: () => cloud[Symbol.asyncDispose]() }
}

function keyOf(users: readonly RamUser[], name: string): CloudKey {
  const user = users.find((candidate) => candidate.name === name)
  if (user === undefined) throw new FairleadError('BUG', `The cloud has no user ${name}`)
  return { accessKeyId: user.accessKeyId, accessKeySecret: user.accessKeySecret }
}
