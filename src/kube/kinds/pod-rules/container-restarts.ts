import type { Container } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'

const POLICIES = ['Always', 'Never', 'OnFailure']
const ACTIONS = ['Restart', 'RestartAllContainers']
const OPERATORS = ['In', 'NotIn']
const [MAX_RULES, MAX_CODES] = [20, 255]

/** Rules of what a container's end means, where it has a say of its own (KEP-5307). */
export function checkRestarts({ restartPolicy, restartPolicyRules: rules = [] }: Container, found: Findings): void {
  found.oneOf('restartPolicy', restartPolicy, POLICIES)
  if (rules.length === 0) return
  if (restartPolicy === undefined) {
    found.required('restartPolicy', 'must specify restartPolicy when restart rules are used')
  }
  if (rules.length > MAX_RULES) found.tooMany('restartPolicyRules', rules.length, MAX_RULES)
  found.each(rules, 'restartPolicyRules', ({ action = '', exitCodes }) => {
    found.oneOf('action', action, ACTIONS)
    if (exitCodes === undefined) return found.required('exitCodes', 'must be specified')
    const { operator = '', values = [] }: { operator?: string; values?: readonly number[] } = exitCodes
    found.oneOf('exitCodes.operator', operator, OPERATORS)
    if (values.length > MAX_CODES) found.tooMany('exitCodes.values', values.length, MAX_CODES)
  })
}
