import { problemsOf, testRules } from './test-rules.ts'

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution'
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution'
const node = (...matchExpressions: readonly object[]) => ({
  nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ matchExpressions }] } },
})
const T = `.nodeAffinity.${REQUIRED}.nodeSelectorTerms`
const labelSelector = { matchLabels: { a: 'b' } }

testRules('affinity', {
  at: 'spec.affinity',
  problems: (affinity) => problemsOf({ affinity }),
  cases: [
    [node({ key: 'a', operator: 'In', values: ['b'] }, { key: 'n', operator: 'Gt', values: ['1'] })],
    [
      { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [] } } },
      `${T}: Required value: must have at least one node selector term`,
    ],
    [
      node({ key: 'a', operator: 'In' }, { key: 'a', operator: 'Exists', values: ['x'] }, { key: 'a', operator: 'X' }),
      `${T}[0].matchExpressions[0].values: Required value: must be specified when \`operator\` is 'In' or 'NotIn'`,
      `${T}[0].matchExpressions[1].values: Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`,
      `${T}[0].matchExpressions[2].operator: Invalid value: "X": not a valid selector operator`,
    ],
    [
      { nodeAffinity: { [PREFERRED]: [{ weight: 101, preference: {} }] } },
      `.nodeAffinity.${PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100`,
    ],
    [{ podAffinity: { [REQUIRED]: [{ topologyKey: 'a', labelSelector, matchLabelKeys: ['v'] }] } }],
    [
      { podAntiAffinity: { [REQUIRED]: [{ topologyKey: 'a', matchLabelKeys: ['v'] }] } },
      `.podAntiAffinity.${REQUIRED}[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
    ],
    [
      {
        podAffinity: {
          [REQUIRED]: [{ topologyKey: 'a', labelSelector, matchLabelKeys: ['v'], mismatchLabelKeys: ['v'] }],
        },
      },
      `.podAffinity.${REQUIRED}[0].matchLabelKeys[0]: Invalid value: "v": exists in both matchLabelKeys and mismatchLabelKeys`,
    ],
  ],
})

testRules('spreading', {
  at: 'spec.topologySpreadConstraints',
  problems: problemsOf,
  cases: [
    [
      {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule', minDomains: 1 },
        ],
      },
    ],
    [
      { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'X', minDomains: 0 }] },
      '[0].maxSkew: Invalid value: 0: must be greater than zero',
      '[0].topologyKey: Required value: can not be empty',
      '[0].whenUnsatisfiable: Unsupported value: "X": supported values: "DoNotSchedule", "ScheduleAnyway"',
      '[0].minDomains: Invalid value: 0: must be greater than zero',
      '[0].minDomains: Invalid value: 0: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not X',
    ],
    [
      {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'ScheduleAnyway', nodeTaintsPolicy: 'No' },
          { maxSkew: 2, topologyKey: 'a', whenUnsatisfiable: 'ScheduleAnyway' },
        ],
      },
      '[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{a, ScheduleAnyway}"',
      '[0].nodeTaintsPolicy: Unsupported value: "No": supported values: "Honor", "Ignore"',
    ],
  ],
})

testRules('tolerations', {
  at: 'spec.tolerations[0]',
  problems: (toleration) => problemsOf({ tolerations: [toleration] }),
  cases: [
    [{ operator: 'Exists' }],
    [{ key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: -1 }],
    [
      {},
      '.operator: Invalid value: "": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
    [
      { key: 'a', operator: 'Exists', value: 'x' },
      `.operator: Invalid value: "x": value must be empty when \`operator\` is 'Exists'`,
    ],
    [{ key: 'a', operator: 'X' }, '.operator: Unsupported value: "X": supported values: "Equal", "Exists"'],
    [
      { key: 'a', effect: 'NoSchedule', tolerationSeconds: 1 },
      `.effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
    ],
    [
      { key: 'a', effect: 'X' },
      '.effect: Unsupported value: "X": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
})
