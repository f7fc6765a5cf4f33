import type { Container, PodSpec } from '../../types/core.ts'
import type { PodSecurityContext, SecurityContext } from '../../types/pod-security.ts'
import type { Findings } from '../../validation/findings.ts'

const NOT_FOR_WINDOWS = 'cannot be set for a windows pod'
const NOT_FOR_LINUX = 'windows options cannot be set for a linux pod'

/** What Windows does not have, in upstream's order. */
const OF_SPEC: readonly (readonly [field: string, of: 'spec' | 'context'])[] = [
  ['appArmorProfile', 'context'],
  ['seLinuxOptions', 'context'],
  ['hostUsers', 'spec'],
  ['hostPID', 'spec'],
  ['hostIPC', 'spec'],
  ['seccompProfile', 'context'],
  ['fsGroup', 'context'],
  ['fsGroupChangePolicy', 'context'],
  ['sysctls', 'context'],
  ['shareProcessNamespace', 'spec'],
  ['runAsUser', 'context'],
  ['runAsGroup', 'context'],
  ['supplementalGroups', 'context'],
  ['supplementalGroupsPolicy', 'context'],
  ['seLinuxChangePolicy', 'context'],
]
const OF_CONTAINER = [
  ...(['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem'] as const),
  ...(['privileged', 'allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup'] as const),
]

type Visit = (context: SecurityContext, found: Findings) => void

/** Rules of the `os` that a pod names (upstream `validateOS`, `validateLinux` and `validateWindows`). */
export function checkOperatingSystem(
  spec: PodSpec & { readonly os?: { readonly name?: string } },
  found: Findings,
): void {
  if (spec.os === undefined) return
  const { name = '' } = spec.os
  switch (name) {
    case '':
      found.required('os.name', 'cannot be empty')
      return
    case 'linux':
      checkLinux(spec, found)
      return
    case 'windows':
      checkWindows(spec, found)
      return
    default:
      found.notSupported('os', name, ['linux', 'windows'])
      return
  }
}

function checkLinux(spec: PodSpec, found: Findings): void {
  if (podContext(spec).windowsOptions !== undefined) found.forbidden('securityContext.windowsOptions', NOT_FOR_LINUX)
  visit(spec, found, ({ windowsOptions }) => {
    if (windowsOptions !== undefined) found.forbidden('windowsOptions', NOT_FOR_LINUX)
  })
}

function checkWindows(spec: PodSpec, found: Findings): void {
  const places = { spec: spec as object, context: podContext(spec) as object }
  for (const [field, of] of OF_SPEC) {
    const value = (places[of] as Readonly<Record<string, unknown>>)[field]
    const unsaid = value === undefined || (value === false && field.startsWith('host') && field !== 'hostUsers')
    if (unsaid || (field === 'sysctls' && Array.isArray(value) && value.length === 0)) continue
    found.forbidden(of === 'spec' ? field : `securityContext.${field}`, NOT_FOR_WINDOWS)
  }
  visit(spec, found, (context) => {
    for (const field of OF_CONTAINER) if (context[field] !== undefined) found.forbidden(field, NOT_FOR_WINDOWS)
  })
}

/** Containers of Windows that are processes of the host: all or none (upstream `validateWindowsHostProcessPod`). */
export function checkHostProcesses(spec: PodSpec, found: Findings): void {
  const ofPod = podContext(spec).windowsOptions?.hostProcess
  let [containers, processes] = [0, 0]
  const count = ({ securityContext }: Container) => {
    const own = (securityContext as SecurityContext | undefined)?.windowsOptions?.hostProcess
    if (ofPod !== undefined && own !== undefined && ofPod !== own) {
      const text = `pod hostProcess value must be identical if both are specified, was ${ofPod}`
      found.invalid('securityContext.windowsOptions.hostProcess', own, text)
    }
    containers++
    if (own ?? ofPod) processes++
  }
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    found.each<Container>(spec[list], list, count)
  }
  if (processes === 0) return
  if (processes !== containers) {
    const text = 'If pod contains any hostProcess containers then all containers must be HostProcess containers'
    found.invalid('', '', text)
  }
  if (!spec.hostNetwork) {
    found.invalid('hostNetwork', false, 'hostNetwork must be true if pod contains any hostProcess containers')
  }
}

function podContext({ securityContext }: PodSpec): PodSecurityContext {
  return (securityContext ?? {}) as PodSecurityContext
}

function visit(spec: PodSpec, found: Findings, look: Visit): void {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    found.each<Container>(spec[list], list, ({ securityContext }) =>
      found.within(securityContext as SecurityContext | undefined, 'securityContext', look),
    )
  }
}
