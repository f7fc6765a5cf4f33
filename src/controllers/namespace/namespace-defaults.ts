import { isAlreadyExists, isNotFound } from '../../kube/api-error.ts'
import type { Informer } from '../../kube/informer.ts'
import { configMaps, namespaces, serviceAccounts } from '../../kube/resource.ts'
import type { ConfigMap, Namespace, ServiceAccount } from '../../kube/types/core.ts'
import type { KubeObject } from '../../kube/types/meta.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import { sameJson } from '../canonical-json.ts'
import { type Controller, type ControllerContext, WORKERS } from '../controller.ts'
import { isNamespaceTerminating } from '../namespace-terminating.ts'

const ROOT_CA_NAME = 'kube-root-ca.crt'
const ACCOUNT_NAME = 'default'
const DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.'

/** Puts into every namespace what pods take for granted: ServiceAccount `default` and the cluster's CA certificate. */
export class NamespaceDefaults implements Controller {
  readonly #context: ControllerContext
  readonly #rootCa: Readonly<Record<string, string>>
  readonly #namespaces: Informer<Namespace>
  readonly #accounts: Informer<ServiceAccount>
  readonly #configMaps: Informer<ConfigMap>
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, { rootCaPem }: { readonly rootCaPem: string }) {
    this.#context = context
    this.#rootCa = { 'ca.crt': rootCaPem }
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#namespaces = context.informers.for(namespaces)
    this.#accounts = context.informers.for(serviceAccounts)
    this.#configMaps = context.informers.for(configMaps)
    const add = (namespace: Namespace) => this.#queue.add(namespace.metadata.name)
    this.#namespaces.on({ added: add, updated: add })
    const onContent = (object: KubeObject) => {
      const { name, namespace } = object.metadata
      if ((name === ACCOUNT_NAME || name === ROOT_CA_NAME) && namespace !== undefined) this.#queue.add(namespace)
    }
    this.#accounts.on({ deleted: onContent })
    this.#configMaps.on({ deleted: onContent, updated: onContent })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (name: string) => this.#reconcile(name)
    await runWorkers({ queue: this.#queue, workers: WORKERS, reconcile, log: this.#context.log, signal })
  }

  async #reconcile(name: string): Promise<void> {
    const namespace = this.#namespaces.get(name)
    const leaving = namespace?.metadata.deletionTimestamp !== undefined || namespace?.status?.phase === 'Terminating'
    if (namespace === undefined || leaving) return
    try {
      await Promise.all([this.#ensureAccount(name), this.#ensureRootCa(name)])
    } catch (error) {
      if (!isNamespaceTerminating(error) && !isNotFound(error)) throw error
    }
  }

  async #ensureAccount(namespace: string): Promise<void> {
    if (this.#accounts.get(`${namespace}/${ACCOUNT_NAME}`) !== undefined) return
    const metadata = { name: ACCOUNT_NAME, namespace }
    const account: ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata }
    await this.#context.client.create(serviceAccounts, account).catch(unlessExists)
  }

  async #ensureRootCa(namespace: string): Promise<void> {
    const known = this.#configMaps.get(`${namespace}/${ROOT_CA_NAME}`)
    if (known !== undefined) {
      if (sameJson(known.data ?? {}, this.#rootCa)) return
      await this.#context.client.update(configMaps, { ...known, data: this.#rootCa })
      return
    }
    const annotations = { 'kubernetes.io/description': DESCRIPTION }
    const metadata = { name: ROOT_CA_NAME, namespace, annotations }
    const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: this.#rootCa }
    await this.#context.client.create(configMaps, map).catch(unlessExists)
  }
}

function unlessExists(error: unknown): void {
  if (!isAlreadyExists(error)) throw error
}
