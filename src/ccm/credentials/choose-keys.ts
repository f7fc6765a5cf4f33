import { existsSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { FairleadError } from '../../base/error.ts'
import type { Log } from '../../base/log.ts'
import type { CloudConfig } from '../cloud-config.ts'
import { type KeySource, renewed } from './access-keys.ts'
import { ADDON_TOKEN_FILE, addonTokenKeys } from './addon-token.ts'
import { instanceRoleKeys } from './instance-role.ts'

export interface KeyOptions {
  readonly config: Pick<CloudConfig, 'keys' | 'uid'>
  readonly env: Readonly<Record<string, string | undefined>>
  /** @default true */
  readonly imdsV2?: boolean
  /** @default {@link ADDON_TOKEN_FILE} */
  readonly addonTokenFile?: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * Where keys come from, in the order of ACK's controller: the token of an addon, keys of the cloud config or the
 * environment, the RAM role of the machine.
 *
 * @throws FairleadError `INVALID_INPUT` for a way of ACK's controller that is none here
 */
export function chooseKeys(options: KeyOptions): KeySource {
  const { config, env, imdsV2 = true, addonTokenFile = ADDON_TOKEN_FILE, clock, log } = options
  if (existsSync(addonTokenFile)) {
    log.info({ file: addonTokenFile }, 'Keys of the cloud are those of the addon token')
    return renewed(() => addonTokenKeys(addonTokenFile, clock.now()), { clock, log })
  }
  const { keys, uid } = config
  if (keys !== undefined) {
    if (uid !== undefined) {
      throw new FairleadError(
        'INVALID_INPUT',
        `Cannot act for the account Global.uid ${uid}: only as the keys' owner`,
        {
          hint: "ACK's own program servicetoken does that. Leave uid out, or give keys of that account",
        },
      )
    }
    return async () => keys
  }
  log.info({}, "Keys of the cloud are those of the machine's RAM role")
  const { METADATA_ENDPOINT: endpoint } = env
  return renewed(() => instanceRoleKeys({ token: imdsV2, ...(endpoint ? { endpoint } : {}) }), { clock, log })
}
