import type { Clock } from '../../base/clock.ts'
import { type LogSelection, readLog } from '../logs/log-reader.ts'
import { type HttpFailure, httpFailure, isHttpFailure } from './http-failure.ts'
import { type ContainerPlace, findLogRun, findPod, type NodePods } from './node-pods.ts'

export interface LogRequest {
  readonly place: ContainerPlace
  readonly query: URLSearchParams
  readonly signal: AbortSignal
}

/** `/containerLogs/NAMESPACE/POD/CONTAINER`: a container's log, as it comes. */
export function containerLog(
  node: NodePods,
  { place, query, signal }: LogRequest,
  clock: Clock,
): AsyncIterable<Buffer> | HttpFailure {
  const pod = findPod(node, place)
  if (isHttpFailure(pod)) return pod
  const selection = logSelection(query, clock.now())
  if (isHttpFailure(selection)) return selection
  const run = findLogRun(node, pod, { container: place.container, previous: flag(query, 'previous') })
  if (isHttpFailure(run)) return run
  return readLog({ path: run.logPath, keeper: node.runtime.logs, signal }, selection)
}

/** core/v1 PodLogOptions from a query, with upstream's rules. */
export function logSelection(query: URLSearchParams, now: number): LogSelection | HttpFailure {
  const tailLines = wholeNumber(query, 'tailLines', 0)
  const limitBytes = wholeNumber(query, 'limitBytes', 1)
  const sinceSeconds = wholeNumber(query, 'sinceSeconds', 1)
  for (const value of [tailLines, limitBytes, sinceSeconds]) if (typeof value === 'object') return value
  const sinceTime = query.get('sinceTime')
  if (sinceTime !== null && sinceSeconds !== undefined) {
    return httpFailure(422, 'at most one of `sinceTime` or `sinceSeconds` may be specified')
  }
  const at = sinceTime === null ? undefined : Date.parse(sinceTime)
  if (Number.isNaN(at)) return httpFailure(422, `sinceTime: Invalid value: "${sinceTime}": must be a time of RFC 3339`)
  const since = typeof sinceSeconds === 'number' ? now - sinceSeconds * 1000 : at
  return {
    follow: flag(query, 'follow'),
    timestamps: flag(query, 'timestamps'),
    ...(typeof tailLines === 'number' ? { tailLines } : {}),
    ...(typeof limitBytes === 'number' ? { limitBytes } : {}),
    ...(since === undefined ? {} : { since }),
  }
}

function wholeNumber(query: URLSearchParams, name: string, least: number): number | undefined | HttpFailure {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= least) return value
  return httpFailure(422, `${name}: Invalid value: "${text}": must be a whole number from ${least}`)
}

/** As Go reads a flag in a query. */
export function flag(query: URLSearchParams, name: string): boolean {
  return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(query.get(name) ?? '')
}
