import type { PolicyRule } from '../../kube/types/rbac.ts'
import type { Attributes } from '../authorization.ts'

const NONE: readonly PolicyRule[] = []

/** The rules of one role, found by the resource that they are about. */
export class CompiledRules {
  readonly rules: readonly PolicyRule[]
  readonly #byResource = new Map<string, PolicyRule[]>()
  readonly #aboutPaths: readonly PolicyRule[]

  constructor(rules: readonly PolicyRule[]) {
    this.rules = rules
    this.#aboutPaths = rules.filter(({ nonResourceURLs = NONE }) => nonResourceURLs.length > 0)
    for (const rule of rules) {
      for (const resource of rule.resources ?? []) {
        const same = this.#byResource.get(resource)
        if (same === undefined) this.#byResource.set(resource, [rule])
        else same.push(rule)
      }
    }
  }

  /** @param resource With its subresource, `pods/log`. */
  allow(attributes: Attributes, resource: string): boolean {
    if (attributes.resource === '') return this.#allowPath(attributes)
    if (anyAllows(this.#byResource.get(resource), attributes)) return true
    if (anyAllows(this.#byResource.get('*'), attributes)) return true
    return attributes.subresource !== '' && anyAllows(this.#byResource.get(`*/${attributes.subresource}`), attributes)
  }

  #allowPath({ verb, path }: Attributes): boolean {
    for (const rule of this.#aboutPaths) {
      if (has(rule.verbs, verb) && (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path)))
        return true
    }
    return false
  }
}

function anyAllows(rules: readonly PolicyRule[] | undefined, { verb, group, name }: Attributes): boolean {
  if (rules === undefined) return false
  for (const { verbs, apiGroups, resourceNames } of rules) {
    if (!has(verbs, verb) || apiGroups === undefined || !has(apiGroups, group)) continue
    if (resourceNames === undefined || resourceNames.length === 0 || resourceNames.includes(name)) return true
  }
  return false
}

/** Whether a list has a value, or `*` for all. */
export function has(list: readonly string[], value: string): boolean {
  return list.includes(value) || list.includes('*')
}

/** Whether a path is meant by a pattern: `*`, the path itself, or what it begins with before a `*` at the end. */
export function pathMatches(pattern: string, path: string): boolean {
  if (pattern === '*' || pattern === path) return true
  return pattern.endsWith('*') && path.startsWith(pattern.slice(0, -1))
}
