import type { PolicyRule } from '../../kube/types/rbac.ts'

const SHORT: Readonly<Record<string, string>> = {
  read: 'get list watch',
  write: 'create update patch delete deletecollection',
  core: '',
  discovery: 'discovery.k8s.io',
  events: 'events.k8s.io',
  networking: 'networking.k8s.io',
  coordination: 'coordination.k8s.io',
  authentication: 'authentication.k8s.io',
  authorization: 'authorization.k8s.io',
  rbac: 'rbac.authorization.k8s.io',
  crd: 'apiextensions.k8s.io',
  storage: 'storage.k8s.io',
  certificates: 'certificates.k8s.io',
  admission: 'admissionregistration.k8s.io',
  claims: 'resource.k8s.io',
  node: 'node.k8s.io',
}

/**
 * Rules as a table writes them, one a line: `verbs | groups | resources` or `verbs | groups | resources | names`, and
 * `verbs | /path /path/*` for paths. `read` and `write` stand for verbs, `core`, `rbac`, … for groups.
 */
export function readRules(text: string): readonly PolicyRule[] {
  return text
    .trim()
    .split('\n')
    .map((line) => readRule(line.split('|').map((part) => part.trim().split(/\s+/))))
}

function readRule([verbs = [], second = [], resources, names]: readonly (readonly string[])[]): PolicyRule {
  const allVerbs = verbs.flatMap((verb) =>
    verb === 'read' || verb === 'write' ? (SHORT[verb] ?? '').split(' ') : verb,
  )
  if (resources === undefined) return { verbs: allVerbs, nonResourceURLs: second }
  const apiGroups = second.map((group) => SHORT[group] ?? group)
  return { verbs: allVerbs, apiGroups, resources, ...(names === undefined ? {} : { resourceNames: names }) }
}
