/** Rules that workloads share, and of how they replace their pods. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Draft, KindDefinition } from '../kind.ts'
import type { KubeObject } from '../types/meta.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { daemonSetKind } from './daemon-set.ts'
import { deploymentKind } from './deployment.ts'
import { jobKind } from './job.ts'
import { nodeKind } from './node.ts'
import { replicaSetKind } from './replica-set.ts'
import { statefulSetKind } from './stateful-set.ts'

type Kind = KindDefinition<KubeObject>

function settled(kind: unknown, spec: object): Draft {
  const draft = structuredClone({ metadata: { name: 'x', namespace: 'default', uid: 'u' }, spec }) as Draft
  const { default: fill, prepare } = kind as Kind
  fill?.(draft)
  prepare?.(draft, undefined)
  return draft
}

function problems(kind: unknown, spec: object): readonly string[] {
  return ((kind as Kind).validate?.(settled(kind, spec) as never, undefined) ?? []).map(fieldErrorText)
}

const POD = { containers: [{ name: 'c', image: 'i' }] }
const template = { metadata: { labels: { a: 'b' } }, spec: POD }
const selector = { matchLabels: { a: 'b' } }
const LABELS = 'spec.template.metadata.labels: Invalid value'
const MISMATCH = '`selector` does not match template `labels`'
const UNSELECTED = `${LABELS}: {"a":"b"}: ${MISMATCH}`
const PERCENT =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"

test('a selector selects the template', () => {
  const kinds: readonly (readonly [unknown, string, string | undefined])[] = [
    [deploymentKind, 'deployment', 'invalid label selector'],
    [replicaSetKind, 'deployment', 'invalid label selector'],
    [daemonSetKind, 'daemonset', undefined],
    [statefulSetKind, 'statefulset', ''],
  ]
  for (const [kind, word, unreadable] of kinds) {
    const none = kind === daemonSetKind ? [] : ['spec.selector: Required value']
    assert.deepEqual(problems(kind, { template }), [...none, UNSELECTED], word)
    const other = { matchLabels: { a: 'c' } }
    assert.deepEqual(problems(kind, { selector: other, template }), [UNSELECTED], word)
    const empty = `spec.selector: Invalid value: {}: empty selector is invalid for ${word}`
    assert.deepEqual(problems(kind, { selector: {}, template }), [empty], word)
    assert.deepEqual(
      problems(kind, { selector }),
      [`${LABELS}: null: ${MISMATCH}`, 'spec.template.spec.containers: Required value'],
      word,
    )
    const matchExpressions = [{ key: 'a', operator: 'X' }]
    const whole = `spec.selector: Invalid value: ${JSON.stringify({ matchExpressions })}`
    const tail = unreadable === undefined ? [] : [unreadable === '' ? whole : `${whole}: ${unreadable}`]
    const operator = 'spec.selector.matchExpressions[0].operator: Invalid value: "X": not a valid selector operator'
    assert.deepEqual(problems(kind, { selector: { matchExpressions }, template }), [operator, ...tail], word)
  }
})

test('a Deployment replaces its pods in a way that there is', () => {
  const said = (rest: object) => problems(deploymentKind, { selector, template, ...rest })
  const path = 'spec.strategy.rollingUpdate'
  assert.deepEqual(said({ strategy: { type: 'X', rollingUpdate: { maxSurge: 1 } } }), [
    'spec.strategy: Unsupported value: {"Type":"X","RollingUpdate":{"MaxUnavailable":0,"MaxSurge":1}}: supported values: "Recreate", "RollingUpdate"',
  ])
  assert.deepEqual(said({ strategy: { rollingUpdate: { maxSurge: '101x', maxUnavailable: '101%' } } }), [
    `${path}.maxSurge: Invalid value: "101x": ${PERCENT}`,
    `${path}.maxUnavailable: Invalid value: "101%": must not be greater than 100%`,
  ])
  assert.deepEqual(said({ strategy: { rollingUpdate: { maxSurge: '200%', maxUnavailable: 0 } } }), [])
  assert.deepEqual(said({ revisionHistoryLimit: -1, minReadySeconds: 10, progressDeadlineSeconds: 10 }), [
    'spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
    'spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds',
  ])
})

test('a StatefulSet replaces its pods in a way that there is', () => {
  const said = (rest: object) => problems(statefulSetKind, { selector, template, ...rest })
  const path = 'spec.updateStrategy'
  assert.deepEqual(said({ podManagementPolicy: 'X', updateStrategy: { type: 'X' } }), [
    `spec.podManagementPolicy: Invalid value: "X": must be 'OrderedReady' or 'Parallel'`,
    `${path}: Invalid value: {"Type":"X","RollingUpdate":null}: must be 'RollingUpdate' or 'OnDelete'`,
  ])
  assert.deepEqual(said({ updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } }), [
    `${path}.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy 'RollingUpdate'`,
  ])
  assert.deepEqual(said({ updateStrategy: { rollingUpdate: { partition: -1, maxUnavailable: 0 } } }), [
    `${path}.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0`,
    `${path}.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0`,
  ])
})

test('a DaemonSet replaces its pods in a way that there is', () => {
  const said = (updateStrategy: object) => problems(daemonSetKind, { selector, template, updateStrategy })
  const field = 'spec.updateStrategy.rollingUpdate.maxUnavailable'
  assert.deepEqual(said({ type: 'X' }), [
    'spec.updateStrategy: Unsupported value: {"Type":"X","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
  ])
  assert.deepEqual(said({ rollingUpdate: { maxUnavailable: '101%' } }), [
    `${field}: Invalid value: "101%": must not be greater than 100%`,
  ])
  assert.deepEqual(said({ rollingUpdate: { maxUnavailable: 'x' } }), [
    `${field}: Invalid value: "x": ${PERCENT}`,
    `${field}: Invalid value: "x": cannot be 0 when maxSurge is 0`,
  ])
})

test('a Job makes its selector, or says that it does not', () => {
  const ending = { spec: { ...POD, restartPolicy: 'Never' } }
  assert.deepEqual(problems(jobKind, { template: ending }), [])
  const made = { 'batch.kubernetes.io/controller-uid': 'u' }
  const all = { ...made, 'batch.kubernetes.io/job-name': 'x', 'controller-uid': 'u', 'job-name': 'x' }
  assert.deepEqual(problems(jobKind, { selector, template: ending }), [
    `spec.selector: Invalid value: ${JSON.stringify({ matchLabels: { a: 'b', ...made } })}: \`selector\` not auto-generated`,
    `${LABELS}: ${JSON.stringify(all)}: ${MISMATCH}`,
  ])
  assert.deepEqual(problems(jobKind, { manualSelector: true, template: ending }), [
    'spec.selector: Required value',
    `${LABELS}: null: ${MISMATCH}`,
  ])
  const labelled = { ...ending, metadata: { labels: { a: 'b' } } }
  assert.deepEqual(problems(jobKind, { manualSelector: true, selector, template: labelled }), [])
})

test('the one range of a node is the first of its ranges', () => {
  assert.deepEqual(settled(nodeKind, { podCIDR: '10.0.0.0/24' }).spec, {
    podCIDR: '10.0.0.0/24',
    podCIDRs: ['10.0.0.0/24'],
  })
  assert.deepEqual(settled(nodeKind, { podCIDRs: ['10.0.0.0/24', 'fd00::/64'] }).spec, {
    podCIDR: '10.0.0.0/24',
    podCIDRs: ['10.0.0.0/24', 'fd00::/64'],
  })
})
