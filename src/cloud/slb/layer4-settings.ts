import type { Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'
import type { Layer4Settings } from './model.ts'

const DEFAULTS: Layer4Settings = { persistenceTimeout: 0, establishedTimeout: 900, proxyProtocolV2: false }

/** What a TCP or UDP listener has of its own: as asked for, else as it was, else the API's defaults. @throws Refusal */
export function layer4SettingsOf(parameters: Parameters, before: Layer4Settings = DEFAULTS): Layer4Settings {
  const { connectionDrainTimeout: drained, ...rest } = before
  const drain = drainOf(parameters, drained)
  return {
    ...rest,
    persistenceTimeout: parameters.integer('PersistenceTimeout', { min: 0, max: 3_600 }) ?? before.persistenceTimeout,
    establishedTimeout: parameters.integer('EstablishedTimeout', { min: 10, max: 900 }) ?? before.establishedTimeout,
    ...(drain === undefined ? {} : { connectionDrainTimeout: drain }),
    proxyProtocolV2: parameters.boolean('ProxyProtocolV2Enabled') ?? before.proxyProtocolV2,
  }
}

function drainOf(parameters: Parameters, before: number | undefined): number | undefined {
  const timeout = parameters.integer('ConnectionDrainTimeout', { min: 10, max: 900 })
  const on = parameters.onOff('ConnectionDrain') ?? before !== undefined
  if (!on) return undefined
  const drain = timeout ?? before
  if (drain !== undefined) return drain
  throw new Refusal(
    'MissingParam.ConnectionDrainTimeout',
    'ConnectionDrainTimeout is mandatory when ConnectionDrain is on.',
  )
}
