import { pods } from '../../kube/resource.ts'
import type { Pod } from '../../kube/types/core.ts'
import type { ApiContext } from '../context.ts'
import { decodedObject } from '../decoded.ts'
import { objectKey, objectPrefix } from '../object-key.ts'

/** Every namespace has this ConfigMap, for all of its pods. */
const ROOT_CA = 'kube-root-ca.crt'

type Store = Pick<ApiContext['store'], 'get' | 'list'>

export function findPod(store: Store, namespace: string, name: string): Pod | undefined {
  const entry = store.get(objectKey(pods, namespace, name))
  return entry === undefined ? undefined : (decodedObject(entry) as Pod)
}

/** Whether any pod in the namespace that is bound to the node fits. */
export function anyPodOn(
  store: Store,
  { node, namespace }: { readonly node: string; readonly namespace: string },
  fits: (pod: Pod) => boolean,
): boolean {
  return store.list(objectPrefix(pods, namespace)).entries.some((entry) => {
    const pod = decodedObject(entry) as Pod
    return pod.spec.nodeName === node && fits(pod)
  })
}

interface Reference {
  readonly name?: string
  readonly secretName?: string
}

/** The parts of a pod that name Secrets and ConfigMaps, as upstream's open unions have them. */
interface Source {
  readonly secret?: Reference
  readonly configMap?: Reference
  readonly secretRef?: Reference
  readonly configMapRef?: Reference
  readonly secretKeyRef?: Reference
  readonly configMapKeyRef?: Reference
  readonly projected?: { readonly sources?: readonly Source[] | null }
}

interface ContainerPart {
  readonly env?: readonly { readonly valueFrom?: Source }[] | null
  readonly envFrom?: readonly Source[] | null
}

interface SpecPart {
  readonly containers?: readonly ContainerPart[] | null
  readonly initContainers?: readonly ContainerPart[] | null
  readonly ephemeralContainers?: readonly ContainerPart[] | null
  readonly volumes?: readonly Source[] | null
  readonly imagePullSecrets?: readonly Reference[] | null
}

/** Whether a pod refers to a Secret or ConfigMap, by volume, variable or as a pull secret. */
export function refersTo(pod: Pod, resource: 'secrets' | 'configmaps', name: string): boolean {
  const spec = pod.spec as SpecPart
  if (resource === 'configmaps' && name === ROOT_CA) return true
  if (resource === 'secrets' && (spec.imagePullSecrets ?? []).some((each) => each.name === name)) return true
  return sourcesOf(spec).some((source) => namesOf(source, resource).includes(name))
}

function sourcesOf(spec: SpecPart): readonly Source[] {
  const containers = [spec.containers, spec.initContainers, spec.ephemeralContainers].flatMap((list) => list ?? [])
  return [
    ...containers.flatMap(({ env }) => (env ?? []).map(({ valueFrom }) => valueFrom ?? {})),
    ...containers.flatMap(({ envFrom }) => envFrom ?? []),
    ...(spec.volumes ?? []).flatMap((volume) => [volume, ...(volume.projected?.sources ?? [])]),
  ]
}

function namesOf(source: Source, resource: 'secrets' | 'configmaps'): readonly (string | undefined)[] {
  if (resource === 'configmaps') {
    return [source.configMap?.name, source.configMapRef?.name, source.configMapKeyRef?.name]
  }
  return [source.secret?.secretName, source.secret?.name, source.secretRef?.name, source.secretKeyRef?.name]
}
