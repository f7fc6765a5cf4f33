import type { Informer } from '../../kube/informer.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Pod } from '../../kube/types/core.ts'
import { isFinished } from './end.ts'
import { endTime, type LostPod } from './retry.ts'
import { hasFailed, uidOf } from './tracking.ts'

/**
 * Remembers failed pods, which may soon be there no more, by Job: how long the next one waits depends on them (upstream's back-off
 * store). It is forgotten with the process, as there.
 */
export class LostPods {
  readonly #byJob = new Map<string, readonly LostPod[]>()

  constructor(jobs: Informer<Job>) {
    jobs.on({
      updated: (job) => {
        if (isFinished(job)) this.#byJob.delete(job.metadata.uid ?? '')
      },
      deleted: ({ metadata }) => this.#byJob.delete(metadata.uid ?? ''),
    })
  }

  of({ metadata }: Job): readonly LostPod[] {
    return this.#byJob.get(metadata.uid ?? '') ?? []
  }

  /** The ends of these pods are counted; a success makes up for what has failed before. */
  add(job: Job, pods: readonly Pod[]): void {
    if (isFinished(job)) return
    const succeeded = pods.some(({ status }) => status?.phase === 'Succeeded')
    const lost = pods.filter((pod) => hasFailed(job, pod)).map((pod) => ({ uid: uidOf(pod), endedAt: endTime(pod) }))
    const before = succeeded ? [] : this.of(job)
    if (lost.length + before.length > 0 || succeeded) this.#byJob.set(job.metadata.uid ?? '', [...before, ...lost])
  }
}
