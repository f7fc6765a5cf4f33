import type { Container, Pod, RestartPolicy } from '../kube/types/core.ts'
import type { ExitedState } from './runtime/runtime.ts'

export function restartPolicy(pod: Pod): RestartPolicy {
  return pod.spec.restartPolicy ?? 'Always'
}

/** An init container that goes on beside the others (KEP 753). */
export function isSidecar(pod: Pod, container: Container): boolean {
  return container.restartPolicy === 'Always' && isInit(pod, container)
}

export function isInit(pod: Pod, { name }: Container): boolean {
  return pod.spec.initContainers?.some((one) => one.name === name) ?? false
}

/** It was added to look into the pod (`kubectl debug`). */
export function isEphemeral(pod: Pod, { name }: Container): boolean {
  return pod.spec.ephemeralContainers?.some((one) => one.name === name) ?? false
}

export function sidecars(pod: Pod): readonly Container[] {
  return (pod.spec.initContainers ?? []).filter((container) => isSidecar(pod, container))
}

/**
 * Whether a container that ended so is started again: by its own rules, else its own policy (KEP 5307), else the pod's.
 * An init container that has succeeded is done, unless it is a sidecar; one that was added runs once.
 */
export function restarts(pod: Pod, container: Container, { exitCode }: ExitedState): boolean {
  if (isSidecar(pod, container)) return true
  if (isEphemeral(pod, container)) return false
  if (isInit(pod, container) && exitCode === 0) return false
  if (container.restartPolicyRules?.some((rule) => matches(rule.exitCodes, exitCode)) === true) return true
  const policy = container.restartPolicy ?? restartPolicy(pod)
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0)
}

type ExitCodes = NonNullable<NonNullable<Container['restartPolicyRules']>[number]['exitCodes']>

function matches(codes: ExitCodes | undefined, exitCode: number): boolean {
  if (codes === undefined) return false
  return (codes.values ?? []).includes(exitCode) === (codes.operator === 'In')
}
