import type { FieldError } from '../kube/kind.ts'
import { forbidden, notSupported } from '../kube/validation/field-error.ts'
import { invalidObject } from './status-error.ts'

const LIST_OPTIONS = { group: 'meta.k8s.io', plural: 'listoptions', kind: 'ListOptions' }
const FIELD = 'resourceVersionMatch'
const EXACT = 'Exact'
const NOT_OLDER_THAN = 'NotOlderThan'

/**
 * Which parameters of a list go together.
 * Source: k8s.io/apimachinery `meta/internalversion/validation` @throws StatusError Invalid
 */
export function validateListOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? ''
  const version = query.get('resourceVersion') ?? ''
  const errors: FieldError[] = []
  if (match !== '') {
    if (version === '')
      errors.push(forbidden(FIELD, 'resourceVersionMatch is forbidden unless resourceVersion is provided'))
    if (query.get('continue'))
      errors.push(forbidden(FIELD, 'resourceVersionMatch is forbidden when continue is provided'))
    if (match !== EXACT && match !== NOT_OLDER_THAN)
      errors.push(notSupported(FIELD, match, [EXACT, NOT_OLDER_THAN, '']))
    if (match === EXACT && version === '0') {
      errors.push(forbidden(FIELD, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'))
    }
  }
  if (query.get('sendInitialEvents')) {
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'))
  }
  refuse(errors)
}

/** The same of a watch. */
export function validateWatchOptions(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? ''
  const initialEvents = query.get('sendInitialEvents') ?? ''
  const errors: FieldError[] = []
  if (initialEvents !== '' && match !== NOT_OLDER_THAN) {
    errors.push(forbidden(FIELD, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'))
  }
  if (match !== '') {
    if (initialEvents === '') {
      errors.push(forbidden(FIELD, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'))
    }
    if (match !== NOT_OLDER_THAN) errors.push(notSupported(FIELD, match, [NOT_OLDER_THAN]))
    if (query.get('continue'))
      errors.push(forbidden(FIELD, 'resourceVersionMatch is forbidden when continue is provided'))
  }
  refuse(errors)
}

function refuse(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject(LIST_OPTIONS, '', errors)
}
