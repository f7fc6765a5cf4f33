import type { Clock } from '../base/clock.ts'
import type { HandleRequest } from './handler.ts'
import { type ApiResponse, jsonResponse } from './request.ts'
import { laneOf } from './request-limits.ts'
import { requestDeadlineExceeded } from './status-error.ts'

/** kube-apiserver's `--request-timeout`. */
export const DEFAULT_DEADLINE_MS = 60_000

/**
 * Answers 504 to requests that are not done in time; what they have begun may still come to its end. Watches, and what
 * lasts as long as somebody looks at it (logs, exec, ...), have all the time they want.
 */
export function limitDuration(handle: HandleRequest, milliseconds: number, clock: Pick<Clock, 'after'>): HandleRequest {
  return async (request) => {
    const lane = laneOf(request)
    if (lane === undefined || lane === 'watches') return handle(request)
    let cancel = () => {}
    const deadline = new Promise<ApiResponse>((resolve) => {
      cancel = clock.after(milliseconds, () => {
        const { status } = requestDeadlineExceeded()
        resolve(jsonResponse(status.code, status))
      })
    })
    try {
      return await Promise.race([handle(request), deadline])
    } finally {
      cancel()
    }
  }
}
