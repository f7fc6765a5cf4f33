/** Why a Service has nobody to lead to: the cause, and the field that would mend it. */
import { editDistance } from '../../base/closest.ts'
import { keyOf } from '../../kube/object-key.ts'
import type { Pod, Service, ServicePort } from '../../kube/types/core.ts'
import { isActive } from '../pod-state.ts'
import { selects } from '../service-pods.ts'
import { targetPortOf } from '../service-ports.ts'
import { refOf, type ServiceCause } from './cause.ts'
import { unreadiness } from './unreadiness.ts'

/** Labels that controllers give, which nobody types in a selector. */
const MADE_LABELS: ReadonlySet<string> = new Set([
  'pod-template-hash',
  'pod-template-generation',
  'controller-revision-hash',
  'controller-uid',
  'batch.kubernetes.io/controller-uid',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
])

/**
 * The cause for a Service port without ready endpoints.
 *
 * @param port Left out for a headless Service that is looked up by name.
 * @param pods Those of all namespaces: the pods may be in another one than the Service.
 */
export function noEndpoints(service: Service, port: ServicePort | undefined, pods: readonly Pod[]): ServiceCause {
  const object = refOf(service, 'Service')
  const name = keyOf(service)
  const selector = Object.entries(service.spec.selector ?? {})
  if (selector.length === 0) {
    const field = 'spec.selector'
    const sentence = `Service ${name} has no selector, and no EndpointSlice names an endpoint for it`
    return { code: 'no-endpoints', sentence, object, field, mend: 'give it a selector, or make an EndpointSlice' }
  }
  const here = pods.filter(({ metadata }) => metadata.namespace === service.metadata.namespace)
  const matching = here.filter(({ metadata }) => selects(service, metadata.labels))
  if (matching.length === 0) return noPodMatches(service, selector, pods)
  const running = matching.filter(isActive)
  if (running.length === 0) {
    const sentence = `all pods that Service ${name} selects have ended (${list(matching.map(({ metadata }) => metadata.name))})`
    return { code: 'pod-ended', sentence, object, field: 'spec.selector', mend: 'start pods with these labels' }
  }
  const serving = port === undefined ? running : running.filter((pod) => targetPortOf(pod, port) !== undefined)
  const [first] = serving
  if (port !== undefined && first === undefined) return portOfNoPod(service, port, running)
  if (first === undefined) return noPodMatches(service, selector, pods)
  const having = serving.length === running.length ? '' : `with port ${port?.targetPort ?? port?.port} `
  return notReady(serving, first, `${having}of Service ${name}`)
}

type Selector = readonly (readonly [string, string])[]

function noPodMatches(service: Service, selector: Selector, pods: readonly Pod[]): ServiceCause {
  const wanted = selector.map(([key, value]) => `${key}=${value}`).join(',')
  const namespace = service.metadata.namespace ?? ''
  const base = { code: 'no-pod-matches', object: refOf(service, 'Service'), field: 'spec.selector' } as const
  const no = `no pod in namespace ${namespace} has the labels ${wanted} that Service ${keyOf(service)} selects`
  const elsewhere = pods.find(({ metadata }) => selects(service, metadata.labels))
  if (elsewhere !== undefined) {
    const mend = `make the Service in namespace ${elsewhere.metadata.namespace}, where pod ${elsewhere.metadata.name} has them`
    return { ...base, sentence: no, mend, field: 'metadata.namespace' }
  }
  const near = nearest(
    selector,
    pods.filter(({ metadata }) => metadata.namespace === namespace),
  )
  if (near === undefined) return { ...base, sentence: no, mend: 'start pods with these labels' }
  const [key, value, pod] = near
  const sentence = `${no}; the closest is pod ${pod} with ${key}=${value}`
  return { ...base, sentence, mend: `set spec.selector.${key} to ${value}` }
}

/** The label that is least wrong: its key, its value, and the pod. */
function nearest(selector: Selector, pods: readonly Pod[]): readonly [string, string, string] | undefined {
  let best: readonly [string, string, string] | undefined
  let least = Number.POSITIVE_INFINITY
  const distances = new Map<string, number>()
  const distanceOf = (wanted: string, actual: string) => {
    const pair = `${wanted} ${actual}`
    const distance = distances.get(pair) ?? editDistance(wanted, actual)
    distances.set(pair, distance)
    return distance
  }
  for (const { metadata } of pods) {
    const wrong = selector.filter(([key, value]) => metadata.labels?.[key] !== value)
    for (const [key, value] of wrong) {
      for (const [other, actual] of Object.entries(metadata.labels ?? {})) {
        if (MADE_LABELS.has(other)) continue
        const distance = wrong.length * 100 + distanceOf(`${key}=${value}`, `${other}=${actual}`)
        if (distance < least) [best, least] = [[other, actual, metadata.name], distance]
      }
    }
  }
  return best
}

/** A `targetPort` by name that none of the pods has. */
function portOfNoPod(service: Service, port: ServicePort, pods: readonly Pod[]): ServiceCause {
  const protocol = port.protocol ?? 'TCP'
  const all = pods
    .flatMap(({ spec }) => [...spec.containers, ...(spec.initContainers ?? [])])
    .flatMap(({ ports = [] }) => ports)
  const named = [
    ...new Set(all.flatMap(({ name, containerPort }) => (name === undefined ? [] : [`${name} (${containerPort})`]))),
  ]
  const has = named.length === 0 ? 'their ports have no names' : `they have ${list(named)}`
  const sentence = `targetPort "${port.targetPort}" of Service ${keyOf(service)} is the name of no ${protocol} port of its pods; ${has}`
  const field = `spec.ports[${indexOf(service, port)}].targetPort`
  const object = refOf(service, 'Service')
  return { code: 'wrong-target-port', sentence, object, field, mend: 'name a port that they have' }
}

/** Place of the port in the Service's list, as field paths name it. */
export function indexOf(service: Service, port: ServicePort): number {
  return Math.max(0, (service.spec.ports ?? []).indexOf(port))
}

/** @param pods Those of the Service that have the port, the first of which is told of. */
function notReady(pods: readonly Pod[], first: Pod, whose: string): ServiceCause {
  const count = pods.length === 1 ? `the only pod ${whose}` : `none of the ${pods.length} pods ${whose}`
  const is = pods.length === 1 ? 'is not ready' : `is ready: ${first.metadata.name}`
  const { why, field, mend } = unreadiness(first)
  return {
    code: 'not-ready',
    sentence: `${count} ${is}: ${why}`,
    object: refOf(first, 'Pod'),
    ...(field === undefined ? {} : { field }),
    ...(mend === undefined ? {} : { mend }),
  }
}

/** At most five words, and how many more there are. */
export function list(words: readonly string[]): string {
  return words.length <= 5 ? words.join(', ') : `${words.slice(0, 5).join(', ')} and ${words.length - 5} more`
}
