import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { connect } from 'node:tls'
import { errorMessage } from '../../base/error.ts'
import { bracketed } from '../../base/ip.ts'
import type { Node, Pod, Service } from '../../kube/types/core.ts'
import { decodedObject } from '../decoded.ts'
import { getEntry } from '../object-storage.ts'
import { type ApiResponse, textResponse } from '../request.ts'
import { type ObjectCall, placeOf } from '../resource-requests.ts'
import { badRequest, pathNotFound, unavailable } from '../status-error.ts'
import type { SubresourceHandler } from '../subresources/subresource.ts'
import { askBackend, type BackendAnswer, type BackendRequest, join } from './backend.ts'
import type { ClusterPlace, ConnectInCluster } from './cluster-network.ts'
import { endToEndHeaders, upgradeHeaders } from './hop-headers.ts'
import type { KubeletClient } from './kubelet-client.ts'
import { isPage, proxiedPage } from './proxied-page.ts'
import { type ProxyName, type ProxyPath, proxiedLocation, proxyName, proxyPath } from './proxy-path.ts'
import { nodeTarget, podTarget, serviceTarget } from './proxy-target.ts'

/** Longer pages are not looked into. */
const PAGE_LIMIT = 4 * 1024 * 1024

interface ProxyCall extends ObjectCall {
  readonly target: ProxyName
  readonly path: ProxyPath
}

/** A place that a request is handed on to, with the names that it may have for itself in redirects. */
interface Backend {
  readonly hosts: readonly string[]
  ask(request: Omit<BackendRequest, 'connection'>): Promise<BackendAnswer>
}

/** `pods/proxy`: what a pod serves by HTTP. */
export function podProxyHandler(connectTo: ConnectInCluster): SubresourceHandler {
  return proxyHandler((call) => backendAt(connectTo, podTarget(objectOf(call) as Pod, call.target), call.target))
}

/** `services/proxy`: what an endpoint of a Service serves by HTTP. */
export function serviceProxyHandler(connectTo: ConnectInCluster): SubresourceHandler {
  return proxyHandler((call) => {
    const place = serviceTarget(call.context, objectOf(call) as Service, call.target)
    return backendAt(connectTo, place, call.target)
  })
}

/** `nodes/proxy`: a node's kubelet, or another port of the node. */
export function nodeProxyHandler(kubelets: KubeletClient, connectTo: ConnectInCluster): SubresourceHandler {
  return proxyHandler((call) => {
    const node = objectOf(call) as Node
    const { target, context } = call
    const kubeletPort = String(node.status?.daemonEndpoints?.kubeletEndpoint?.Port)
    if (target.port !== '' && target.port !== kubeletPort) {
      return backendAt(connectTo, nodeTarget(node, target), target)
    }
    return { hosts: [], ask: (request) => kubelets.ask(context, { ...request, node: node.metadata.name }) }
  })
}

function objectOf(call: ProxyCall): object {
  return decodedObject(getEntry(call.context, { ...placeOf(call), name: call.target.name }))
}

function proxyHandler(backendOf: (call: ProxyCall) => Backend): SubresourceHandler {
  return async (call) => {
    const path = proxyPath(call.request.url)
    const target = proxyName(call.name)
    if (path === undefined) throw pathNotFound()
    if (target === undefined) throw badRequest(`invalid ${call.kind.singular} request "${call.name}"`)
    const backend = backendOf({ ...call, path, target })
    // Relative links of the page would lead elsewhere.
    if (path.rest === '' && ['GET', 'HEAD'].includes(call.request.method) && call.request.upgrade !== true) {
      return { ...textResponse(301, ''), headers: { location: `${path.prefix}/${path.search}` } }
    }
    return handOn(call, path, backend)
  }
}

async function handOn({ request }: ObjectCall, path: ProxyPath, backend: Backend): Promise<ApiResponse> {
  const { headers, method, signal, stream } = request
  const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  const answer = await backend.ask({
    method,
    path: `${path.rest || '/'}${path.search}`,
    headers: { ...endToEndHeaders(headers), ...forwardedHeaders(headers, path), ...upgradeHeaders(headers) },
    ...(hasBody && stream !== undefined && request.upgrade !== true ? { body: stream } : {}),
    signal,
  })
  const { statusCode: status = 502, headers: answered } = answer.message
  const { location } = answered
  const moved = (link: string) => proxiedLocation(link, path, backend.hosts)
  const kept = {
    ...endToEndHeaders(answered),
    ...(location === undefined ? {} : { location: moved(location) }),
  }
  if (answer.kind === 'response') {
    if (method !== 'HEAD' && isPage(kept)) return page({ status, headers: kept }, answer.message, moved)
    return { status, headers: kept, body: answer.message }
  }
  return {
    status,
    headers: { ...kept, ...upgradeHeaders(answered) },
    body: Buffer.alloc(0),
    takeOver: (connection) => join(connection, answer.connection),
  }
}

/** Pages lead to places below the proxy. One that is too long for that is handed on as it is. */
async function page(
  { status, headers }: Pick<ApiResponse, 'status' | 'headers'>,
  body: AsyncIterable<Uint8Array>,
  moved: (link: string) => string,
): Promise<ApiResponse> {
  const chunks: Uint8Array[] = []
  const rest = body[Symbol.asyncIterator]()
  let size = 0
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
    chunks.push(next.value)
    size += next.value.byteLength
    if (size > PAGE_LIMIT) return { status, headers, body: both(chunks, rest) }
  }
  return { status, ...proxiedPage(headers, Buffer.concat(chunks), moved) }
}

async function* both(
  chunks: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield* chunks
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

/** As upstream: the backend may want to know by which name and path it was asked. */
function forwardedHeaders(
  { host = '' }: Readonly<Record<string, string | undefined>>,
  { prefix, rest }: ProxyPath,
): Record<string, string> {
  return {
    host,
    'x-forwarded-host': host,
    'x-forwarded-proto': 'https',
    'x-forwarded-uri': `${prefix}${rest}`,
  }
}

function backendAt(connectTo: ConnectInCluster, place: ClusterPlace, { scheme }: ProxyName): Backend {
  const name = bracketed(place.host)
  return {
    hosts: [`${name}:${place.port}`, ...(place.port === (scheme === 'https' ? 443 : 80) ? [name] : [])],
    async ask(request) {
      try {
        const connection = await connectTo(place, request.signal)
        return await askBackend({ ...request, connection: scheme === 'http' ? connection : await secured(connection) })
      } catch (error) {
        request.signal.throwIfAborted()
        throw unavailable(`error trying to reach service: ${name}:${place.port}: ${errorMessage(error)}`)
      }
    },
  }
}

/** As upstream, whatever the certificate: who serves there is known by the address. */
async function secured(socket: Duplex): Promise<Duplex> {
  const secure = connect({ socket, rejectUnauthorized: false })
  await once(secure, 'secureConnect')
  return secure
}
