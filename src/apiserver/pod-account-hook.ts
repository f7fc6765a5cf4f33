import { allContainers } from '../kube/all-containers.ts'
import type { Draft } from '../kube/kind.ts'
import { randomSuffix } from '../kube/names.ts'
import { namespaces, pods, serviceAccounts } from '../kube/resource.ts'
import type { Container, Pod, ServiceAccount, VolumeMount } from '../kube/types/core.ts'
import type { Store } from '../store/store.ts'
import type { ApiContext, Random } from './context.ts'
import { decodedObject } from './decoded.ts'
import { objectKey } from './object-key.ts'
import { forbidden } from './status-error.ts'
import type { WriteHook } from './write-hook.ts'

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount'
const VOLUME_PREFIX = 'kube-api-access-'
const MIRROR = 'kubernetes.io/config.mirror'
/** An hour, and some seconds by which upstream knows its own. */
const TOKEN_SECONDS = 3607
const SUFFIX_LENGTH = 5
const SUFFIX_RANGE = 2 ** 32

type Reader = Pick<Store, 'get'>

/**
 * Gives a new pod what its service account stands for (upstream's admission plug-in ServiceAccount): a volume with a
 * token, the cluster's CA and the namespace, mounted in every container, unless pod or account say otherwise; and the
 * account's pull secrets.
 *
 * A namespace whose account `default` nobody has made yet has nothing to give.
 */
export function podAccountHook(store: Reader, random: Random): WriteHook {
  return ({ operation, object }) => {
    const pod = object as unknown as Pod
    const isMirror = pod.metadata.annotations?.[MIRROR] !== undefined
    const account = operation === 'create' && !isMirror ? accountOf(store, pod) : undefined
    const draft = account === undefined ? object : ({ ...object, spec: specWith(pod, account, random) } as Draft)
    return { kind: 'plan', draft, compares: [], operations: [] }
  }
}

/** @throws StatusError Forbidden, when the pod names an account that is not there. */
function accountOf(store: Reader, { metadata, spec }: Pod): ServiceAccount | undefined {
  const name = spec.serviceAccountName || 'default'
  const { namespace = 'default' } = metadata
  const entry = store.get(objectKey(serviceAccounts, namespace, name))
  if (entry !== undefined) return decodedObject(entry) as ServiceAccount
  if (name === 'default') return undefined
  const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`
  throw forbidden(pods, metadata.name, why)
}

function specWith({ spec }: Pod, account: ServiceAccount, random: Random): Pod['spec'] {
  const pull = spec.imagePullSecrets?.length ? spec.imagePullSecrets : account.imagePullSecrets
  const withPull = pull?.length ? { ...spec, imagePullSecrets: pull } : spec
  const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true
  return mounts ? withToken(withPull, random) : withPull
}

function withToken(spec: Pod['spec'], random: Random): Pod['spec'] {
  if (allContainers(spec).every(hasMount)) return spec
  const present = spec.volumes?.find(({ name }) => name.startsWith(VOLUME_PREFIX))?.name
  const fraction = () => random.below(SUFFIX_RANGE) / SUFFIX_RANGE
  const name = present ?? `${VOLUME_PREFIX}${randomSuffix(SUFFIX_LENGTH, fraction)}`
  const mounted = (container: Container): Container =>
    hasMount(container) ? container : { ...container, volumeMounts: [...(container.volumeMounts ?? []), mountOf(name)] }
  return {
    ...spec,
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(mounted) }),
    containers: spec.containers.map(mounted),
    volumes: [...(spec.volumes ?? []), ...(present === undefined ? [tokenVolume(name)] : [])],
  }
}

function hasMount({ volumeMounts = [] }: Container): boolean {
  return volumeMounts.some(({ mountPath }) => mountPath === MOUNT_PATH)
}

function mountOf(name: string): VolumeMount {
  return { name, readOnly: true, mountPath: MOUNT_PATH }
}

function tokenVolume(name: string) {
  const fieldRef = { apiVersion: 'v1', fieldPath: 'metadata.namespace' }
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef }] } },
      ],
      defaultMode: 0o644,
    },
  }
}

/** A controller makes the account `default` of a new namespace; whoever comes with a pod at once waits for it so long. */
const YOUNG_MS = 5_000
const WAIT_MS = 1_000
const LOOK_MS = 10

/** Resolves when the account of a new pod in a young namespace is there, or is not going to be. */
export async function defaultAccountMade({ store, clock }: ApiContext, namespace: string, draft: Draft): Promise<void> {
  const { serviceAccountName } = (draft.spec ?? {}) as { readonly serviceAccountName?: string }
  if (serviceAccountName && serviceAccountName !== 'default') return
  const deadline = clock.now() + WAIT_MS
  const key = objectKey(serviceAccounts, namespace, 'default')
  if (!hasControllers(store) || !isYoung(store, namespace, clock.now())) return
  while (store.get(key) === undefined && clock.now() < deadline) await clock.sleep(LOOK_MS)
}

/** Where somebody makes accounts, every cluster has this one. */
function hasControllers(store: Reader): boolean {
  return store.get(objectKey(serviceAccounts, 'default', 'default')) !== undefined
}

function isYoung(store: Reader, name: string, now: number): boolean {
  const entry = store.get(objectKey(namespaces, undefined, name))
  const created = entry === undefined ? undefined : decodedObject(entry).metadata.creationTimestamp
  return created !== undefined && now - Date.parse(created) < YOUNG_MS
}
