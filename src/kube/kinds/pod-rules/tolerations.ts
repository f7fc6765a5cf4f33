import type { Toleration } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { labelValueProblems, qualifiedNameProblems } from '../../validation/names.ts'

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute']
const OPERATORS = ['Equal', 'Exists']

/** Rules of one toleration (upstream `ValidateTolerations`). */
export function checkToleration(toleration: Toleration, found: Findings): void {
  const { key, operator, effect = '', tolerationSeconds } = toleration
  if (key) found.problems('key', key, qualifiedNameProblems(key))
  else if (operator !== 'Exists') {
    const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
    found.invalid('operator', operator ?? '', text)
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    found.invalid('effect', effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
  }
  checkValue(toleration, found)
  if (effect !== '') found.oneOf('effect', effect, EFFECTS)
}

/** Upstream blames the operator for the value. */
function checkValue({ operator, value = '' }: Toleration, found: Findings): void {
  const kind: string = operator ?? ''
  if (kind === '' || kind === 'Equal') {
    const problems = labelValueProblems(value)
    if (problems.length > 0) found.invalid('operator', value, problems.join(';'))
  } else if (kind === 'Exists') {
    if (value !== '') found.invalid('operator', value, "value must be empty when `operator` is 'Exists'")
  } else found.notSupported('operator', kind, OPERATORS)
}
