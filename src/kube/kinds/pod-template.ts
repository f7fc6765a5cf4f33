import type { Draft, MergeList } from '../kind.ts'
import { ensureObject, objectIn, objectsIn, setDefault, setEmpty } from './draft.ts'

const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const

/** Defaults of a pod's spec, in a Pod or in the template of a workload (upstream `SetDefaults_PodSpec` and below). */
export function defaultPodSpec(spec: Draft): void {
  setEmpty(spec, 'dnsPolicy', 'ClusterFirst')
  setEmpty(spec, 'restartPolicy', 'Always')
  setDefault(spec, 'terminationGracePeriodSeconds', 30)
  setEmpty(spec, 'schedulerName', 'default-scheduler')
  ensureObject(spec, 'securityContext')
  linkServiceAccount(spec)
  for (const volume of objectsIn(spec, 'volumes')) defaultVolume(volume)
  for (const list of LISTS) for (const container of objectsIn(spec, list)) defaultContainer(container)
}

/** The template of a workload. */
export function defaultPodTemplate(spec: Draft): void {
  const template = objectIn(spec, 'template')
  const pod = template === undefined ? undefined : objectIn(template, 'spec')
  if (pod !== undefined) defaultPodSpec(pod)
}

/** The old name of `serviceAccountName` is kept equal to it. */
function linkServiceAccount(spec: Draft): void {
  const name = spec.serviceAccountName || spec.serviceAccount
  if (!name) return
  spec.serviceAccountName = name
  spec.serviceAccount = name
}

/** Fields of volumes that say something when nobody does; most of their drivers are gone, what they ask for is kept. */
const VOLUME_DEFAULTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  secret: { defaultMode: 0o644 },
  configMap: { defaultMode: 0o644 },
  downwardAPI: { defaultMode: 0o644 },
  projected: { defaultMode: 0o644 },
  hostPath: { type: '' },
  iscsi: { iscsiInterface: 'default' },
  rbd: { pool: 'rbd', user: 'admin', keyring: '/etc/ceph/keyring' },
  azureDisk: { cachingMode: 'ReadWrite', fsType: 'ext4', readOnly: false, kind: 'Shared' },
  scaleIO: { storageMode: 'ThinProvisioned', fsType: 'xfs' },
}

function defaultVolume(volume: Draft): void {
  const sources = Object.keys(volume).filter((field) => field !== 'name')
  if (sources.length === 0) volume.emptyDir = {}
  for (const name of sources) {
    const body = objectIn(volume, name)
    if (body === undefined) continue
    for (const [field, value] of Object.entries(VOLUME_DEFAULTS[name] ?? {})) setDefault(body, field, value)
    if (name === 'image') setEmpty(body, 'pullPolicy', pullPolicy(String(body.reference ?? '')))
  }
  for (const file of objectsIn(objectIn(volume, 'downwardAPI') ?? {}, 'items')) defaultDownwardApi(file)
  for (const source of objectsIn(objectIn(volume, 'projected') ?? {}, 'sources')) {
    const token = objectIn(source, 'serviceAccountToken')
    if (token !== undefined) setDefault(token, 'expirationSeconds', 3600)
    for (const file of objectsIn(objectIn(source, 'downwardAPI') ?? {}, 'items')) defaultDownwardApi(file)
  }
}

/** What a variable or a file is told of its pod. */
function defaultDownwardApi(holder: Draft): void {
  const field = objectIn(holder, 'fieldRef')
  if (field !== undefined) setEmpty(field, 'apiVersion', 'v1')
  const resource = objectIn(holder, 'resourceFieldRef')
  if (resource !== undefined) setDefault(resource, 'divisor', '0')
}

function defaultContainer(container: Draft): void {
  ensureObject(container, 'resources')
  setEmpty(container, 'terminationMessagePath', '/dev/termination-log')
  setEmpty(container, 'terminationMessagePolicy', 'File')
  if (typeof container.image === 'string') setEmpty(container, 'imagePullPolicy', pullPolicy(container.image))
  for (const port of objectsIn(container, 'ports')) setEmpty(port, 'protocol', 'TCP')
  for (const variable of objectsIn(container, 'env')) {
    defaultDownwardApi(objectIn(variable, 'valueFrom') ?? {})
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = objectIn(container, name)
    if (probe !== undefined) defaultProbe(probe)
  }
  const lifecycle = objectIn(container, 'lifecycle') ?? {}
  for (const hook of ['postStart', 'preStop']) defaultHttpGet(objectIn(lifecycle, hook) ?? {})
}

function defaultProbe(probe: Draft): void {
  setEmpty(probe, 'timeoutSeconds', 1)
  setEmpty(probe, 'periodSeconds', 10)
  setEmpty(probe, 'successThreshold', 1)
  setEmpty(probe, 'failureThreshold', 3)
  defaultHttpGet(probe)
  const grpc = objectIn(probe, 'grpc')
  if (grpc !== undefined) setDefault(grpc, 'service', '')
}

function defaultHttpGet(holder: Draft): void {
  const httpGet = objectIn(holder, 'httpGet')
  if (httpGet === undefined) return
  setEmpty(httpGet, 'path', '/')
  setEmpty(httpGet, 'scheme', 'HTTP')
}

/** `Always` for no tag and `latest`, as an image of that name may change. */
function pullPolicy(image: string): string {
  if (image.includes('@')) return 'IfNotPresent'
  const last = image.slice(image.lastIndexOf('/') + 1)
  const tag = last.includes(':') ? last.slice(last.indexOf(':') + 1) : 'latest'
  return tag === 'latest' ? 'Always' : 'IfNotPresent'
}

/** Merge lists of a pod's spec that lies at `path`, e.g. `spec` or `spec.template.spec`. */
export function podSpecMergeLists(path: string): Readonly<Record<string, MergeList>> {
  const lists: Record<string, MergeList> = {
    [`${path}.volumes`]: { keys: ['name'] },
    [`${path}.imagePullSecrets`]: { keys: ['name'] },
    [`${path}.hostAliases`]: { keys: ['ip'] },
    [`${path}.topologySpreadConstraints`]: { keys: ['topologyKey', 'whenUnsatisfiable'], patchKey: 'topologyKey' },
    [`${path}.schedulingGates`]: { keys: ['name'] },
    [`${path}.resourceClaims`]: { keys: ['name'] },
  }
  for (const containers of LISTS) {
    const at = `${path}.${containers}`
    lists[at] = { keys: ['name'] }
    lists[`${at}.ports`] = { keys: ['containerPort', 'protocol'], patchKey: 'containerPort' }
    lists[`${at}.env`] = { keys: ['name'] }
    lists[`${at}.volumeMounts`] = { keys: ['mountPath'] }
    lists[`${at}.volumeDevices`] = { keys: ['devicePath'] }
    lists[`${at}.resources.claims`] = { keys: ['name'] }
  }
  return lists
}

/** Merge lists of every kind with a pod template in `spec.template` and conditions in its status. */
export const workloadMergeLists: Readonly<Record<string, MergeList>> = {
  ...podSpecMergeLists('spec.template.spec'),
  'status.conditions': { keys: ['type'] },
}
