/** A running cluster of this machine as its administrator meets it: for commands that ask it, and do not run it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { FairleadError } from '../base/error.ts'
import { unless } from '../base/unless.ts'
import type { Client } from '../kube/client.ts'
import { createHttpsTransport } from '../kube/https-transport.ts'
import { loadKubeconfig } from '../kube/kubeconfig.ts'
import { createClient } from '../kube/rest-client.ts'
import type { ClusterSpec } from './cluster-spec.ts'
import type { ControlPlaneReady } from './control-plane.ts'
import { type Layout, type LayoutRoots, layoutRoots } from './layout.ts'

/** A client with the administrator's kubeconfig of a cluster on this machine. */
export async function connectAsAdmin(
  layout: Layout,
): Promise<{ client: Client; transport: Disposable; server: string }> {
  const access = await loadKubeconfig(layout.kubeconfig)
  const { server, caPem = '', credentials } = access
  if (credentials.type !== 'certificate') {
    throw new FairleadError('INVALID_INPUT', `The kubeconfig ${layout.kubeconfig} has no client certificate`)
  }
  const admin = { certificatePem: credentials.certificatePem, privateKeyPem: credentials.keyPem }
  return { ...connectWith({ server, caPem, admin }), server }
}

/** A client with the certificate of an administrator. */
export function connectWith(access: Pick<ControlPlaneReady, 'server' | 'caPem' | 'admin'>): {
  client: Client
  transport: Disposable
} {
  const transport = createHttpsTransport({
    server: access.server,
    caPem: access.caPem,
    clientCertificatePem: access.admin.certificatePem,
    clientKeyPem: access.admin.privateKeyPem,
  })
  return { client: createClient(transport, { userAgent: 'fairlead' }), transport }
}

/** What a cluster was started with; undefined when there is none of that name. */
export function readClusterSpec(layout: Layout): ClusterSpec | undefined {
  if (!existsSync(layout.specFile)) return undefined
  return JSON.parse(readFileSync(layout.specFile, 'utf8')) as ClusterSpec
}

/** Names of the clusters that the machine knows. */
export function listClusters(roots: LayoutRoots): string[] {
  const { state, run } = layoutRoots(roots)
  const namesIn = (directory: string) => unless(['ENOENT'], () => readdirSync(directory)) ?? []
  const names = [join(state, 'clusters'), run].flatMap(namesIn)
  return [...new Set(names)].sort()
}
