import type { Container, EphemeralContainer, PodSpec } from '../../types/core.ts'
import type { SecurityContext } from '../../types/pod-security.ts'
import type { Findings } from '../../validation/findings.ts'
import { labelProblems } from '../../validation/names.ts'
import { validateRequirements } from '../../validation/resource-list.ts'
import { checkHostPorts, checkPorts } from './container-ports.ts'
import { checkRestarts } from './container-restarts.ts'
import { checkEnvironment } from './environment.ts'
import { checkLife, forbidLife } from './probes.ts'
import { checkResizePolicies } from './resize-policies.ts'
import { checkClaims, type PodResourceClaim, type ResourceClaim } from './resource-claims.ts'
import { checkSecurityContext } from './security.ts'
import { checkVolumeUses } from './volume-mounts.ts'
import type { KnownVolumes } from './volumes.ts'

/** What the rules of containers must know of their pod. */
export interface PodContext {
  readonly spec: PodSpec & {
    readonly hostUsers?: boolean
    readonly resourceClaims?: readonly PodResourceClaim[]
  }
  readonly volumes: KnownVolumes
  readonly found: Findings
}

/** Rules of the containers that make a pod (upstream `validateContainers`). */
export function checkContainers(pod: PodContext): void {
  const { spec, found } = pod
  const containers = spec.containers ?? []
  if (containers.length === 0) {
    found.required('containers')
    return
  }
  const names = new Set<string>()
  found.each(containers, 'containers', (container) => {
    checkContainer(container, pod)
    if (names.has(container.name)) found.duplicate('name', container.name)
    names.add(container.name)
    checkLife(container, spec.terminationGracePeriodSeconds, found)
    checkRestarts(container, found)
  })
  checkHostPorts(containers, 'containers', found)
}

/** Rules of the containers that run before, one after another (upstream `validateInitContainers`). */
export function checkInitContainers(pod: PodContext): void {
  const { spec, found } = pod
  const { initContainers } = spec
  if (initContainers === undefined) return
  const names = new Set((spec.containers ?? []).map(({ name }) => name))
  initContainers.forEach((container, index) => {
    const at = `initContainers[${index}]`
    found.within(container, at, () => {
      checkContainer(container, pod)
      checkRestarts(container, found)
      if (names.has(container.name)) found.duplicate('name', container.name)
      else if (container.name) names.add(container.name)
    })
    // Each for itself; upstream tells it of the first, whichever it is.
    checkHostPorts([container], 'initContainers', found)
    found.within(container, at, () => {
      if (container.restartPolicy === 'Always') checkLife(container, spec.terminationGracePeriodSeconds, found)
      else forbidLife(container, found)
    })
  })
}

/** Rules that hold for containers of every sort (upstream `validateContainerCommon`). */
export function checkContainer(container: Container | EphemeralContainer, pod: PodContext): void {
  const { spec, volumes, found } = pod
  if (!container.name) found.required('name')
  else found.problems('name', container.name, labelProblems(container.name))
  if (!container.image) found.required('image')
  found.oneOf('terminationMessagePolicy', container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError'])
  if (container.ports !== undefined) checkPorts(container.ports, found)
  checkEnvironment(container, found)
  checkVolumeUses(container, volumes, found)
  found.oneOf('imagePullPolicy', container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'])
  const { resources } = container
  if (resources !== undefined) {
    found.add(validateRequirements(resources, 'resources'))
    const { claims } = resources as { readonly claims?: readonly ResourceClaim[] }
    found.within(claims, 'resources', () => checkClaims(claims, spec.resourceClaims, found))
  }
  checkResizePolicies(container.resizePolicy, spec.restartPolicy, found)
  found.within(container.securityContext as SecurityContext | undefined, 'securityContext', (context) =>
    checkSecurityContext(context, spec.hostUsers !== false, found),
  )
}

/** What a pod may not have and a template may (upstream `validateContainerOnlyForPod`). */
export function checkImageText({ image = '' }: Partial<Container>, found: Findings): void {
  if (image.trim() !== image) found.invalid('image', image, 'must not have leading or trailing whitespace')
}
