/**
 * `fairlead trace` as a program of its own: built, it is one file, which is read in half the time that the many take
 * into which all commands are cut. Its classes are not those of the main program, so it tells its failures itself.
 */
import { type TraceOptions, trace } from './commands/trace.ts'
import { reportFailure } from './report-failure.ts'

/** Exit code of the question: 0 reached, 1 not reached, or what a failure's is. */
export async function runTrace(from: string, to: string, options: TraceOptions): Promise<number> {
  try {
    return await trace(from, to, options)
  } catch (error) {
    return reportFailure(error)
  }
}
