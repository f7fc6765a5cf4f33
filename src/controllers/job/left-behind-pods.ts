import type { Informer } from '../../kube/informer.ts'
import { keyOf } from '../../kube/object-key.ts'
import { controllerOf } from '../../kube/owner.ts'
import { jobs, pods } from '../../kube/resource.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { WorkQueue } from '../../kube/work-queue.ts'
import { runWorkers } from '../../kube/workers.ts'
import type { ControllerContext } from '../controller.ts'
import { BY_CONTROLLER } from '../indexes.ts'
import type { PodControl } from '../pod-control.ts'
import { isLeftBehind, TRACKING } from './tracking.ts'

/** Lets the pods go that are tracked for a Job that is gone: nobody else would (upstream's orphan pods). */
export class LeftBehindPods {
  readonly #context: ControllerContext
  readonly #jobs: Informer<Job>
  readonly #pods: Informer<Pod>
  readonly #control: PodControl
  readonly #queue: WorkQueue

  constructor(context: ControllerContext, jobInformer: Informer<Job>, control: PodControl) {
    this.#context = context
    this.#jobs = jobInformer
    this.#pods = context.informers.for(pods)
    this.#control = control
    this.#queue = new WorkQueue({ clock: context.clock })
    this.#pods.on({ added: (pod) => this.#see(pod), updated: (pod) => this.#see(pod) })
    this.#jobs.on({
      deleted: ({ metadata }) => {
        for (const pod of this.#pods.byIndex(BY_CONTROLLER, metadata.uid ?? '')) this.#see(pod)
      },
    })
  }

  async run(signal: AbortSignal): Promise<void> {
    const reconcile = (key: string) => this.#reconcile(key)
    await runWorkers({ queue: this.#queue, workers: 1, reconcile, log: this.#context.log, signal })
  }

  #see(pod: Pod): void {
    if (isLeftBehind(pod, (key) => this.#jobs.get(key))) this.#queue.add(keyOf(pod))
  }

  async #reconcile(key: string): Promise<void> {
    const pod = this.#pods.get(key)
    if (pod === undefined || !isLeftBehind(pod, (name) => this.#jobs.get(name))) return
    const { namespace = '' } = pod.metadata
    const controller = controllerOf(pod)
    const job = controller && (await this.#context.client.find(jobs, { namespace, name: controller.name }))
    // The watch of Jobs may be behind that of pods.
    if (job !== undefined && job.metadata.uid === controller?.uid) return
    await this.#control.release(pod, TRACKING)
  }
}
