import type { FieldError, KindDefinition } from '../kind.ts'
import { ingressClasses } from '../resource.ts'
import type { IngressClass } from '../types/networking.ts'
import { forbidden, invalid, notSupported, required, tooLong } from '../validation/field-error.ts'
import { labelProblems, nameProblems, subdomainProblems } from '../validation/names.ts'
import { objectIn, setDefault } from './draft.ts'
import { ageColumn } from './printing.ts'

/** Annotation of the class that an Ingress without one gets. */
export const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class'

/** networking.k8s.io/v1 IngressClass. */
export const ingressClassKind: KindDefinition<IngressClass> = {
  resource: ingressClasses,
  listKind: 'IngressClassList',
  singular: 'ingressclass',
  generation: true,
  default(draft) {
    const parameters = objectIn(objectIn(draft, 'spec') ?? {}, 'parameters')
    if (parameters !== undefined) setDefault(parameters, 'scope', 'Cluster')
  },
  validate: ({ spec }, old) => [...validateController(spec?.controller, old), ...validateParameters(spec?.parameters)],
  columns: [
    {
      name: 'Controller',
      type: 'string',
      description: 'Controller that is responsible for handling this class',
      cell: ({ spec }) => spec.controller ?? '',
    },
    {
      name: 'Parameters',
      type: 'string',
      description: 'A reference to a resource with additional parameters',
      cell: parametersCell,
    },
    ageColumn,
  ],
}

function parametersCell({ spec }: IngressClass): string {
  const parameters = spec.parameters
  if (parameters === undefined) return '<none>'
  const kind = parameters.apiGroup ? `${parameters.kind}.${parameters.apiGroup}` : parameters.kind
  return `${kind}/${parameters.name}`
}

function validateController(controller: string | undefined, old: IngressClass | undefined): readonly FieldError[] {
  const path = 'spec.controller'
  const changed = old !== undefined && (controller ?? '') !== (old.spec.controller ?? '')
  return [
    ...(changed ? [invalid(path, controller ?? '', 'field is immutable')] : []),
    ...((controller ?? '').length > 250 ? [tooLong(path, 250)] : []),
    ...validatePrefixedPath(controller ?? '', path),
  ]
}

/** A domain, a slash and what may stand in the path of a URL (`IsDomainPrefixedPath`). */
function validatePrefixedPath(text: string, path: string): readonly FieldError[] {
  if (text === '') return [required(path)]
  const slash = text.indexOf('/')
  const [host, rest] = [text.slice(0, slash), text.slice(slash + 1)]
  if (slash <= 0 || rest === '') return [invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
  const errors = subdomainProblems(host).map((problem) => invalid(path, host, problem))
  const allowed = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"
  if (new RegExp(`^${allowed}$`).test(rest)) return errors
  return [...errors, invalid(path, rest, `Invalid path (regex used for validation is '${allowed}')`)]
}

function validateParameters(parameters: IngressClass['spec']['parameters']): readonly FieldError[] {
  if (parameters === undefined) return []
  const path = 'spec.parameters'
  const { apiGroup, kind, name, scope, namespace } = parameters
  const segment = (field: string, value: string | undefined) =>
    value ? nameProblems('path-segment', value).map((text) => invalid(field, value, text)) : [required(field)]
  const errors = [
    ...(apiGroup === undefined
      ? []
      : subdomainProblems(apiGroup).map((text) => invalid(`${path}.apiGroup`, apiGroup, text))),
    ...segment(`${path}.kind`, kind),
    ...segment(`${path}.name`, name),
  ]
  const at = `${path}.namespace`
  if (scope !== 'Cluster' && scope !== 'Namespace') {
    return [...errors, notSupported(`${path}.scope`, scope, ['Cluster', 'Namespace'])]
  }
  if (scope === 'Cluster') {
    return namespace === undefined ? errors : [...errors, forbidden(at, "`parameters.scope` is set to 'Cluster'")]
  }
  if (namespace === undefined) return [...errors, required(at, "`parameters.scope` is set to 'Namespace'")]
  return [...errors, ...labelProblems(namespace).map((text) => invalid(at, namespace, text))]
}
