import { formatTime } from '../../base/time.ts'
import { missing } from '../openapi/parameters.ts'
import type { Action, Call, Product } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { pageByToken } from '../resource/page.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { collection } from '../state/collection.ts'
import { QUOTA_LIMITS, quotaLimit } from './quota.ts'
import { QUOTAS, type QuotaName, type QuotaRow } from './quota-names.ts'
import { QUOTA_USAGE } from './quota-usage.ts'

/** A request for more, or for a feature that is given out on request. */
interface QuotaApplication {
  readonly id: string
  readonly actionCode: QuotaName | FeatureName
  readonly desireValue: number
  readonly reason: string
  readonly status: 'Process' | 'Agree' | 'Disagree' | 'Cancel'
  readonly auditReason?: string
  readonly applyTime: number
}

const APPLICATIONS = collection<QuotaApplication>('quota.applications')

/**
 * Features that an account has only after a request: with version 2.5.0 of the cloud controller and later, making a
 * Service with a CLB instance in the console (pay-as-you-go only).
 */
export const FEATURES = {
  ack_console_clb_service: 'creating a Service with a CLB instance in the console',
} as const

export type FeatureName = keyof typeof FEATURES

const ENABLED_FEATURES = collection<{ readonly name: FeatureName }>('quota.features')

/** Whether the account may use a feature. */
export function hasFeature(reader: Pick<Call['transaction'], 'get'>, name: FeatureName): boolean {
  return reader.get(ENABLED_FEATURES, name) !== undefined
}

const ACTIONS: readonly (readonly [string, Action])[] = [
  ['ListProductQuotas', listProductQuotas],
  ['GetProductQuota', getProductQuota],
  ['CreateQuotaApplication', createQuotaApplication],
  ['GetQuotaApplication', getQuotaApplication],
  ['ListQuotaApplications', listQuotaApplications],
  ['ReviewQuotaApplication', reviewQuotaApplication],
]

/** Quota Center 2020-05-10. `ReviewQuotaApplication` is an administrator's: its rights are given apart. */
export const QUOTAS_PRODUCT: Product = {
  name: 'Quotas',
  version: '2020-05-10',
  ramPrefix: 'quotas',
  forbidden: 'Forbidden.RAM',
  resourceParameters: ['QuotaActionCode', 'ApplicationId'],
  actions: new Map(ACTIONS),
}

function listProductQuotas(call: Call): object {
  const { parameters } = call
  const [product, code] = [parameters.required('ProductCode'), parameters.string('QuotaActionCode')]
  const names = quotaNames()
    .filter((name) => QUOTAS[name].product === product && (code === undefined || name === code))
    .sort()
  const { items, ...page } = pageByToken(names, parameters, { keyOf: (name) => name, sizes: { default: 30, max: 200 } })
  return { Quotas: items.map((name) => view(call, name)), ...page }
}

function getProductQuota(call: Call): object {
  return { Quota: view(call, requireQuotaName(call.parameters.required('QuotaActionCode'))) }
}

function view({ transaction }: Call, name: QuotaName): object {
  const row: QuotaRow = QUOTAS[name]
  const usage = QUOTA_USAGE[name]?.(transaction)
  const most = usage === undefined ? undefined : Math.max(0, ...usage.values())
  return {
    ProductCode: row.product,
    QuotaActionCode: name,
    QuotaName: row.meaning,
    TotalQuota: quotaLimit(transaction, name),
    ...(most === undefined ? {} : { TotalUsage: most }),
    QuotaUnit: 'Count',
    Adjustable: row.adjustable,
    Consumable: row.per === 'account',
    UsageByResource:
      row.per === 'account' || usage === undefined ? [] : [...usage].map(([Resource, Usage]) => ({ Resource, Usage })),
  }
}

function createQuotaApplication({ parameters, transaction, now }: Call): object {
  const actionCode = parameters.required('QuotaActionCode')
  const reason = parameters.required('Reason')
  const desireValue = isFeature(actionCode)
    ? 1
    : desiredValue({ parameters, transaction }, requireQuotaName(actionCode))
  const pending = transaction
    .list(APPLICATIONS)
    .find((one) => one.actionCode === actionCode && one.status === 'Process')
  if (pending !== undefined) {
    throw new Refusal(
      'QUOTA.APPLICATION.PROCESS',
      `The application ${pending.id} for ${actionCode} is not decided yet.`,
    )
  }
  const id = newResourceId('job')
  const application: QuotaApplication = {
    id,
    actionCode: isFeature(actionCode) ? actionCode : requireQuotaName(actionCode),
    desireValue,
    reason,
    status: 'Process',
    applyTime: now,
  }
  transaction.put(APPLICATIONS, id, application)
  return applicationView(application)
}

function desiredValue({ parameters, transaction }: Pick<Call, 'parameters' | 'transaction'>, name: QuotaName): number {
  const current = quotaLimit(transaction, name)
  const { adjustable }: QuotaRow = QUOTAS[name]
  if (!adjustable) {
    throw new Refusal('QUOTA.NOT.ADJUSTABLE', `The quota ${name} is ${current} for everybody: it cannot be raised.`)
  }
  const value = parameters.requiredInteger('DesireValue', { min: 1, max: 1_000_000 })
  if (value > current) return value
  throw new Refusal(
    'QUOTA.DESIRE.VALUE.TOO.SMALL',
    `The DesireValue ${value} for ${name} is not above the limit of ${current}.`,
  )
}

function getQuotaApplication({ parameters, transaction }: Call): object {
  return { QuotaApplication: applicationView(requireApplication(transaction, parameters.required('ApplicationId'))) }
}

function listQuotaApplications({ parameters, transaction }: Call): object {
  const [code, status] = [parameters.string('QuotaActionCode'), parameters.string('Status')]
  const found = transaction
    .list(APPLICATIONS)
    .filter((one) => (code === undefined || one.actionCode === code) && (status === undefined || one.status === status))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
  const { items, ...page } = pageByToken(found, parameters, {
    keyOf: (one) => one.id,
    sizes: { default: 30, max: 100 },
  })
  return { QuotaApplications: items.map(applicationView), ...page }
}

/** An administrator's word: `Agree` takes effect at once. */
function reviewQuotaApplication({ parameters, transaction }: Call): object {
  const application = requireApplication(transaction, parameters.required('ApplicationId'))
  const status = parameters.oneOf('Status', ['Agree', 'Disagree']) ?? missing('Status')
  if (application.status !== 'Process') {
    throw new Refusal(
      'QUOTA.APPLICATION.FINISHED',
      `The application ${application.id} is decided: ${application.status}.`,
    )
  }
  const auditReason = parameters.string('AuditReason')
  const decided = { ...application, status, ...(auditReason === undefined ? {} : { auditReason }) }
  transaction.put(APPLICATIONS, application.id, decided)
  if (status === 'Agree') grant(transaction, application)
  return applicationView(decided)
}

function grant(transaction: Call['transaction'], { actionCode, desireValue }: QuotaApplication): void {
  if (isFeature(actionCode)) transaction.put(ENABLED_FEATURES, actionCode, { name: actionCode })
  else transaction.put(QUOTA_LIMITS, actionCode, { name: actionCode, limit: desireValue })
}

function applicationView(application: QuotaApplication): object {
  return {
    ApplicationId: application.id,
    QuotaActionCode: application.actionCode,
    QuotaName: isFeature(application.actionCode)
      ? FEATURES[application.actionCode]
      : QUOTAS[application.actionCode].meaning,
    DesireValue: application.desireValue,
    ApproveValue: application.status === 'Agree' ? application.desireValue : 0,
    Reason: application.reason,
    Status: application.status,
    AuditReason: application.auditReason ?? '',
    ApplyTime: formatTime(application.applyTime),
  }
}

function requireApplication(transaction: Call['transaction'], id: string): QuotaApplication {
  const application = transaction.get(APPLICATIONS, id)
  if (application !== undefined) return application
  throw new Refusal('QUOTA.APPLICATION.NOT.FOUND', `The application ${id} does not exist.`, 404)
}

function quotaNames(): QuotaName[] {
  return Object.keys(QUOTAS).filter(isQuotaName)
}

function isQuotaName(name: string): name is QuotaName {
  return Object.hasOwn(QUOTAS, name)
}

function isFeature(name: string): name is FeatureName {
  return Object.hasOwn(FEATURES, name)
}

function requireQuotaName(name: string): QuotaName {
  if (isQuotaName(name)) return name
  throw new Refusal('QUOTA.NOT.FOUND', `There is no quota '${name}'.`, 404)
}
