import type { FieldError, KindDefinition } from '../kind.ts'
import { ingressClasses } from '../resource.ts'
import type { IngressClass } from '../types/networking.ts'
import { forbidden, invalid, notSupported, required } from '../validation/field-error.ts'
import { qualifiedNameProblems } from '../validation/names.ts'
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
  validate: ({ spec }, old) => [
    ...validateController(spec?.controller, old?.spec.controller),
    ...validateParameters(spec?.parameters),
  ],
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

function validateController(controller: string | undefined, old: string | undefined): readonly FieldError[] {
  const path = 'spec.controller'
  if (old !== undefined && controller !== old) return [invalid(path, controller ?? '', 'field is immutable')]
  if (!controller) return []
  if (controller.length > 250) return [{ type: 'TooLong', field: path, detail: 'may not be more than 250 bytes' }]
  if (!controller.includes('/'))
    return [invalid(path, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')]
  return qualifiedNameProblems(controller).map((text) => invalid(path, controller, text))
}

function validateParameters(parameters: IngressClass['spec']['parameters']): readonly FieldError[] {
  if (parameters === undefined) return []
  const path = 'spec.parameters'
  const missing = (['kind', 'name'] as const)
    .filter((field) => !parameters[field])
    .map((field) => required(`${path}.${field}`, field))
  const { scope, namespace } = parameters
  if (scope !== 'Cluster' && scope !== 'Namespace') {
    return [...missing, notSupported(`${path}.scope`, scope, ['Cluster', 'Namespace'])]
  }
  if (scope === 'Namespace' && !namespace) {
    return [...missing, required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'")]
  }
  if (scope === 'Namespace' || namespace === undefined) return missing
  return [...missing, forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'")]
}
