import { readFileSync } from 'node:fs'
import { errorMessage, FairleadError } from '../base/error.ts'
import { createAccessTransport } from '../kube/access-transport.ts'
import type { Client } from '../kube/client.ts'
import type { HttpsTransport } from '../kube/https-transport.ts'
import { inClusterAccess } from '../kube/in-cluster.ts'
import { type KubeconfigAccess, loadKubeconfig } from '../kube/kubeconfig.ts'
import { createClient } from '../kube/rest-client.ts'
import type { KubernetesConfig } from './corefile/kubernetes-config.ts'

/** Options of the directive `kubernetes` that say where its API server is. */
export type ClusterPlace = Pick<KubernetesConfig, 'kubeconfig' | 'endpoint' | 'tls'>

/** Clients of the clusters that a Corefile names, one connection for each cluster. */
export class ClusterAccess implements Disposable {
  readonly #kubeconfig: string | undefined
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #transports = new Map<string, HttpsTransport>()

  /** @param kubeconfig Goes before everything that a Corefile says. */
  constructor(kubeconfig: string | undefined, env: Readonly<Record<string, string | undefined>>) {
    this.#kubeconfig = kubeconfig
    this.#env = env
  }

  /**
   * A client for a directive `kubernetes`: by the program's own kubeconfig, else the directive's, else its `endpoint`,
   * else the pod's service account.
   *
   * @throws FairleadError `NOT_FOUND`, `INVALID_INPUT` when there are no credentials to be had.
   */
  async client({ kubeconfig, endpoint, tls }: ClusterPlace): Promise<Client> {
    const key = JSON.stringify([kubeconfig, endpoint, tls])
    const transport =
      this.#transports.get(key) ?? createAccessTransport(await this.#access({ kubeconfig, endpoint, tls }))
    this.#transports.set(key, transport)
    return createClient(transport, { userAgent: 'fairlead-dns' })
  }

  [Symbol.dispose](): void {
    for (const transport of this.#transports.values()) transport[Symbol.dispose]()
  }

  async #access({
    kubeconfig,
    endpoint,
    tls,
  }: { [K in keyof ClusterPlace]: ClusterPlace[K] | undefined }): Promise<KubeconfigAccess> {
    if (this.#kubeconfig !== undefined) return loadKubeconfig(this.#kubeconfig)
    if (kubeconfig !== undefined) return loadKubeconfig(kubeconfig.path, kubeconfig.context)
    return endpoint === undefined ? inClusterAccess(this.#env) : endpointAccess(endpoint, tls)
  }
}

/** An API server by its URL, and the files of `tls`. */
export function endpointAccess(server: string, tls: KubernetesConfig['tls']): KubeconfigAccess {
  if (tls === undefined) return { context: 'endpoint', server, credentials: { type: 'none' } }
  const [certificatePem, keyPem, caPem] = [readText(tls.cert), readText(tls.key), readText(tls.ca)]
  return { context: 'endpoint', server, caPem, credentials: { type: 'certificate', certificatePem, keyPem } }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new FairleadError('NOT_FOUND', `Cannot read ${path}, which tls names: ${errorMessage(cause)}`, { cause })
  }
}
