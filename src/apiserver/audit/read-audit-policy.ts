import { readFile } from 'node:fs/promises'
import { errorMessage, FairleadError } from '../../base/error.ts'
import type { FieldError } from '../../kube/kind.ts'
import { isJsonObject, type JsonObject } from '../../kube/patch/json.ts'
import { fieldErrorText, invalid, notSupported, required } from '../../kube/validation/field-error.ts'
import { subdomainProblems } from '../../kube/validation/names.ts'
import { AUDIT_STAGES, type AuditPolicy, type AuditRule } from './audit-policy.ts'

const VERSION = 'audit.k8s.io/v1'
const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse']

/** Reads a file with an audit.k8s.io/v1 Policy. @throws FairleadError `INVALID_INPUT` that names the file and what is wrong. */
export async function readAuditPolicy(path: string): Promise<AuditPolicy> {
  const refuse = (text: string) => new FairleadError('INVALID_INPUT', `Cannot use the audit policy ${path}: ${text}`)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw refuse(errorMessage(error))
  }
  const { parseDocument } = await import('../../base/yaml.ts')
  const document = parseDocument(text, { prettyErrors: false })
  if (document.errors[0] !== undefined) throw refuse(`failed decoding: ${document.errors[0].message}`)
  const problem = policyProblem(document.toJS())
  if (problem !== undefined) throw refuse(problem)
  return document.toJS() as AuditPolicy
}

/** What is wrong with a policy, in upstream's words (apiserver `audit/policy`, `apis/audit/validation`). */
export function policyProblem(policy: unknown): string | undefined {
  if (!isJsonObject(policy)) return 'failed decoding: it is no object'
  const { apiVersion, kind, rules = [] } = policy
  if (apiVersion !== VERSION || kind !== 'Policy') {
    return `unknown group version field ${apiVersion}, Kind=${kind} in policy; wanted is ${VERSION}, Kind=Policy`
  }
  if (!Array.isArray(rules)) return 'failed decoding: rules is no list'
  const errors = [
    ...stageProblems(policy.omitStages, 'omitStages'),
    ...rules.flatMap((rule, index) => ruleProblems(rule, `rules[${index}]`)),
  ]
  if (errors.length > 0) return errors.map(fieldErrorText).join(', ')
  return rules.length === 0 ? 'loaded illegal policy with 0 rules' : undefined
}

function ruleProblems(value: unknown, path: string): readonly FieldError[] {
  if (!isJsonObject(value)) return [invalid(path, value, 'must be an object')]
  const shape = ['users', 'userGroups', 'verbs', 'namespaces', 'nonResourceURLs', 'omitStages', 'resources']
    .filter((name) => value[name] !== undefined && !Array.isArray(value[name]))
    .map((name) => invalid(`${path}.${name}`, value[name], 'must be a list'))
  if (shape.length > 0) return shape
  const rule = value as unknown as AuditRule
  const { level, nonResourceURLs: urls = [], resources = [], namespaces = [] } = rule
  const both = urls.length > 0 && (resources.length > 0 || namespaces.length > 0)
  return [
    ...(level ? [] : [required(`${path}.level`)]),
    ...(!level || LEVELS.includes(level) ? [] : [notSupported(`${path}.level`, level, LEVELS)]),
    ...urls.flatMap((url, index) => urlProblems(url, `${path}.nonResourceURLs[${index}]`)),
    ...resources.flatMap((each) => resourceProblems(each as unknown as JsonObject, `${path}.resources`)),
    ...stageProblems(rule.omitStages, `${path}.omitStages`),
    ...(both
      ? [invalid(`${path}.nonResourceURLs`, urls, 'rules cannot apply to both regular resources and non-resource URLs')]
      : []),
  ]
}

function urlProblems(url: string, path: string): readonly FieldError[] {
  if (url === '*') return []
  return [
    ...(url.startsWith('/') ? [] : [invalid(path, url, "non-resource URL rules must begin with a '/' character")]),
    ...(url.slice(0, -1).includes('*')
      ? [invalid(path, url, "non-resource URL wildcards '*' must be the final character of the rule")]
      : []),
  ]
}

function resourceProblems({ group, resources, resourceNames }: JsonObject, path: string): readonly FieldError[] {
  const problems = group === undefined || group === '' ? [] : subdomainProblems(String(group))
  const nameless = Array.isArray(resourceNames) && resourceNames.length > 0 && !Array.isArray(resources)
  return [
    ...(problems.length === 0 ? [] : [invalid(`${path}.group`, group, problems.join(','))]),
    ...(nameless
      ? [invalid(`${path}.resourceNames`, resourceNames, 'using resourceNames requires at least one resource')]
      : []),
  ]
}

function stageProblems(stages: unknown, path: string): readonly FieldError[] {
  if (!Array.isArray(stages)) return []
  return stages.flatMap((stage, index) =>
    AUDIT_STAGES.includes(stage)
      ? []
      : [invalid(`${path}[${index}]`, stage, `allowed stages are ${AUDIT_STAGES.join(',')}`)],
  )
}
