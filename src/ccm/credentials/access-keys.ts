import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'

/** What calls of the cloud are signed with. */
export interface AccessKeys {
  readonly accessKeyId: string
  readonly accessKeySecret: string
  /** Of keys that are lent for a while. */
  readonly securityToken?: string
}

/** The keys that count now: the same object as long as they are the same. */
export type KeySource = () => Promise<AccessKeys>

/** Keys that are lent. */
export interface LentKeys {
  readonly keys: AccessKeys
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** As often as ACK's controller (`TokenSyncPeriod`). */
const RENEWAL_MS = 600_000
/** So long before they expire keys are not used for a new call. */
const MARGIN_MS = 60_000

/**
 * Lent keys, asked for anew every ten minutes, and before they expire. While they cannot be had, those at hand are used
 * as long as they hold.
 */
export function renewed(lend: () => Promise<LentKeys>, { clock, log }: { clock: Clock; log: Log }): KeySource {
  let lent: LentKeys | undefined
  let renewAt = 0
  let asking: Promise<AccessKeys> | undefined
  const ask = async (): Promise<AccessKeys> => {
    try {
      const next = await lend()
      // The same keys are the same object: whoever made something of them need not make it again.
      if (next.keys.accessKeyId !== lent?.keys.accessKeyId || next.keys.securityToken !== lent.keys.securityToken) {
        lent = next
      } else lent = { ...lent, expiresAt: next.expiresAt }
      renewAt = Math.min(clock.now() + RENEWAL_MS, next.expiresAt - MARGIN_MS)
    } catch (err) {
      if (lent === undefined || clock.now() >= lent.expiresAt - MARGIN_MS) throw err
      log.warn({ err }, 'Keys of the cloud are not renewed; those at hand are used')
      renewAt = Math.min(clock.now() + MARGIN_MS, lent.expiresAt - MARGIN_MS)
    }
    return lent.keys
  }
  return () => {
    if (lent !== undefined && clock.now() < renewAt) return Promise.resolve(lent.keys)
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}
