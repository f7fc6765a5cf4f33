import type { PodSpec } from '../../types/core.ts'
import type { PodSecurityContext } from '../../types/pod-security.ts'
import type { Findings } from '../../validation/findings.ts'

const SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?'
const NAME = `^(${SEGMENT}[\\./])*${SEGMENT}$`
const MAX_LENGTH = 253
const namePattern = new RegExp(NAME)

/** Kernel parameters that each namespace has of its own. */
const IPC = /^(kernel\.sem$|kernel\.shm|kernel\.msg|fs\.mqueue\.)/
const NET = /^net\./

/** Rules of the kernel parameters that a pod sets (upstream `validateSysctls`). */
export function checkSysctls(sysctls: PodSecurityContext['sysctls'], spec: PodSpec, found: Findings): void {
  found.each(sysctls, 'sysctls', ({ name = '' }, _, index) => {
    if (name === '') found.required('name')
    else if (name.length > MAX_LENGTH || !namePattern.test(name)) {
      found.invalid('name', name, `must have at most ${MAX_LENGTH} characters and match regex ${NAME}`)
    } else if (sysctls?.slice(0, index).some((each) => each.name === name)) found.duplicate('name', name)
    checkShared(name, spec, found)
  })
}

/** A namespace that is the host's is not the pod's to change. */
function checkShared(name: string, { hostNetwork, hostIPC }: PodSpec, found: Findings): void {
  const dotted = withDots(name)
  if (hostNetwork && NET.test(dotted)) found.invalid('name', name, "may not be specified when 'hostNetwork' is true")
  else if (hostIPC && IPC.test(dotted)) found.invalid('name', name, "may not be specified when 'hostIPC' is true")
}

/** A name whose first separator is a slash has dots for slashes and slashes for dots (sysctl.d(5)). */
function withDots(name: string): string {
  if (/[./]/.exec(name)?.[0] !== '/') return name
  return name.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/'))
}
