import type { EventRecorder } from '../kube/event-recorder.ts'
import type { Pod } from '../kube/types/core.ts'
import type { Image } from './images/image.ts'
import type { ProbeKind } from './probes/container-probes.ts'

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

  started(pod: Pod, container: string): void {
    this.#tell(pod, 'Normal', 'Started', `Started container ${container}`, container)
  }

  /** @param failed The probe that asks for the end; none when the pod is deleted. */
  stopping(pod: Pod, container: string, failed?: ProbeKind): void {
    const message =
      failed === undefined
        ? `Stopping container ${container}`
        : `Container ${container} failed ${failed.toLowerCase()} probe, will be restarted`
    this.#tell(pod, 'Normal', 'Killing', message, container)
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
    const isInit = pod.spec.initContainers?.some((one) => one.name === container) ?? false
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(container === undefined
        ? {}
        : { fieldPath: `spec.${isInit ? 'initContainers' : 'containers'}{${container}}` }),
    }
    this.#recorder.event(object, type, reason, message)
  }
}
