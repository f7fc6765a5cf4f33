import type { Column, KindDefinition } from '../kind.ts'
import { events } from '../resource.ts'
import type { CoreEvent } from '../types/core.ts'
import { invalid } from '../validation/field-error.ts'
import { ageCell } from './printing.ts'

/** v1 Event. */
export const eventKind: KindDefinition<CoreEvent> = {
  resource: events,
  listKind: 'EventList',
  singular: 'event',
  createdByPut: true,
  shortNames: ['ev'],
  nameColumn: false,
  validate(event) {
    const place = event.involvedObject?.namespace ?? ''
    const namespace = event.metadata.namespace
    const fits = place === namespace || (place === '' && namespace === 'default')
    return fits ? [] : [invalid('involvedObject.namespace', place, 'does not match event.namespace')]
  },
  selectableFields: {
    'involvedObject.kind': (event) => event.involvedObject?.kind ?? '',
    'involvedObject.namespace': (event) => event.involvedObject?.namespace ?? '',
    'involvedObject.name': (event) => event.involvedObject?.name ?? '',
    'involvedObject.uid': (event) => event.involvedObject?.uid ?? '',
    'involvedObject.apiVersion': (event) => event.involvedObject?.apiVersion ?? '',
    'involvedObject.resourceVersion': (event) => event.involvedObject?.resourceVersion ?? '',
    'involvedObject.fieldPath': (event) => event.involvedObject?.fieldPath ?? '',
    reason: (event) => event.reason ?? '',
    reportingComponent: (event) => event.reportingComponent ?? '',
    source: (event) => event.source?.component ?? event.reportingComponent ?? '',
    type: (event) => event.type ?? '',
  },
  columns: [
    column('Last Seen', 0, (event, now) => ageCell(lastSeen(event), now)),
    column('Type', 0, (event) => event.type ?? ''),
    column('Reason', 0, (event) => event.reason ?? ''),
    column('Object', 0, ({ involvedObject }) => {
      const kind = (involvedObject.kind ?? '').toLowerCase()
      return involvedObject.name ? `${kind}/${involvedObject.name}` : kind
    }),
    column('Subobject', 1, (event) => event.involvedObject.fieldPath ?? ''),
    column('Source', 1, sourceCell),
    column('Message', 0, (event) => (event.message ?? '').trim()),
    column('First Seen', 1, (event, now) => ageCell(event.firstTimestamp ?? event.eventTime, now)),
    { ...column('Count', 1, () => ''), cell: (event) => event.count || 1 },
    { ...column('Name', 1, (event) => event.metadata.name), format: 'name' },
  ],
}

function column(name: string, priority: 0 | 1, cell: (event: CoreEvent, now: number) => string): Column<CoreEvent> {
  return { name, type: 'string', priority, description: `${name} of the event.`, cell }
}

function lastSeen(event: CoreEvent): string | null | undefined {
  return event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp
}

function sourceCell({ source, reportingComponent, reportingInstance }: CoreEvent): string {
  const component = source?.component ?? reportingComponent ?? ''
  const host = source?.host ?? reportingInstance ?? ''
  return host === '' ? component : `${component}, ${host}`
}
