import type { Column, Draft, FieldError } from '../kind.ts'
import { jsonEqual } from '../patch/json.ts'
import type { RoleBinding, RoleRef, Subject } from '../types/rbac.ts'
import { invalid, notSupported, required } from '../validation/field-error.ts'
import { nameProblems, subdomainProblems } from '../validation/names.ts'
import { ensureObject, objectsIn, setDefault } from './draft.ts'
import { ageColumn } from './printing.ts'

/** The group of roles and bindings. */
export const RBAC_GROUP = 'rbac.authorization.k8s.io'

/** Fills in the groups of the role and the subjects. */
export function defaultBinding(draft: Draft): void {
  const roleRef = ensureObject(draft, 'roleRef')
  if (!roleRef.apiGroup) roleRef.apiGroup = RBAC_GROUP
  for (const subject of objectsIn(draft, 'subjects')) {
    if (subject.apiGroup === '') delete subject.apiGroup
    if (subject.kind === 'User' || subject.kind === 'Group') setDefault(subject, 'apiGroup', RBAC_GROUP)
  }
}

/** What is wrong with a binding; `kinds` are those that its role may have. */
export function validateBinding(
  { roleRef, subjects = [] }: Pick<RoleBinding, 'roleRef' | 'subjects'>,
  old: Pick<RoleBinding, 'roleRef'> | undefined,
  kinds: readonly string[],
): readonly FieldError[] {
  const namespaced = kinds.includes('Role')
  return [
    ...validateRoleRef(roleRef, kinds),
    ...subjects.flatMap((subject, index) => validateSubject(subject, `subjects[${index}]`, namespaced)),
    ...(old === undefined || jsonEqual(old.roleRef, roleRef)
      ? []
      : [invalid('roleRef', roleRef, 'cannot change roleRef')]),
  ]
}

function validateRoleRef({ apiGroup, kind, name }: RoleRef, kinds: readonly string[]): readonly FieldError[] {
  return [
    ...(apiGroup === RBAC_GROUP ? [] : [notSupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP])]),
    ...(kinds.includes(kind) ? [] : [notSupported('roleRef.kind', kind ?? '', kinds)]),
    ...(name
      ? nameProblems('path-segment', name).map((text) => invalid('roleRef.name', name, text))
      : [required('roleRef.name')]),
  ]
}

function validateSubject(subject: Subject, path: string, namespaced: boolean): readonly FieldError[] {
  const { kind, apiGroup = '', name, namespace } = subject
  const errors = name ? [] : [required(`${path}.name`)]
  if (kind === 'ServiceAccount') {
    if (name) errors.push(...subdomainProblems(name).map((text) => invalid(`${path}.name`, name, text)))
    if (apiGroup !== '') errors.push(notSupported(`${path}.apiGroup`, apiGroup, ['']))
    if (!namespaced && !namespace) errors.push(required(`${path}.namespace`))
  } else if (kind === 'User' || kind === 'Group') {
    if (apiGroup !== RBAC_GROUP) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [RBAC_GROUP]))
  } else errors.push(notSupported(`${path}.kind`, kind ?? '', ['ServiceAccount', 'User', 'Group']))
  return errors
}

/** ROLE, AGE, and with `-o wide` who is bound. */
export const bindingColumns: readonly Column<RoleBinding>[] = [
  {
    name: 'Role',
    type: 'string',
    description: 'The role that is granted.',
    cell: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}`,
  },
  ageColumn,
  subjectColumn('Users', (subject) => (subject.kind === 'User' ? subject.name : undefined)),
  subjectColumn('Groups', (subject) => (subject.kind === 'Group' ? subject.name : undefined)),
  subjectColumn('ServiceAccounts', ({ kind, namespace = '', name }) =>
    kind === 'ServiceAccount' ? `${namespace}/${name}` : undefined,
  ),
]

function subjectColumn(name: string, shown: (subject: Subject) => string | undefined): Column<RoleBinding> {
  return {
    name,
    type: 'string',
    priority: 1,
    description: `${name} that the role is granted to.`,
    cell: ({ subjects = [] }) =>
      subjects
        .map(shown)
        .filter((text) => text !== undefined)
        .join(', '),
  }
}
