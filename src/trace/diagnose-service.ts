/** Why a Service has nobody to lead to: the cause, and the field that would mend it. */
import type { Container, Pod, Probe, Service, ServicePort } from '../kube/types/core.ts'
import { editDistance } from './closest.ts'
import type { Cause, ObjectRef } from './hop.ts'
import { type Atlas, nameOf } from './world.ts'

export function refOf(
  object: {
    readonly kind?: string
    readonly metadata: { readonly namespace?: string; readonly name: string; readonly uid?: string }
  },
  kind: string,
): ObjectRef {
  const { namespace, name, uid } = object.metadata
  return { kind, ...(namespace === undefined ? {} : { namespace }), name, ...(uid === undefined ? {} : { uid }) }
}

/**
 * The cause for a Service port without ready endpoints.
 *
 * @param port Left out for a headless Service that is looked up by name.
 */
export function noEndpoints(service: Service, port: ServicePort | undefined, atlas: Atlas): Cause {
  const object = refOf(service, 'Service')
  const name = nameOf(service)
  const selector = Object.entries(service.spec.selector ?? {})
  if (selector.length === 0) {
    const field = 'spec.selector'
    const sentence = `Service ${name} has no selector, and no EndpointSlice names an endpoint for it`
    return { code: 'no-endpoints', sentence, object, field, mend: 'give it a selector, or make an EndpointSlice' }
  }
  const here = atlas.objects.pods.filter(({ metadata }) => metadata.namespace === service.metadata.namespace)
  const matching = here.filter((pod) => matches(pod, selector))
  if (matching.length === 0) return noPodMatches(service, selector, atlas)
  const running = matching.filter(
    ({ metadata, status }) => metadata.deletionTimestamp === undefined && !ended(status?.phase),
  )
  if (running.length === 0) {
    const sentence = `all pods that Service ${name} selects have ended (${list(matching.map(({ metadata }) => metadata.name))})`
    return { code: 'pod-ended', sentence, object, field: 'spec.selector', mend: 'start pods with these labels' }
  }
  const unnamed = port === undefined ? undefined : portOfNoPod(service, port, running)
  if (unnamed !== undefined) return unnamed
  const [first] = running
  return first === undefined ? noPodMatches(service, selector, atlas) : notReady(service, running, first)
}

function ended(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}

function matches({ metadata }: Pod, selector: readonly (readonly [string, string])[]): boolean {
  return selector.every(([key, value]) => metadata.labels?.[key] === value)
}

function noPodMatches(service: Service, selector: readonly (readonly [string, string])[], atlas: Atlas): Cause {
  const wanted = selector.map(([key, value]) => `${key}=${value}`).join(',')
  const namespace = service.metadata.namespace ?? ''
  const base = { code: 'no-pod-matches', object: refOf(service, 'Service'), field: 'spec.selector' } as const
  const no = `no pod in namespace ${namespace} has the labels ${wanted} that Service ${nameOf(service)} selects`
  const elsewhere = atlas.objects.pods.find((pod) => matches(pod, selector))
  if (elsewhere !== undefined) {
    const mend = `make the Service in namespace ${elsewhere.metadata.namespace}, where pod ${elsewhere.metadata.name} has them`
    return { ...base, sentence: no, mend, field: 'metadata.namespace' }
  }
  const near = nearest(
    selector,
    atlas.objects.pods.filter(({ metadata }) => metadata.namespace === namespace),
  )
  if (near === undefined) return { ...base, sentence: no, mend: 'start pods with these labels' }
  const [key, value, pod] = near
  const sentence = `${no}; the closest is pod ${pod} with ${key}=${value}`
  return { ...base, sentence, mend: `set spec.selector.${key} to ${value}` }
}

/** The label that is least wrong: its key, its value, and the pod. */
function nearest(
  selector: readonly (readonly [string, string])[],
  pods: readonly Pod[],
): readonly [string, string, string] | undefined {
  let best: readonly [string, string, string] | undefined
  let least = Number.POSITIVE_INFINITY
  for (const { metadata } of pods) {
    const wrong = selector.filter(([key, value]) => metadata.labels?.[key] !== value)
    for (const [key, value] of wrong) {
      for (const [other, actual] of Object.entries(metadata.labels ?? {})) {
        const distance = wrong.length * 100 + editDistance(`${key}=${value}`, `${other}=${actual}`)
        if (distance < least) [best, least] = [[other, actual, metadata.name], distance]
      }
    }
  }
  return best
}

/** A `targetPort` by name that none of the pods has. */
function portOfNoPod(service: Service, port: ServicePort, pods: readonly Pod[]): Cause | undefined {
  const { targetPort } = port
  if (typeof targetPort !== 'string') return undefined
  const protocol = port.protocol ?? 'TCP'
  const all = pods
    .flatMap(({ spec }) => [...spec.containers, ...(spec.initContainers ?? [])])
    .flatMap(({ ports = [] }) => ports)
  if (all.some((one) => one.name === targetPort && (one.protocol ?? 'TCP') === protocol)) return undefined
  const named = [
    ...new Set(all.flatMap(({ name, containerPort }) => (name === undefined ? [] : [`${name} (${containerPort})`]))),
  ]
  const has = named.length === 0 ? 'their ports have no names' : `they have ${list(named)}`
  const sentence = `targetPort "${targetPort}" of Service ${nameOf(service)} is the name of no ${protocol} port of its pods; ${has}`
  const field = `spec.ports[${indexOf(service, port)}].targetPort`
  return {
    code: 'wrong-target-port',
    sentence,
    object: refOf(service, 'Service'),
    field,
    mend: 'name a port that they have',
  }
}

export function indexOf(service: Service, port: ServicePort): number {
  return Math.max(0, (service.spec.ports ?? []).indexOf(port))
}

function notReady(service: Service, pods: readonly Pod[], first: Pod): Cause {
  const count =
    pods.length === 1
      ? `the only pod of Service ${nameOf(service)}`
      : `none of the ${pods.length} pods of Service ${nameOf(service)}`
  const is = pods.length === 1 ? 'is not ready' : 'is ready'
  const { why, field, mend } = unreadiness(first)
  return {
    code: 'not-ready',
    sentence: `${count} ${is}: ${pods.length === 1 ? '' : `${first.metadata.name}: `}${why}`,
    object: refOf(first, 'Pod'),
    ...(field === undefined ? {} : { field }),
    ...(mend === undefined ? {} : { mend }),
  }
}

/** Why a pod is not ready. */
export function unreadiness({ metadata, spec, status }: Pod): { why: string; field?: string; mend?: string } {
  if (metadata.deletionTimestamp !== undefined) return { why: 'it is being deleted' }
  if (spec.nodeName === undefined || spec.nodeName === '') {
    const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
    return {
      why: `it has no node${scheduled?.message === undefined ? '' : ` (${scheduled.message})`}`,
      field: 'spec.nodeName',
    }
  }
  for (const [index, container] of spec.containers.entries()) {
    const state = status?.containerStatuses?.find(({ name }) => name === container.name)
    const field = `spec.containers[${index}]`
    const waiting = state?.state?.waiting ?? undefined
    if (waiting?.reason !== undefined) {
      return {
        why: `container ${container.name} waits: ${waiting.reason}${waiting.message ? ` (${waiting.message})` : ''}`,
        field,
      }
    }
    const end = state?.state?.terminated
    if (end !== undefined) return { why: `container ${container.name} ended with code ${end.exitCode}`, field }
    if (state?.ready === true) continue
    const [kind, probe] = failingProbe(container, state?.started)
    if (probe !== undefined) {
      const mend = `let the container answer ${probeText(probe)}, or correct the probe`
      return { why: `its ${kind} (${probeText(probe)}) fails`, field: `${field}.${kind}`, mend }
    }
  }
  const gate = spec.readinessGates?.find(
    ({ conditionType }) => !status?.conditions?.some(({ type, status: is }) => type === conditionType && is === 'True'),
  )
  if (gate !== undefined)
    return { why: `readiness gate ${gate.conditionType} is not True`, field: 'spec.readinessGates' }
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return { why: ready?.message ?? ready?.reason ?? `its phase is ${status?.phase ?? 'unknown'}` }
}

function failingProbe(
  { readinessProbe, startupProbe }: Container,
  started: boolean | undefined,
): readonly [string, Probe | undefined] {
  return startupProbe !== undefined && started !== true
    ? ['startupProbe', startupProbe]
    : ['readinessProbe', readinessProbe]
}

/** `GET :8080/ready` */
export function probeText({ httpGet, tcpSocket, exec, grpc }: Probe): string {
  if (httpGet !== undefined) return `GET :${httpGet.port}${httpGet.path ?? '/'}`
  if (tcpSocket !== undefined) return `TCP :${tcpSocket.port}`
  if (grpc !== undefined) return `gRPC :${grpc.port}`
  return `exec ${(exec?.command ?? []).join(' ')}`
}

export function list(words: readonly string[]): string {
  return words.length <= 5 ? words.join(', ') : `${words.slice(0, 5).join(', ')} and ${words.length - 5} more`
}
