import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import { textOf } from './answer.ts'
import type { Answer, CloudApi, CloudProduct } from './cloud-api.ts'
import { CloudError, isCloudError } from './cloud-error.ts'

const FIRST_LOOK_MS = 50
const LONGEST_WAIT_MS = 2_200
/** ACK's controller gives a job as long. */
const PATIENCE_MS = 120_000
const LOCKED_RETRIES = 10
const LOCKED_WAIT_MS = 1_000

/**
 * The same API, but what NLB does as a job is done when its call returns, and a call that comes while another change of
 * the same thing goes on (`Conflict.Lock`) is made again.
 *
 * @throws CloudError when a job failed; FairleadError `TIMEOUT` when it does not end.
 */
export function awaitJobs(api: CloudApi, clock: Clock): CloudApi {
  return {
    async call(product, action, parameters) {
      if (product !== 'nlb') return api.call(product, action, parameters)
      const answer = await callUnlocked(api, clock, { product, action, parameters })
      const job = textOf(answer, 'JobId')
      if (job !== '') await jobDone(api, clock, { job, action })
      return answer
    },
  }
}

interface Asked {
  readonly product: CloudProduct
  readonly action: string
  readonly parameters: Readonly<Record<string, unknown>>
}

async function callUnlocked(api: CloudApi, clock: Clock, { product, action, parameters }: Asked): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    try {
      return await api.call(product, action, parameters)
    } catch (error) {
      if (!isCloudError(error, 'Conflict.Lock') || tries >= LOCKED_RETRIES) throw error
      await clock.sleep(LOCKED_WAIT_MS)
    }
  }
}

async function jobDone(
  api: CloudApi,
  clock: Clock,
  { job, action }: { readonly job: string; readonly action: string },
): Promise<void> {
  const end = clock.now() + PATIENCE_MS
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const answer = await api.call('nlb', 'GetJobStatus', { JobId: job })
    const status = textOf(answer, 'Status')
    if (status === 'Succeeded') return
    if (status === 'Failed') {
      const apiCode = textOf(answer, 'ErrorCode') || 'JobFailed'
      const reason = textOf(answer, 'ErrorMessage') || `the job ${job} failed`
      throw new CloudError({ action, apiCode, requestId: textOf(answer, 'RequestId'), reason })
    }
    if (clock.now() >= end) {
      throw new FairleadError('TIMEOUT', `The job ${job} of ${action} is ${status} after ${PATIENCE_MS / 1_000} s`)
    }
    await clock.sleep(wait)
  }
}
