import type { Draft, FieldError, KindDefinition } from '../kind.ts'
import { daemonSets } from '../resource.ts'
import type { DaemonSet } from '../types/apps.ts'
import { invalid, notSupported } from '../validation/field-error.ts'
import { ensureObject, objectIn, setDefault } from './draft.ts'
import { intOrPercentValue, notMoreThanAll, validateIntOrPercent } from './int-or-percent.ts'
import { defaultPodTemplate, workloadMergeLists } from './pod-template.ts'
import { ageColumn, labelsCell, selectorColumn, templateColumns } from './printing.ts'
import { countColumn, notNegative, validateWorkload } from './workload.ts'

/** apps/v1 DaemonSet: a pod on every node that it fits. */
export const daemonSetKind: KindDefinition<DaemonSet> = {
  resource: daemonSets,
  listKind: 'DaemonSetList',
  singular: 'daemonset',
  shortNames: ['ds'],
  categories: ['all'],
  subresources: ['status'],
  default: defaultDaemonSet,
  prepare(draft, old) {
    if (old !== undefined) return
    draft.status = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 }
  },
  validate: ({ spec }, old) => [
    ...validateWorkload(spec, old?.spec, 'daemonset'),
    ...notNegative('spec.revisionHistoryLimit', spec?.revisionHistoryLimit),
    ...validateStrategy(spec?.updateStrategy),
  ],
  columns: [
    countColumn('Desired', ({ status }) => status?.desiredNumberScheduled),
    countColumn('Current', ({ status }) => status?.currentNumberScheduled),
    countColumn('Ready', ({ status }) => status?.numberReady),
    countColumn('Up-to-date', ({ status }) => status?.updatedNumberScheduled),
    countColumn('Available', ({ status }) => status?.numberAvailable),
    {
      name: 'Node Selector',
      type: 'string',
      description: 'The labels that a node must have to get a pod.',
      cell: ({ spec }) => labelsCell(spec.template.spec.nodeSelector),
    },
    ageColumn,
    ...templateColumns<DaemonSet>(({ spec }) => spec.template),
    selectorColumn<DaemonSet>(({ spec }) => spec.selector),
  ],
  mergeLists: workloadMergeLists,
}

function defaultDaemonSet(draft: Draft): void {
  const spec = objectIn(draft, 'spec')
  if (spec === undefined) return
  const strategy = ensureObject(spec, 'updateStrategy')
  setDefault(strategy, 'type', 'RollingUpdate')
  if (strategy.type === 'RollingUpdate') {
    const rolling = ensureObject(strategy, 'rollingUpdate')
    setDefault(rolling, 'maxUnavailable', 1)
    setDefault(rolling, 'maxSurge', 0)
  }
  setDefault(spec, 'revisionHistoryLimit', 10)
  defaultPodTemplate(spec)
}

function validateStrategy({ type = 'RollingUpdate', rollingUpdate }: UpdateStrategy = {}): readonly FieldError[] {
  const path = 'spec.updateStrategy'
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {}
  if (type !== 'RollingUpdate' && type !== 'OnDelete') {
    const shown = rollingUpdate === undefined ? null : { MaxUnavailable: maxUnavailable, MaxSurge: maxSurge }
    return [notSupported(path, { Type: type, RollingUpdate: shown }, ['RollingUpdate', 'OnDelete'])]
  }
  if (type !== 'RollingUpdate') return []
  const [unavailable, surge] = [`${path}.rollingUpdate.maxUnavailable`, `${path}.rollingUpdate.maxSurge`]
  const [some, surging] = [intOrPercentValue(maxUnavailable) !== 0, intOrPercentValue(maxSurge) !== 0]
  return [
    ...validateIntOrPercent(unavailable, maxUnavailable),
    ...validateIntOrPercent(surge, maxSurge),
    ...notMoreThanAll(unavailable, maxUnavailable),
    ...notMoreThanAll(surge, maxSurge),
    ...(some && surging ? [invalid(surge, maxSurge, 'may not be set when maxUnavailable is non-zero')] : []),
    ...(some || surging ? [] : [invalid(unavailable, maxUnavailable, 'cannot be 0 when maxSurge is 0')]),
  ]
}

type UpdateStrategy = NonNullable<DaemonSet['spec']['updateStrategy']>
