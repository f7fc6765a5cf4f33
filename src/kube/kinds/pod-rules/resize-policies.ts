import type { Container, RestartPolicy } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'

const RESOURCES = ['cpu', 'memory']
const POLICIES = ['NotRequired', 'RestartContainer']

/** Rules of what a change of its resources means for a container (upstream `validateResizePolicy`). */
export function checkResizePolicies(
  policies: Container['resizePolicy'],
  podRestartPolicy: RestartPolicy | undefined,
  found: Findings,
): void {
  policies?.forEach(({ resourceName, restartPolicy }, index) => {
    const again = policies.findIndex((each) => each.resourceName === resourceName) < index
    if (again) found.duplicate(`resizePolicy[${index}]`, resourceName)
    if (resourceName) found.oneOf('resizePolicy', resourceName, RESOURCES)
    else found.required('resizePolicy')
    if (restartPolicy) found.oneOf('resizePolicy', restartPolicy, POLICIES)
    else found.required('resizePolicy')
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      found.invalid('resizePolicy', restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'")
    }
  })
}
