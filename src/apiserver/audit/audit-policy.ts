import type { Attributes } from '../authorization.ts'
import type { User } from '../request.ts'

/** How much of a request is written down: nothing, who did what, what was sent, what was answered. */
export type AuditLevel = 'None' | 'Metadata' | 'Request' | 'RequestResponse'

/** When something is written down of a request. */
export type AuditStage = 'RequestReceived' | 'ResponseStarted' | 'ResponseComplete' | 'Panic'
export const AUDIT_STAGES: readonly AuditStage[] = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic']

/** Requests that a rule is about; what is left out matches all (audit.k8s.io/v1 PolicyRule). */
export interface AuditRule {
  readonly level: AuditLevel
  readonly users?: readonly string[]
  readonly userGroups?: readonly string[]
  readonly verbs?: readonly string[]
  /** Of the group (`''` for core) all resources, or those named: `pods`, `pods/log`, `pods/*`, `*`. */
  readonly resources?: readonly {
    readonly group?: string
    readonly resources?: readonly string[]
    readonly resourceNames?: readonly string[]
  }[]
  /** `''` for what has no namespace. */
  readonly namespaces?: readonly string[]
  /** Paths, `*` at the end for the rest. */
  readonly nonResourceURLs?: readonly string[]
  /** Besides those that the policy leaves out. */
  readonly omitStages?: readonly AuditStage[]
  /** @default what the policy says */
  readonly omitManagedFields?: boolean
}

/** The first rule that matches decides; none: the request is not written down. */
export interface AuditPolicy {
  readonly rules: readonly AuditRule[]
  /** Stages that are not written down. */
  readonly omitStages?: readonly AuditStage[]
  /** Leave `metadata.managedFields` out of what was sent and answered. @default false */
  readonly omitManagedFields?: boolean
}

/** What is to be written down of a request. */
export interface AuditDecision {
  readonly level: AuditLevel
  readonly omitStages: readonly AuditStage[]
  readonly omitManagedFields: boolean
}

/** Who did what, without contents: secrets stay out of the log. Questions for health and leases are left out. */
export const METADATA_POLICY: AuditPolicy = {
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version', '/openapi*', '/api*'] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
    { level: 'Metadata' },
  ],
}

/** What is written down of a request. */
export function auditDecision(policy: AuditPolicy, user: User, attributes: Attributes): AuditDecision {
  const { rules, omitStages = [], omitManagedFields = false } = policy
  const rule = rules.find((each) => matches(each, user, attributes))
  return {
    level: rule?.level ?? 'None',
    omitStages: [...omitStages, ...(rule?.omitStages ?? [])],
    omitManagedFields: rule?.omitManagedFields ?? omitManagedFields,
  }
}

function matches(rule: AuditRule, user: User, attributes: Attributes): boolean {
  if (!allows(rule.users, user.name) || !allows(rule.verbs, attributes.verb)) return false
  if (rule.userGroups?.length && !rule.userGroups.some((group) => user.groups.includes(group))) return false
  const aboutResources = (rule.resources?.length ?? 0) > 0 || (rule.namespaces?.length ?? 0) > 0
  const aboutPaths = (rule.nonResourceURLs?.length ?? 0) > 0
  if (attributes.resource === '') {
    if (!aboutPaths) return !aboutResources
    return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, attributes.path))
  }
  if (aboutPaths && !aboutResources) return false
  return allows(rule.namespaces, attributes.namespace) && resourceMatches(rule, attributes)
}

function allows(list: readonly string[] | undefined, value: string): boolean {
  return list === undefined || list.length === 0 || list.includes(value)
}

function resourceMatches({ resources = [] }: AuditRule, { group, resource, subresource, name }: Attributes): boolean {
  if (resources.length === 0) return true
  const names =
    subresource === ''
      ? [resource, `${resource}/*`, '*']
      : [`${resource}/${subresource}`, `${resource}/*`, `*/${subresource}`, '*']
  return resources.some((each) => {
    if ((each.group ?? '') !== group || !allows(each.resourceNames, name)) return false
    return !each.resources?.length || each.resources.some((wanted) => names.includes(wanted))
  })
}

function pathMatches(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path
}
