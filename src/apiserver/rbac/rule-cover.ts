import type { PolicyRule } from '../../kube/types/rbac.ts'
import { has, pathMatches } from './compiled-rules.ts'

/** One verb on one resource of one group (and one name), or on one path. */
interface Atom {
  readonly verb: string
  readonly group: string
  readonly resource: string
  /** '' : all. */
  readonly name: string
  /** '' where it is about a resource. */
  readonly path: string
}

/** What of `wanted` is not allowed by any of the rules `held`: the part that somebody who holds them cannot give away. */
export function rulesNotCovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  const missing = new Map<string, { readonly atom: Atom; readonly verbs: Set<string> }>()
  for (const atom of wanted.flatMap(atomsOf)) {
    if (held.some((rule) => covers(rule, atom))) continue
    const place = JSON.stringify([atom.group, atom.resource, atom.name, atom.path])
    const same = missing.get(place)
    if (same === undefined) missing.set(place, { atom, verbs: new Set([atom.verb]) })
    else same.verbs.add(atom.verb)
  }
  return [...missing.values()].map(({ atom, verbs }) => ruleOf(atom, [...verbs]))
}

function atomsOf({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule) {
  const names = resourceNames.length === 0 ? [''] : resourceNames
  const onResources = apiGroups.flatMap((group) =>
    resources.flatMap((resource) => names.map((name) => ({ group, resource, name, path: '' }))),
  )
  const onPaths = nonResourceURLs.map((path) => ({ group: '', resource: '', name: '', path }))
  return [...onResources, ...onPaths].flatMap((place) => verbs.map((verb): Atom => ({ ...place, verb })))
}

function covers(rule: PolicyRule, { verb, group, resource, name, path }: Atom): boolean {
  if (!has(rule.verbs, verb)) return false
  if (path !== '') return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, path))
  if (!has(rule.apiGroups ?? [], group) || !coversResource(rule.resources ?? [], resource)) return false
  const names = rule.resourceNames ?? []
  return names.length === 0 || (name !== '' && names.includes(name))
}

function coversResource(held: readonly string[], resource: string): boolean {
  if (has(held, resource)) return true
  const slash = resource.indexOf('/')
  return slash >= 0 && held.includes(`*${resource.slice(slash)}`)
}

function ruleOf({ group, resource, name, path }: Atom, verbs: readonly string[]): PolicyRule {
  if (path !== '') return { verbs, nonResourceURLs: [path] }
  return { verbs, apiGroups: [group], resources: [resource], ...(name === '' ? {} : { resourceNames: [name] }) }
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`, as refusals name rules. */
export function printRule({ apiGroups, resources, resourceNames, nonResourceURLs, verbs }: PolicyRule): string {
  const list = (name: string, values: readonly string[] | undefined) =>
    values === undefined || values.length === 0
      ? []
      : [`${name}:[${values.map((value) => JSON.stringify(value)).join(' ')}]`]
  const parts = [
    ...list('APIGroups', apiGroups),
    ...list('Resources', resources),
    ...list('ResourceNames', resourceNames),
    ...list('NonResourceURLs', nonResourceURLs),
    ...list('Verbs', verbs),
  ]
  return `{${parts.join(', ')}}`
}
