import type { Draft, MergeList } from '../kind.ts'
import { ensureObject, objectIn, objectsIn, setDefault } from './draft.ts'

const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const

/** Defaults of a pod's spec, in a Pod or in the template of a workload (upstream `SetDefaults_PodSpec` and below). */
export function defaultPodSpec(spec: Draft): void {
  setDefault(spec, 'dnsPolicy', 'ClusterFirst')
  setDefault(spec, 'restartPolicy', 'Always')
  setDefault(spec, 'terminationGracePeriodSeconds', 30)
  setDefault(spec, 'schedulerName', 'default-scheduler')
  ensureObject(spec, 'securityContext')
  linkServiceAccount(spec)
  for (const volume of objectsIn(spec, 'volumes')) defaultVolume(volume)
  for (const container of LISTS.flatMap((list) => objectsIn(spec, list))) {
    defaultContainer(container, spec.hostNetwork === true)
  }
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

function defaultVolume(volume: Draft): void {
  const sources = Object.keys(volume).filter((field) => field !== 'name')
  if (sources.length === 0) volume.emptyDir = {}
  for (const source of ['secret', 'configMap', 'downwardAPI', 'projected']) {
    const body = objectIn(volume, source)
    if (body !== undefined) setDefault(body, 'defaultMode', 0o644)
  }
  const hostPath = objectIn(volume, 'hostPath')
  if (hostPath !== undefined) setDefault(hostPath, 'type', '')
  for (const source of objectsIn(objectIn(volume, 'projected') ?? {}, 'sources')) {
    const token = objectIn(source, 'serviceAccountToken')
    if (token !== undefined) setDefault(token, 'expirationSeconds', 3600)
  }
}

function defaultContainer(container: Draft, hostNetwork: boolean): void {
  ensureObject(container, 'resources')
  setDefault(container, 'terminationMessagePath', '/dev/termination-log')
  setDefault(container, 'terminationMessagePolicy', 'File')
  if (typeof container.image === 'string') setDefault(container, 'imagePullPolicy', pullPolicy(container.image))
  for (const port of objectsIn(container, 'ports')) {
    setDefault(port, 'protocol', 'TCP')
    if (hostNetwork) setDefault(port, 'hostPort', port.containerPort)
  }
  for (const variable of objectsIn(container, 'env')) {
    const field = objectIn(objectIn(variable, 'valueFrom') ?? {}, 'fieldRef')
    if (field !== undefined) setDefault(field, 'apiVersion', 'v1')
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = objectIn(container, name)
    if (probe !== undefined) defaultProbe(probe)
  }
  const lifecycle = objectIn(container, 'lifecycle') ?? {}
  for (const hook of ['postStart', 'preStop']) defaultHttpGet(objectIn(lifecycle, hook) ?? {})
}

function defaultProbe(probe: Draft): void {
  setDefault(probe, 'timeoutSeconds', 1)
  setDefault(probe, 'periodSeconds', 10)
  setDefault(probe, 'successThreshold', 1)
  setDefault(probe, 'failureThreshold', 3)
  defaultHttpGet(probe)
  const grpc = objectIn(probe, 'grpc')
  if (grpc !== undefined) setDefault(grpc, 'service', '')
}

function defaultHttpGet(holder: Draft): void {
  const httpGet = objectIn(holder, 'httpGet')
  if (httpGet === undefined) return
  if (!httpGet.path) httpGet.path = '/'
  setDefault(httpGet, 'scheme', 'HTTP')
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
