import type { Container, EnvVar, Pod } from '../kube/types/core.ts'

/** What is known of the pod's place when a container starts. */
export interface PodPlace {
  readonly nodeName: string
  readonly hostIPs: readonly string[]
  readonly podIPs: readonly string[]
  /** What the node has, by resource. */
  readonly capacity: Readonly<Record<string, string>>
}

/**
 * `undefined` for a variable that is left out (its source is optional and missing).
 * @throws FairleadError or returns a reason where the source cannot be read.
 */
export type EnvSource = (variable: EnvVar) => EnvValue

export type EnvValue =
  | { readonly kind: 'value'; readonly value: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly message: string }

export type EnvResult =
  | { readonly kind: 'env'; readonly env: ReadonlyMap<string, string> }
  | { readonly kind: 'refused'; readonly message: string }

/**
 * The variables of a container in the order of their declaration, `$(NAME)` replaced by what was declared before (or
 * stands in `base`). Source: core/v1 EnvVar.
 */
export function containerEnv(container: Container, base: ReadonlyMap<string, string>, sourceOf: EnvSource): EnvResult {
  const env = new Map(base)
  for (const variable of container.env ?? []) {
    if (variable.valueFrom === undefined) {
      env.set(variable.name, expand(variable.value ?? '', env))
      continue
    }
    const found = sourceOf(variable)
    if (found.kind === 'refused') return found
    if (found.kind === 'value') env.set(variable.name, found.value)
  }
  return { kind: 'env', env }
}

/** `$(NAME)` becomes the variable's value, `$$` one dollar; a name that nobody declared stays as it is. */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (whole, name: string | undefined) => {
    if (name === undefined) return '$'
    return env.get(name) ?? whole
  })
}

/** A field of the pod (core/v1 ObjectFieldSelector); `undefined` for a path that upstream does not know. */
export function podField(pod: Pod, path: string, place: PodPlace): string | undefined {
  const subscript = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path)
  if (subscript !== null) {
    const map = subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations
    return map?.[subscript[2] ?? ''] ?? ''
  }
  return simpleFields(pod, place)[path]
}

function simpleFields({ metadata, spec }: Pod, place: PodPlace): Readonly<Record<string, string | undefined>> {
  return {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace ?? '',
    'metadata.uid': metadata.uid ?? '',
    'metadata.labels': quotedMap(metadata.labels),
    'metadata.annotations': quotedMap(metadata.annotations),
    'spec.nodeName': spec.nodeName ?? place.nodeName,
    'spec.serviceAccountName': spec.serviceAccountName ?? 'default',
    'status.hostIP': place.hostIPs[0] ?? '',
    'status.hostIPs': place.hostIPs.join(','),
    'status.podIP': place.podIPs[0] ?? '',
    'status.podIPs': place.podIPs.join(','),
  }
}

/** As the downward API writes a map: sorted lines of `key="value"`. */
function quotedMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n')
}
