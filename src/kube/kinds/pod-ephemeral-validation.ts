import { isDeepStrictEqual } from 'node:util'
import type { FieldError } from '../kind.ts'
import type { EphemeralContainer, Pod, PodSpec } from '../types/core.ts'
import { forbidden } from '../validation/field-error.ts'
import type { Findings } from '../validation/findings.ts'
import { checkContainer, checkImageText, type PodContext } from './pod-rules/containers.ts'

const ALLOWED = new Set([
  ...['name', 'image', 'command', 'args', 'workingDir', 'envFrom', 'env', 'volumeMounts', 'volumeDevices'],
  ...['terminationMessagePath', 'terminationMessagePolicy', 'imagePullPolicy', 'securityContext'],
  ...['stdin', 'stdinOnce', 'tty', 'targetContainerName'],
])
const NOT_HERE = 'cannot be set for an Ephemeral Container'
const MIRROR = 'kubernetes.io/config.mirror'

/**
 * Rules of containers that were added to a running pod: those of all containers, and that they say nothing that a
 * service would need (upstream `validateEphemeralContainers`).
 */
export function checkEphemeral(pod: PodContext): void {
  const { spec, found } = pod
  const others = [...(spec.initContainers ?? []), ...(spec.containers ?? [])].map(({ name }) => name)
  const names = new Set(others)
  found.each(spec.ephemeralContainers, 'ephemeralContainers', (container) => {
    checkContainer(container, pod)
    checkImageText(container, found)
    const { name, targetContainerName: target } = container
    if (names.has(name)) found.duplicate('name', name)
    names.add(name)
    if (target && !others.includes(target)) found.notFound('targetContainerName', target)
    forbidFields(container, found)
    found.each(container.volumeMounts, 'volumeMounts', ({ subPath, subPathExpr }) => {
      if (subPath) found.forbidden('subPath', NOT_HERE)
      if (subPathExpr) found.forbidden('subPathExpr', NOT_HERE)
    })
  })
}

/** Containers may be added to a pod that runs, never changed or taken away. */
export function validateEphemeralChange(spec: PodSpec, old: Pod): readonly FieldError[] {
  if (old.metadata.annotations?.[MIRROR] !== undefined) {
    return [forbidden('', 'static pods do not support ephemeral containers')]
  }
  const path = 'spec.ephemeralContainers'
  return (old.spec.ephemeralContainers ?? []).flatMap((before) => {
    const now = spec.ephemeralContainers?.find(({ name }) => name === before.name)
    const existing = `existing ephemeral containers ${JSON.stringify(before.name)} may not be`
    if (now === undefined) return [forbidden(path, `${existing} removed\n`)]
    return isDeepStrictEqual(now, before) ? [] : [forbidden(path, `${existing} changed\n`)]
  })
}

function forbidFields(container: EphemeralContainer, found: Findings): void {
  for (const [field, value] of Object.entries(container)) {
    if (!ALLOWED.has(field) && !saysNothing(value)) found.forbidden(field, NOT_HERE)
  }
}

function saysNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}
