import type { Pod } from '../../kube/types/core.ts'
import { decodedObject } from '../decoded.ts'
import { getEntry } from '../object-storage.ts'
import { type ApiResponse, textResponse } from '../request.ts'
import { placeOf } from '../resource-requests.ts'
import { internalError, methodNotAllowed } from '../status-error.ts'
import type { SubresourceHandler } from '../subresources/subresource.ts'
import { failedAnswer } from './failed-answer.ts'
import type { KubeletClient } from './kubelet-client.ts'
import { containerOf } from './pod-container.ts'
import { relay } from './streams.ts'

const PARAMETERS = ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes']

/** `pods/log`: what a container has written, from its node's kubelet. */
export function logHandler(kubelets: KubeletClient): SubresourceHandler {
  return async (call): Promise<ApiResponse> => {
    const { context, query, request, namespace = '', name } = call
    if (request.method !== 'GET') throw methodNotAllowed()
    const pod = decodedObject(getEntry(context, placeOf(call))) as Pod
    const container = containerOf(pod, query.get('container'))
    // A pod that has no node yet has written nothing.
    if (!pod.spec.nodeName) return textResponse(200, '')
    const path = `/containerLogs/${namespace}/${name}/${container}?${new URLSearchParams(
      PARAMETERS.flatMap((key) => query.getAll(key).map((value): [string, string] => [key, value])),
    )}`
    // Browsers and some libraries read logs by WebSocket.
    if (request.headers.upgrade?.toLowerCase() === 'websocket') return relay(kubelets, call, { pod, path })
    const answer = await kubelets.ask(context, {
      node: pod.spec.nodeName,
      method: 'GET',
      path,
      headers: {},
      signal: request.signal,
    })
    if (answer.kind === 'upgrade') throw internalError('the kubelet answered a request for logs by an upgrade')
    if (answer.message.statusCode !== 200) throw await failedAnswer(answer.message)
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: answer.message }
  }
}
