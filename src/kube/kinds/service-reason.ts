import type { Column } from '../kind.ts'
import type { Service } from '../types/core.ts'
import type { Condition } from '../types/meta.ts'

/** Upstream's one condition of Services that tells of a fault by being True. */
const LOAD_BALANCER_PORTS_ERROR = 'LoadBalancerPortsError'

/**
 * Why a Service does not do what it should, in the words of its conditions. Kubernetes has no such column, so it is
 * there only where there is something to tell: every other table is upstream's, cell by cell.
 */
export const reasonColumn: Column<Service> = {
  name: 'Reason',
  type: 'string',
  priority: 1,
  description: 'Why the service has no address or no endpoints, as its conditions tell.',
  onlyWhere: (service) => troublesOf(service).length > 0,
  cell: (service) => troublesOf(service).map(troubleText).join('; ') || '<none>',
}

function troublesOf({ status }: Service): readonly Condition[] {
  return (status?.conditions ?? []).filter(
    ({ type, status: is }) => is === (type === LOAD_BALANCER_PORTS_ERROR ? 'True' : 'False'),
  )
}

function troubleText({ type, reason, message = '' }: Condition): string {
  return message === '' ? (reason ?? type) : `${reason ?? type}: ${message}`
}
