import type { EventRecorder } from '../kube/event-recorder.ts'
import type { Container, Pod } from '../kube/types/core.ts'
import { type LimitController, missingControllerText } from './container-resources.ts'
import { sidecars } from './container-restart.ts'
import type { Image } from './images/image.ts'
import type { ProbeKind } from './probes/container-probes.ts'
import type { ProbeNotice } from './probes/prober.ts'

/** What becomes of a resize. */
export interface ResizeNews {
  readonly reason: 'ResizeStarted' | 'ResizeCompleted' | 'ResizeDeferred' | 'ResizeInfeasible' | 'ResizeError'
  readonly message: string
  /** Why it is not done. */
  readonly error?: string
}

/** What is told about a pod as it lives: upstream's reasons and sentences. */
export class PodEvents {
  readonly #recorder: Pick<EventRecorder, 'event'>

  constructor(recorder: Pick<EventRecorder, 'event'>) {
    this.#recorder = recorder
  }

  /** @param reference The image as the pod has it. */
  pulled(pod: Pod, container: string, reference: string): void {
    this.#tell(pod, 'Normal', 'Pulled', `Container image "${reference}" already present on machine`, container)
  }

  created(pod: Pod, container: string, { notice }: Image): void {
    if (notice !== undefined) this.#tell(pod, 'Normal', 'ImageSubstituted', notice, container)
    this.#tell(pod, 'Normal', 'Created', `Created container: ${container}`, container)
  }

  /** There is no such Event upstream, where a kubelet does not start on such a machine. */
  limitNotEnforced(pod: Pod, container: string, limit: LimitController): void {
    const message = `Container ${container} runs without its ${limit} limit: ${missingControllerText(limit)}`
    this.#tell(pod, 'Warning', 'LimitNotEnforced', message, container)
  }

  started(pod: Pod, container: string): void {
    this.#tell(pod, 'Normal', 'Started', `Started container ${container}`, container)
  }

  /** @param why The probe that asks for the end, or the hook that failed; none when the pod itself ends. */
  stopping(pod: Pod, container: string, why?: ProbeKind | 'post-start' | 'resize'): void {
    this.#tell(pod, 'Normal', 'Killing', stopReason(container, why), container)
  }

  /** What a hook said is not told: it may hold a secret. */
  hookFailed(pod: Pod, container: string, hook: 'PostStart' | 'PreStop'): void {
    this.#tell(pod, 'Warning', `Failed${hook}Hook`, `${hook}Hook failed`, container)
  }

  probeNotice(pod: Pod, container: string, kind: ProbeKind, notice: ProbeNotice): void {
    if (notice.kind === 'warning') {
      this.#tell(pod, 'Warning', 'ProbeWarning', `${kind} probe warning: ${notice.message}`, container)
      return
    }
    const message = `${kind} probe errored and resulted in unknown state: ${notice.message}`
    this.#tell(pod, 'Warning', 'Unhealthy', message, container)
  }

  volumesFailed(pod: Pod, message: string): void {
    this.#tell(pod, 'Warning', 'FailedMount', message)
  }

  resolverProblem(pod: Pod, message: string): void {
    this.#tell(pod, 'Warning', 'DNSConfigForming', message)
  }

  /** How a change of what its containers have goes on, with what they are to have, as upstream writes it. */
  resize(pod: Pod, { reason, message, error }: ResizeNews): void {
    const wanted = (containers: readonly Container[] = []) =>
      containers.length === 0
        ? undefined
        : containers.map(({ name, resources }) => ({ name, resources: resources ?? {} }))
    const summary = JSON.stringify({
      initContainers: wanted(sidecars(pod)),
      containers: wanted(pod.spec.containers),
      generation: pod.metadata.generation ?? 0,
      error,
    })
    const type = error === undefined ? 'Normal' : 'Warning'
    this.#tell(pod, type, reason, `${message}: ${summary}`)
  }

  /** The node refuses the pod, or gives it up. */
  gaveUp(pod: Pod, reason: string, message: string): void {
    this.#tell(pod, reason === 'DeadlineExceeded' ? 'Normal' : 'Warning', reason, message)
  }

  unhealthy(pod: Pod, container: string, kind: ProbeKind, message: string): void {
    this.#tell(pod, 'Warning', 'Unhealthy', `${kind} probe failed: ${message}`, container)
  }

  crashed(pod: Pod, container: string): void {
    const { name, namespace, uid } = pod.metadata
    const message = `Back-off restarting failed container ${container} in pod ${name}_${namespace}(${uid})`
    this.#tell(pod, 'Warning', 'BackOff', message, container)
  }

  imageMissing(pod: Pod, container: string, reference: string, message: string): void {
    this.#tell(pod, 'Warning', 'Failed', `Failed to pull image "${reference}": ${message}`, container)
    this.#tell(pod, 'Normal', 'BackOff', `Back-off pulling image "${reference}"`, container)
  }

  invalidImage(pod: Pod, container: string, message: string): void {
    this.#tell(pod, 'Warning', 'InspectFailed', message, container)
  }

  failed(pod: Pod, container: string, message: string): void {
    this.#tell(pod, 'Warning', 'Failed', `Error: ${message}`, container)
  }

  sandboxFailed(pod: Pod, message: string): void {
    this.#tell(pod, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`)
  }

  #tell(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, container?: string): void {
    const { name, namespace, uid, resourceVersion } = pod.metadata
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(container === undefined ? {} : { fieldPath: `spec.${listOf(pod, container)}{${container}}` }),
    }
    this.#recorder.event(object, type, reason, message)
  }
}

function listOf({ spec }: Pod, container: string): 'initContainers' | 'containers' | 'ephemeralContainers' {
  const has = (list: readonly { readonly name: string }[] = []) => list.some(({ name }) => name === container)
  if (has(spec.initContainers)) return 'initContainers'
  return has(spec.ephemeralContainers) ? 'ephemeralContainers' : 'containers'
}

function stopReason(container: string, why?: ProbeKind | 'post-start' | 'resize'): string {
  if (why === undefined) return `Stopping container ${container}`
  if (why === 'post-start') return 'FailedPostStartHook'
  if (why === 'resize') return `Container ${container} resize requires restart`
  return `Container ${container} failed ${why.toLowerCase()} probe, will be restarted`
}
