/** For tests: pods and what is known of them. */
import type { Container, Pod, PodSpec } from '../kube/types/core.ts'
import type { ObjectMeta } from '../kube/types/meta.ts'
import { type ContainerView, NEW_CONTAINER, type PodView, type RunView } from './pod-view.ts'
import type { ContainerState, ExitedState } from './runtime/runtime.ts'

export const UID = '12345678-1234-1234-1234-123456789abc'

export function testPod(spec: Partial<PodSpec> = {}, metadata: Partial<ObjectMeta> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', uid: UID, ...metadata },
    spec: { containers: [testContainer('web')], ...spec },
  }
}

export function testContainer(name: string, more: Partial<Container> = {}): Container {
  return { name, image: 'fairlead/echo', ...more }
}

export function runOf(name: string, attempt: number, state: ContainerState): RunView {
  return { id: `${UID}-${name}-${attempt}`, attempt, state }
}

export function exited(exitCode: number, finishedAt: number, startedAt = finishedAt): ExitedState {
  return { kind: 'exited', exitCode, startedAt, finishedAt }
}

export const RUNNING: ContainerState = { kind: 'running', pid: 7, startedAt: 1000 }

/** A view with a sandbox and these containers. */
export function testView(
  containers: Record<string, Partial<ContainerView>> = {},
  more: Partial<PodView> = {},
): PodView {
  const entries = Object.entries(containers).map(([name, view]) => [name, { ...NEW_CONTAINER, ...view }] as const)
  return { sandbox: { addresses: ['10.244.1.2'] }, containers: new Map(entries), ...more }
}
