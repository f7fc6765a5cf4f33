import type { Call } from '../openapi/product.ts'
import type { NetworkLoadBalancer, Protection } from './model.ts'

type Protections = Pick<NetworkLoadBalancer, 'deletionProtection' | 'modificationProtection'>

const STATUSES = ['NonProtection', 'ConsoleProtection'] as const
const REASON = {
  pattern: /^\p{L}[\p{L}\d ._-]{1,127}$/u,
  wanted: '2 to 128 letters, digits, spaces, dots, underscores and dashes, a letter first',
}

/** What `DeletionProtectionConfig` and `ModificationProtectionConfig` of a new instance ask for. @throws Refusal */
export function createdProtection({ parameters, now }: Pick<Call, 'parameters' | 'now'>): Protections {
  const status = parameters.oneOf('ModificationProtectionConfig.Status', STATUSES)
  return {
    deletionProtection: protection(parameters.boolean('DeletionProtectionConfig.Enabled') ?? false, {
      reason: parameters.string('DeletionProtectionConfig.Reason', {
        ...REASON,
        code: 'IllegalParam.DeletionProtectionConfig',
      }),
      now,
    }),
    modificationProtection: protection(status === 'ConsoleProtection', {
      reason: parameters.string('ModificationProtectionConfig.Reason', {
        ...REASON,
        code: 'IllegalParam.ModificationProtectionConfig',
      }),
      now,
    }),
  }
}

/** The same of `UpdateLoadBalancerProtection`, which has other names; what is not named stays. @throws Refusal */
export function changedProtection(
  { parameters, now }: Pick<Call, 'parameters' | 'now'>,
  before: Protections,
): Protections {
  const enabled = parameters.boolean('DeletionProtectionEnabled')
  const status = parameters.oneOf('ModificationProtectionStatus', STATUSES)
  const [deletionReason, modificationReason] = ['DeletionProtectionReason', 'ModificationProtectionReason'].map(
    (name) => parameters.string(name, REASON),
  )
  return {
    deletionProtection:
      enabled === undefined ? before.deletionProtection : protection(enabled, { reason: deletionReason, now }),
    modificationProtection:
      status === undefined
        ? before.modificationProtection
        : protection(status === 'ConsoleProtection', { reason: modificationReason, now }),
  }
}

/** A reason is kept while there is something to give a reason for. */
function protection(enabled: boolean, { reason, now }: { reason: string | undefined; now: number }): Protection {
  if (!enabled) return { enabled }
  return { enabled, since: now, ...(reason === undefined ? {} : { reason }) }
}
