import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { errorMessage } from '../../base/error.ts'
import { nodes } from '../../kube/resource.ts'
import type { Node } from '../../kube/types/core.ts'
import type { ApiContext } from '../context.ts'
import { decodedObject } from '../decoded.ts'
import { objectKey } from '../object-key.ts'
import { internalError, notFound, StatusError } from '../status-error.ts'
import { askBackend, type BackendAnswer, type BackendRequest } from './backend.ts'
import type { NodeAccessOptions } from './cluster-network.ts'

export type KubeletRequest = Omit<BackendRequest, 'connection'> & { readonly node: string }

/** Asks a node's kubelet, as the API server. */
export class KubeletClient {
  readonly #options: NodeAccessOptions

  constructor(options: NodeAccessOptions) {
    this.#options = options
  }

  /** @throws StatusError when the node is unknown, does not answer, or shows a certificate that is not its own. */
  async ask(context: ApiContext, { node, headers, ...request }: KubeletRequest): Promise<BackendAnswer> {
    const place = kubeletPlace(context, node)
    const host = `${place.host}:${place.port}`
    try {
      const connection = await this.#connect(node, place, request.signal)
      return await askBackend({ ...request, connection, headers: { ...headers, host } })
    } catch (error) {
      request.signal.throwIfAborted()
      throw internalError(`error dialing backend: ${host}: ${errorMessage(error)}`)
    }
  }

  async #connect(node: string, place: { host: string; port: number }, signal: AbortSignal): Promise<TLSSocket> {
    const { tls } = this.#options
    const socket = await this.#options.connect({ kind: 'node', node, ...place }, signal)
    const secure = connect({
      socket,
      servername: node,
      ca: tls.authority,
      cert: tls.certificate,
      key: tls.privateKey,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
    })
    await once(secure, 'secureConnect', { signal })
    return secure
  }
}

/** Where a node says that its kubelet is. */
function kubeletPlace({ store }: ApiContext, name: string): { host: string; port: number } {
  const entry = store.get(objectKey(nodes, undefined, name))
  if (entry === undefined) throw notFound(nodes, name)
  const { status } = decodedObject(entry) as Node
  const host = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address
  const port = status?.daemonEndpoints?.kubeletEndpoint?.Port
  if (host !== undefined && port) return { host, port }
  throw new StatusError(503, 'ServiceUnavailable', `node "${name}" does not say where its kubelet is`)
}
