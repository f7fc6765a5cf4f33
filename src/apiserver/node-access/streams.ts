import type { Pod } from '../../kube/types/core.ts'
import { decodedObject } from '../decoded.ts'
import { getEntry } from '../object-storage.ts'
import { type ApiResponse, textResponse } from '../request.ts'
import { type ObjectCall, placeOf } from '../resource-requests.ts'
import { badRequest } from '../status-error.ts'
import type { SubresourceHandler } from '../subresources/subresource.ts'
import { join } from './backend.ts'
import { failedAnswer } from './failed-answer.ts'
import { endToEndHeaders, upgradeHeaders } from './hop-headers.ts'
import type { KubeletClient } from './kubelet-client.ts'
import { containerOf } from './pod-container.ts'

/** What clients call the streams, and what kubelets do. */
const STREAMS = [
  ['stdin', 'input'],
  ['stdout', 'output'],
  ['stderr', 'error'],
  ['tty', 'tty'],
] as const

/** `pods/exec`: runs a command in a container; its streams are those of the connection. */
export function execHandler(kubelets: KubeletClient): SubresourceHandler {
  return async (call) => {
    const { namespace, name, query } = call
    const pod = podOf(call)
    const container = containerOf(pod, query.get('container'))
    const path = `/exec/${namespace}/${name}/${container}?${streamQuery(query, ['command'])}`
    return relay(kubelets, call, { pod, path })
  }
}

/** `pods/attach`: the streams of a container itself. */
export function attachHandler(kubelets: KubeletClient): SubresourceHandler {
  return async (call) => {
    const { namespace, name, query } = call
    const pod = podOf(call)
    const container = containerOf(pod, query.get('container'))
    return relay(kubelets, call, { pod, path: `/attach/${namespace}/${name}/${container}?${streamQuery(query, [])}` })
  }
}

/** `pods/portforward`: connections to the pod's own ports. */
export function portForwardHandler(kubelets: KubeletClient): SubresourceHandler {
  return async (call) => {
    const { namespace, name, query } = call
    const ports = query.getAll('ports').map((port): [string, string] => ['port', port])
    const search = ports.length === 0 ? '' : `?${new URLSearchParams(ports)}`
    return relay(kubelets, call, { pod: podOf(call), path: `/portForward/${namespace}/${name}${search}` })
  }
}

function podOf(call: ObjectCall): Pod {
  return decodedObject(getEntry(call.context, placeOf(call))) as Pod
}

function streamQuery(query: URLSearchParams, others: readonly string[]): string {
  const streams = STREAMS.flatMap(([ours, theirs]) =>
    query.getAll(ours).map((value): [string, string] => [theirs, value]),
  )
  const rest = others.flatMap((key) => query.getAll(key).map((value): [string, string] => [key, value]))
  return new URLSearchParams([...streams, ...rest]).toString()
}

/** Hands the connection on to the pod's node, whatever protocol the client wants to speak there. */
export async function relay(
  kubelets: KubeletClient,
  { context, request, name }: ObjectCall,
  { pod, path }: { pod: Pod; path: string },
): Promise<ApiResponse> {
  if (request.upgrade !== true) throw badRequest('Upgrade request required')
  const { nodeName } = pod.spec
  if (!nodeName) throw badRequest(`pod ${name} does not have a host assigned`)
  const answer = await kubelets.ask(context, {
    node: nodeName,
    method: request.method,
    path,
    headers: { ...endToEndHeaders(request.headers), ...upgradeHeaders(request.headers) },
    signal: request.signal,
  })
  if (answer.kind === 'response') {
    const { status } = await failedAnswer(answer.message)
    return textResponse(status.code, status.message ?? '')
  }
  return {
    status: 101,
    headers: { ...endToEndHeaders(answer.message.headers), ...upgradeHeaders(answer.message.headers) },
    body: Buffer.alloc(0),
    takeOver: (connection) => join(connection, answer.connection),
  }
}
