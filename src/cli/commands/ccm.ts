import { createLog } from '../../base/log.ts'
import type { CcmFlags } from '../../ccm/ccm-flags.ts'
import { runCcm } from '../../ccm/ccm-program.ts'

const INTERRUPTED = 130
const DEBUG_VERBOSITY = 4

export interface CcmOptions extends CcmFlags {
  readonly v?: number
}

/** Runs the cloud controller until it is told to stop; load balancers stay. */
export async function ccm({ v = 0, ...flags }: CcmOptions): Promise<number> {
  const stop = new AbortController()
  let received: NodeJS.Signals | undefined
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => {
      received = signal
      stop.abort()
    })
  }
  const log = createLog({ component: 'ccm', ...(v >= DEBUG_VERBOSITY ? { level: 'debug' } : {}) })
  await runCcm(flags, { env: process.env, log, signal: stop.signal })
  log.info({ signal: received }, 'Cloud controller stops; load balancers stay')
  return received === 'SIGINT' ? INTERRUPTED : 0
}
