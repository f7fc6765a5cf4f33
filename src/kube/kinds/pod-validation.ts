import type { FieldError } from '../kind.ts'
import type { Container, Pod, PodSpec, Probe } from '../types/core.ts'
import { duplicate, forbidden, invalid, notSupported, oneOf, required } from '../validation/field-error.ts'
import { labelProblems, portNameProblems, portNumberProblems, subdomainProblems } from '../validation/names.ts'
import { validateLabels } from '../validation/object-meta.ts'
import { validateRequirements } from '../validation/resource-list.ts'
import { validateEphemeral, validateEphemeralChange } from './pod-ephemeral-validation.ts'
import { validatePodResize, validateResizePolicies } from './pod-resize-validation.ts'
import { validatePodChange } from './pod-update-validation.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

/** Rules of a Pod. */
export function validatePod(pod: Pod, old: Pod | undefined, part?: string): readonly FieldError[] {
  // Of a status that is written nothing is in the spec; kubelets write more than all others.
  if (part === 'status') return []
  const errors = validatePodSpec(pod.spec, POD)
  if (old === undefined) return [...errors, ...validateNew(pod.spec)]
  if (part === 'resize') return validatePodResize(pod, old, errors)
  if (part === 'ephemeralcontainers') return [...errors, ...validateEphemeralChange(pod.spec, old.spec)]
  return [...errors, ...validatePodChange(pod.spec, old.spec)]
}

function validateNew(spec: PodSpec | undefined): readonly FieldError[] {
  const early = (spec?.ephemeralContainers ?? []).length > 0
  return early ? [forbidden('spec.ephemeralContainers', 'cannot be set on create')] : []
}

/** Where the spec of a pod itself lies; all others are templates. */
const POD = 'spec'

function validateTemplateOnly({ ephemeralContainers = [] }: PodSpec, path: string): readonly FieldError[] {
  if (ephemeralContainers.length === 0) return []
  return [forbidden(`${path}.ephemeralContainers`, 'ephemeral containers not allowed in pod template')]
}

/** Rules of a pod's spec at `path`. */
export function validatePodSpec(spec: PodSpec | undefined, path: string): readonly FieldError[] {
  if (spec === undefined) return [required(path)]
  return [
    ...validateContainers(spec.containers ?? [], `${path}.containers`, true),
    ...validateContainers(spec.initContainers ?? [], `${path}.initContainers`, false),
    ...validateContainers(spec.ephemeralContainers ?? [], `${path}.ephemeralContainers`, false),
    ...(path === POD ? validateEphemeral(spec, path) : validateTemplateOnly(spec, path)),
    ...validateVolumes(spec, path),
    ...validateResizePolicies(spec, path),
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']),
    ...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
    ...named(`${path}.hostname`, spec.hostname, labelProblems),
    ...named(`${path}.subdomain`, spec.subdomain, labelProblems),
    ...named(`${path}.serviceAccountName`, spec.serviceAccountName, subdomainProblems),
    ...named(`${path}.runtimeClassName`, spec.runtimeClassName, subdomainProblems),
    ...validateGrace(spec, path),
    ...validateSharing(spec, path),
  ]
}

function validateGrace(spec: PodSpec, path: string): readonly FieldError[] {
  const seconds = spec.terminationGracePeriodSeconds
  if (seconds === undefined || seconds >= 0) return []
  return [invalid(`${path}.terminationGracePeriodSeconds`, seconds, 'must be greater than or equal to 0')]
}

function validateSharing({ shareProcessNamespace, hostPID }: PodSpec, path: string): readonly FieldError[] {
  if (!shareProcessNamespace || !hostPID) return []
  // Upstream's internal object has the field there.
  const field = `${path}.securityContext.shareProcessNamespace`
  return [invalid(field, true, 'ShareProcessNamespace and HostPID cannot both be enabled')]
}

function named(
  field: string,
  value: string | undefined,
  problems: (value: string) => readonly string[],
): readonly FieldError[] {
  return value ? problems(value).map((text) => invalid(field, value, text)) : []
}

function validateVolumes(spec: PodSpec, path: string): readonly FieldError[] {
  const names = new Set<string>()
  const errors = (spec.volumes ?? []).flatMap((volume, index) => {
    const at = `${path}.volumes[${index}].name`
    const repeated = names.has(volume.name) ? [duplicate(at, volume.name)] : []
    names.add(volume.name)
    if (!volume.name) return [required(at)]
    return [...labelProblems(volume.name).map((text) => invalid(at, volume.name, text)), ...repeated]
  })
  const mounts = (spec.containers ?? []).flatMap((container, index) =>
    (container.volumeMounts ?? []).flatMap((mount, at) =>
      names.has(mount.name)
        ? []
        : [
            {
              type: 'NotFound' as const,
              field: `${path}.containers[${index}].volumeMounts[${at}].name`,
              value: mount.name,
              detail: '',
            },
          ],
    ),
  )
  return [...errors, ...mounts]
}

function validateContainers(containers: readonly Container[], path: string, needed: boolean): readonly FieldError[] {
  if (containers.length === 0) return needed ? [required(path)] : []
  const names = new Set<string>()
  return containers.flatMap((container, index) => {
    const at = `${path}[${index}]`
    const repeated = names.has(container.name) ? [duplicate(`${at}.name`, container.name)] : []
    names.add(container.name)
    return [...validateContainer(container, at), ...repeated]
  })
}

function validateContainer(container: Container, path: string): readonly FieldError[] {
  const pull = ['Always', 'IfNotPresent', 'Never']
  return [
    ...(container.name ? named(`${path}.name`, container.name, labelProblems) : [required(`${path}.name`)]),
    ...(container.image ? [] : [required(`${path}.image`)]),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, pull),
    ...validatePorts(container, path),
    ...validateRequirements(container.resources ?? {}, `${path}.resources`),
    ...(container.env ?? []).flatMap((variable, index) =>
      variable.name ? [] : [required(`${path}.env[${index}].name`)],
    ),
    ...(['livenessProbe', 'readinessProbe', 'startupProbe'] as const).flatMap((probe) =>
      validateProbe(container[probe], `${path}.${probe}`),
    ),
  ]
}

function validatePorts(container: Container, path: string): readonly FieldError[] {
  const names = new Set<string>()
  return (container.ports ?? []).flatMap((port, index) => {
    const at = `${path}.ports[${index}]`
    const errors: FieldError[] = []
    if (port.name) {
      errors.push(...named(`${at}.name`, port.name, portNameProblems))
      if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name))
      names.add(port.name)
    }
    if (port.containerPort === undefined) errors.push(required(`${at}.containerPort`))
    else
      errors.push(
        ...portNumberProblems(port.containerPort).map((text) =>
          invalid(`${at}.containerPort`, port.containerPort, text),
        ),
      )
    if (port.hostPort)
      errors.push(...portNumberProblems(port.hostPort).map((text) => invalid(`${at}.hostPort`, port.hostPort, text)))
    if (port.protocol !== undefined && !PROTOCOLS.includes(port.protocol)) {
      errors.push(notSupported(`${at}.protocol`, port.protocol, PROTOCOLS))
    }
    return errors
  })
}

function validateProbe(probe: Probe | undefined, path: string): readonly FieldError[] {
  if (probe === undefined) return []
  const handlers = (['httpGet', 'tcpSocket', 'exec', 'grpc'] as const).filter((handler) => probe[handler] !== undefined)
  const numbers = [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const
  return [
    ...(handlers.length === 0 ? [required(path, 'must specify a handler type')] : []),
    ...handlers.slice(1).map((handler) => forbidden(`${path}.${handler}`, 'may not specify more than 1 handler type')),
    ...numbers.flatMap((field) =>
      (probe[field] ?? 0) < 0 ? [invalid(`${path}.${field}`, probe[field], 'must be greater than or equal to 0')] : [],
    ),
  ]
}
