import type { Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { healthCheckOf } from './health-check-settings.ts'
import type { GroupProtocol, Scheduler, ServerGroup } from './model.ts'

type Settings = Pick<
  ServerGroup,
  'name' | 'scheduler' | 'healthCheck' | 'connectionDrainEnabled' | 'connectionDrainTimeout' | 'preserveClientIp'
>

const NAME = {
  pattern: /^\p{L}[\p{L}\d._-]{1,127}$/u,
  wanted: '2 to 128 letters, digits, dots, underscores and dashes, a letter first',
}
const SCHEDULERS: readonly Scheduler[] = ['Wrr', 'Wlc', 'rr', 'sch', 'tch', 'qch']

/** What of a group can change: what is asked for, else as it was, else the API's defaults. @throws Refusal */
export function groupSettings(
  { parameters }: Pick<Call, 'parameters'>,
  { protocol, anyPort = false }: Pick<ServerGroup, 'protocol' | 'anyPort'>,
  before?: ServerGroup,
): Settings {
  const drain = parameters.integer('ConnectionDrainTimeout', { min: 0, max: 900 })
  const preserveClientIp = parameters.boolean('PreserveClientIpEnabled') ?? before?.preserveClientIp ?? true
  if (!preserveClientIp && protocol !== 'TCP') {
    throw new Refusal(
      'IllegalParam.PreserveClientIpSwitch',
      `A group of the Protocol ${protocol} shows servers the client's address: give PreserveClientIpEnabled=true.`,
    )
  }
  if (!preserveClientIp && anyPort) {
    throw new Refusal(
      'IllegalParam.PreserveClientIpSwitch',
      "A group with AnyPortEnabled=true shows servers the client's address: give PreserveClientIpEnabled=true.",
    )
  }
  const healthCheck = healthCheckOf(parameters, before?.healthCheck)
  if (anyPort && healthCheck.type !== 'off' && healthCheck.connectPort === undefined) {
    throw new Refusal(
      'MissingParam.HealthCheckConnectPort',
      'Servers of a group with AnyPortEnabled=true have no port: say by HealthCheckConnectPort which one to probe.',
    )
  }
  return {
    name: parameters.string('ServerGroupName', NAME) ?? before?.name ?? parameters.required('ServerGroupName'),
    scheduler: schedulerOf(parameters, { protocol, preserveClientIp, before: before?.scheduler }) ?? 'Wrr',
    healthCheck,
    connectionDrainEnabled: parameters.boolean('ConnectionDrainEnabled') ?? before?.connectionDrainEnabled ?? false,
    connectionDrainTimeout: drain ?? before?.connectionDrainTimeout ?? 0,
    preserveClientIp,
  }
}

/**
 * Words are taken in any case, as callers write them. Least connections is for what HAProxy carries: nobody counts by
 * server the connections that the kernel carries, whose clients servers see.
 */
function schedulerOf(
  parameters: Call['parameters'],
  {
    protocol,
    preserveClientIp,
    before,
  }: { protocol: GroupProtocol; preserveClientIp: boolean; before?: Scheduler | undefined },
): Scheduler | undefined {
  const asked = parameters.string('Scheduler') ?? before
  if (asked === undefined) return undefined
  const scheduler = SCHEDULERS.find((word) => word.toLowerCase() === asked.toLowerCase())
  if (scheduler === undefined) {
    throw new Refusal(
      'IllegalParam.Scheduler',
      `The Scheduler '${asked}' is not offered (no such one): give one of ${SCHEDULERS.join(', ')}.`,
    )
  }
  if (scheduler === 'Wlc' && preserveClientIp) {
    throw new Refusal(
      'IllegalParam.Scheduler',
      `The Scheduler 'Wlc' is not offered with PreserveClientIpEnabled=true: connections are not counted by server then. Give another, or PreserveClientIpEnabled=false with the Protocol TCP.`,
    )
  }
  if (scheduler !== 'qch' || protocol === 'UDP') return scheduler
  throw new Refusal('IllegalParam.Scheduler', `The Scheduler qch is for groups of the Protocol UDP, not ${protocol}.`)
}
