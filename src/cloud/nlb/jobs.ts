import { randomUUID } from 'node:crypto'
import type { Action, Call } from '../openapi/product.ts'
import type { CloudState } from '../state/cloud-state.ts'
import { notFound } from './find.ts'
import { JOBS } from './model.ts'

const KEPT_MS = 24 * 3_600_000
const MAXIMUM_IDS = 20

/** Notes that something was asked for: members of the answer that lets the caller wait for it. */
export function startJob({ transaction, now }: Pick<Call, 'transaction' | 'now'>): { JobId: string } {
  for (const job of transaction.list(JOBS)) if (job.createdAt + KEPT_MS <= now) transaction.delete(JOBS, job.id)
  const id = randomUUID()
  transaction.put(JOBS, id, { id, createdAt: now })
  return { JobId: id }
}

/**
 * Which jobs packets do not follow yet. A job's change of the state is whole before its id is answered; what is left to
 * do is the data plane's.
 */
export class JobProgress implements Disposable {
  readonly #open: Set<string>
  readonly #stop: () => void

  constructor(state: CloudState) {
    this.#open = new Set(state.list(JOBS).map(({ id }) => id))
    this.#stop = state.onChange((changes) => {
      for (const { collection, id } of changes) if (collection === JOBS.name) this.#open.add(id)
    })
  }

  isOpen(jobId: string): boolean {
    return this.#open.has(jobId)
  }

  /** Makes packets follow the state: then the jobs are done that were there at the call. Those of a failure stay open. */
  async carryOut(follow: () => Promise<void>): Promise<void> {
    const before = [...this.#open]
    await follow()
    for (const id of before) this.#open.delete(id)
  }

  [Symbol.dispose](): void {
    this.#stop()
  }
}

/** `GetJobStatus`, `ListAsynJobs`: `Processing` until packets follow, then `Succeeded`. */
export function jobActions(isOpen: (jobId: string) => boolean): readonly (readonly [string, Action])[] {
  const statusOf = (id: string) => (isOpen(id) ? 'Processing' : 'Succeeded')
  return [
    [
      'GetJobStatus',
      ({ parameters, transaction }) => {
        const id = parameters.required('JobId')
        if (transaction.get(JOBS, id) === undefined) return notFound('job', id)
        return { Status: statusOf(id) }
      },
    ],
    [
      'ListAsynJobs',
      ({ parameters, transaction }) => {
        const Jobs = parameters
          .list('JobIds')
          .slice(0, MAXIMUM_IDS)
          .flatMap((id) => (transaction.get(JOBS, id) === undefined ? [] : { Id: id, Status: statusOf(id) }))
        return { Jobs, TotalCount: Jobs.length }
      },
    ],
  ]
}
