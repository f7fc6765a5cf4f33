import type { PodSpec } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { checkDescending } from './paths.ts'

type Annotations = Readonly<Record<string, string>> | undefined

const MIRROR = 'kubernetes.io/config.mirror'
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost'
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/'
const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/'
const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const

/** Rules of annotations that mean something for a pod (upstream `ValidatePodSpecificAnnotations`). */
export function checkPodAnnotations(annotations: Annotations, spec: PodSpec, found: Findings): void {
  if (annotations === undefined) return
  const { [MIRROR]: mirror, [DELETION_COST]: cost } = annotations
  if (mirror !== undefined && !spec.nodeName) {
    found.invalid(`[${MIRROR}]`, mirror, 'must set spec.nodeName if mirror pod annotation is set')
  }
  if (cost !== undefined && !isCost(cost)) found.invalid(`[${DELETION_COST}]`, cost, 'must be a 32bit integer')
  for (const [key, value] of Object.entries(annotations)) {
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) checkSeccomp(key, value, found)
  }
  for (const [key, value] of Object.entries(annotations)) {
    if (key.startsWith(APP_ARMOR)) checkAppArmor(key, value, { spec, found })
  }
}

function isCost(text: string): boolean {
  return /^(0|-?[1-9]\d*)$/.test(text) && Number(text) === (Number(text) | 0)
}

function checkSeccomp(key: string, profile: string, found: Findings): void {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(profile)) return
  if (profile.startsWith('localhost/')) checkDescending(key, profile.slice('localhost/'.length), found)
  else found.invalid(key, profile, 'must be a valid seccomp profile')
}

interface Around {
  readonly spec: PodSpec
  readonly found: Findings
}

function checkAppArmor(key: string, profile: string, { spec, found }: Around): void {
  const container = key.slice(APP_ARMOR.length)
  const there = LISTS.some((list) => spec[list]?.some(({ name }) => name === container))
  if (!there) found.invalid(`[${key}]`, container, 'container not found')
  if (['', 'runtime/default', 'unconfined'].includes(profile) || profile.startsWith('localhost/')) return
  found.invalid(`[${key}]`, profile, `invalid AppArmor profile name: ${JSON.stringify(profile)}`)
}

/** What of that may change while the pod is there (upstream `ValidatePodSpecificAnnotationUpdates`). */
export function checkAnnotationChange(annotations: Annotations = {}, old: Annotations = {}, found: Findings): void {
  for (const [key, value] of Object.entries(old)) {
    if (annotations[key] === value) continue
    if (key.startsWith(APP_ARMOR)) found.forbidden(`[${key}]`, 'may not remove or update AppArmor annotations')
    if (key === MIRROR) found.forbidden(`[${key}]`, 'may not remove or update mirror pod annotation')
  }
  for (const key of Object.keys(annotations)) {
    if (old[key] !== undefined) continue
    if (key.startsWith(APP_ARMOR)) found.forbidden(`[${key}]`, 'may not add AppArmor annotations')
    if (key === MIRROR) found.forbidden(`[${key}]`, 'may not add mirror pod annotation')
  }
}
