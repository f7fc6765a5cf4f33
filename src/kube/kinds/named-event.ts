import type { Column, Draft, KindDefinition } from '../kind.ts'
import { events, namedEvents } from '../resource.ts'
import type { CoreEvent } from '../types/core.ts'
import type { NamedEvent } from '../types/named-event.ts'
import { invalid } from '../validation/field-error.ts'
import { eventKind } from './event.ts'

/** Field names here, and what core/v1 Event calls them. */
const NAMES: readonly (readonly [string, string])[] = [
  ['reportingController', 'reportingComponent'],
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
]

const TO_CORE: ReadonlyMap<string, string> = new Map(NAMES)
const TO_NAMED: ReadonlyMap<string, string> = new Map(NAMES.map(([named, core]) => [core, named]))

/** events.k8s.io/v1 Event: the Events of core/v1 under other field names. */
export const namedEventKind: KindDefinition<NamedEvent> = {
  resource: namedEvents,
  listKind: 'EventList',
  singular: 'event',
  createdByPut: true,
  shortNames: ['ev'],
  nameColumn: false,
  stored: {
    resource: events,
    toStored: (object) => ({ ...renamed(object, TO_CORE), apiVersion: 'v1' }),
    fromStored: (object) => ({ ...renamed(object, TO_NAMED), apiVersion: 'events.k8s.io/v1' }),
  },
  default(draft) {
    draft.regarding ??= {}
  },
  validate(event) {
    const place = event.regarding?.namespace ?? ''
    const namespace = event.metadata.namespace
    const fits = place === namespace || (place === '' && namespace === 'default')
    return fits ? [] : [invalid('regarding.namespace', place, 'does not match event.namespace')]
  },
  selectableFields: Object.fromEntries(
    Object.entries(eventKind.selectableFields ?? {}).map(([field, read]) => [
      // Upstream keeps `source`, which is no field here.
      field.replace(/^(involvedObject|reportingComponent)/, (name) => TO_NAMED.get(name) ?? name),
      (event: NamedEvent) => read(coreEvent(event)),
    ]),
  ),
  columns: eventKind.columns.map(
    (column): Column<NamedEvent> => ({ ...column, cell: (event, now) => column.cell(coreEvent(event), now) }),
  ),
}

function coreEvent(event: NamedEvent): CoreEvent {
  return renamed(event as unknown as Draft, TO_CORE) as unknown as CoreEvent
}

function renamed(object: Draft, names: ReadonlyMap<string, string>): Draft {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [names.get(name) ?? name, value]))
}
