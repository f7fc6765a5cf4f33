/** What came of a batch of equal actions. */
export interface BatchResult {
  readonly succeeded: number
  /** The first failure; the rest of the actions was not tried then. */
  readonly error: unknown
}

/**
 * Does an action `count` times, in batches of 1, 2, 4, ... at the same time, and stops after a batch with a failure: so
 * what fails for all (a quota, say) is not tried a hundred times (upstream's slowStartBatch).
 */
export async function slowStart(count: number, action: (index: number) => Promise<void>): Promise<BatchResult> {
  let done = 0
  for (let size = 1; done < count; size *= 2) {
    const batch = Array.from({ length: Math.min(size, count - done) }, (_, index) => action(done + index))
    const results = await Promise.allSettled(batch)
    const failures = results.filter((result) => result.status === 'rejected')
    done += batch.length - failures.length
    const [failure] = failures
    if (failure !== undefined) return { succeeded: done, error: failure.reason }
  }
  return { succeeded: done, error: undefined }
}
