import type { PodSpec } from '../../types/core.ts'
import type { AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext } from '../../types/pod-security.ts'
import type { Findings } from '../../validation/findings.ts'
import { checkDescending } from './paths.ts'
import { checkSysctls } from './sysctls.ts'
import { checkWindowsOptions } from './windows-options.ts'

const IDS = [0, 2 ** 31 - 1] as const
const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined']
const MAX_PROFILE = 4095

/** Rules of a container's `securityContext` (upstream `ValidateSecurityContext`). */
export function checkSecurityContext(context: SecurityContext, hostUsers: boolean, found: Findings): void {
  const { procMount } = context
  found.between('runAsUser', context.runAsUser, IDS)
  found.between('runAsGroup', context.runAsGroup, IDS)
  found.oneOf('procMount', procMount, ['Default', 'Unmasked'])
  if (hostUsers && procMount === 'Unmasked') {
    found.invalid('procMount', procMount, '`hostUsers` must be false to use `Unmasked`')
  }
  found.within(context.seccompProfile, 'seccompProfile', checkSeccomp)
  if (context.allowPrivilegeEscalation === false) checkNoEscalation(context, found)
  found.within(context.windowsOptions, 'windowsOptions', checkWindowsOptions)
  found.within(context.appArmorProfile, 'appArmorProfile', checkAppArmor)
}

function checkNoEscalation(context: SecurityContext, found: Findings): void {
  const both = 'cannot set `allowPrivilegeEscalation` to false and'
  if (context.privileged === true) found.invalid('', context, `${both} \`privileged\` to true`)
  for (const capability of context.capabilities?.add ?? []) {
    if (capability === 'CAP_SYS_ADMIN') found.invalid('', context, `${both} \`capabilities.Add\` CAP_SYS_ADMIN`)
  }
}

/** Rules of a pod's `securityContext` (upstream `validatePodSpecSecurityContext`). */
export function checkPodSecurity(spec: PodSpec, found: Findings): void {
  // Upstream's internal object has `shareProcessNamespace` and the host's namespaces there too.
  found.within((spec.securityContext ?? {}) as PodSecurityContext, 'securityContext', (context) => {
    for (const field of ['fsGroup', 'runAsUser', 'runAsGroup'] as const) found.between(field, context[field], IDS)
    found.each(context.supplementalGroups, 'supplementalGroups', (group) => found.between('', group, IDS))
    if (spec.shareProcessNamespace && spec.hostPID) {
      found.invalid('shareProcessNamespace', true, 'ShareProcessNamespace and HostPID cannot both be enabled')
    }
    checkSysctls(context.sysctls, spec, found)
    found.oneOf('fsGroupChangePolicy', context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'])
    found.within(context.seccompProfile, 'seccompProfile', checkSeccomp)
    found.within(context.windowsOptions, 'windowsOptions', checkWindowsOptions)
    found.within(context.appArmorProfile, 'appArmorProfile', checkAppArmor)
    found.oneOf('supplementalGroupsPolicy', context.supplementalGroupsPolicy, ['Merge', 'Strict'])
    found.oneOf('seLinuxChangePolicy', context.seLinuxChangePolicy, ['MountOption', 'Recursive'])
  })
}

/** A pod with users of its own has namespaces of its own (upstream `validateHostUsers`). */
export function checkHostUsers(spec: PodSpec & { readonly hostUsers?: boolean }, found: Findings): void {
  if (spec.hostUsers !== false) return
  const text = 'when `pod.Spec.HostUsers` is false'
  if (spec.hostNetwork) found.forbidden('hostNetwork', text)
  if (spec.hostPID) found.forbidden('HostPID', text)
  if (spec.hostIPC) found.forbidden('HostIPC', text)
}

function checkSeccomp(profile: SeccompProfile, found: Findings): void {
  const { type = '', localhostProfile } = profile
  if (type === '') found.required('type', 'type is required when seccompProfile is set')
  else found.oneOf('type', type, PROFILES)
  if (type === 'Localhost') {
    if (localhostProfile === undefined) {
      found.required('localhostProfile', 'must be set when seccomp type is Localhost')
    } else checkDescending('localhostProfile', localhostProfile, found)
  } else if (localhostProfile !== undefined) {
    found.invalid('localhostProfile', profile, 'can only be set when seccomp type is Localhost')
  }
}

function checkAppArmor({ type = '', localhostProfile }: AppArmorProfile, found: Findings): void {
  if (type === '') found.required('type', 'type is required when appArmorProfile is set')
  else if (!PROFILES.includes(type)) found.notSupported('type', type, PROFILES)
  else if (type === 'Localhost') checkLocalProfile(localhostProfile ?? '', found)
  else if (localhostProfile !== undefined) {
    found.invalid('localhostProfile', localhostProfile, 'can only be set when AppArmor type is Localhost')
  }
}

function checkLocalProfile(name: string, found: Findings): void {
  const field = 'localhostProfile'
  if (name.trim() !== name) found.invalid(field, name, 'must not be padded with whitespace')
  else if (name === '') found.required(field, 'must be set when AppArmor type is Localhost')
  if (name.length > MAX_PROFILE) found.tooLong(field, MAX_PROFILE)
}
