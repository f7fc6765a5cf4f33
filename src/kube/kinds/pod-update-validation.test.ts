import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PodSpec } from '../types/core.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { validatePodChange } from './pod-update-validation.ts'

const container = { name: 'c', image: 'nginx:1' }
const base: PodSpec = { containers: [container], tolerations: [{ key: 'a', operator: 'Exists' }] }
const gated: PodSpec = { ...base, schedulingGates: [{ name: 'g' }], nodeSelector: { disk: 'ssd' } }

function changed(from: PodSpec, change: object): readonly string[] {
  return validatePodChange({ ...from, ...change }, from).map(fieldErrorText)
}

function requiring(...zones: readonly string[]): NonNullable<PodSpec['affinity']> {
  const nodeSelectorTerms = zones.map((zone) => ({
    matchExpressions: [{ key: 'zone', operator: 'In' as const, values: [zone] }],
  }))
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } }
}

describe('what of a pod may change', () => {
  test('the image, a shorter deadline, more tolerations and how long they last', () => {
    assert.deepEqual(changed(base, {}), [])
    assert.deepEqual(changed(base, { containers: [{ ...container, image: 'nginx:2' }] }), [])
    assert.deepEqual(changed(base, { activeDeadlineSeconds: 5 }), [])
    assert.deepEqual(changed({ ...base, activeDeadlineSeconds: 5 }, { activeDeadlineSeconds: 4 }), [])
    const tolerations = [{ key: 'a', operator: 'Exists', tolerationSeconds: 3 }, { key: 'b' }]
    assert.deepEqual(changed(base, { tolerations }), [])
    const endless = { ...base, terminationGracePeriodSeconds: -1 }
    assert.deepEqual(changed(endless, { terminationGracePeriodSeconds: 1 }), [])
    assert.deepEqual(changed(base, { hostname: undefined, volumes: [], affinity: {} }), [])
  })

  test('nothing else', () => {
    const [text = ''] = changed(base, { hostname: 'x' })
    assert.equal(
      text,
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n+spec.hostname: "x"\n',
    )
    assert.match(changed(base, { terminationGracePeriodSeconds: 1 })[0] ?? '', /^spec: Forbidden/)
    assert.match(changed(base, { nodeSelector: { a: 'b' } })[0] ?? '', /\+spec.nodeSelector: \{"a":"b"\}\n$/)
    assert.match(changed(base, { containers: [{ ...container, tty: true }] })[0] ?? '', /^spec: Forbidden/)
    assert.deepEqual(changed(base, { containers: [container, { ...container, name: 'd' }] }), [
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ])
    assert.deepEqual(changed(base, { initContainers: [container] }), [
      'spec.initContainers: Forbidden: pod updates may not add or remove containers',
    ])
  })

  test('no longer deadline, no toleration less', () => {
    const field = 'spec.activeDeadlineSeconds: Invalid value'
    const limited = { ...base, activeDeadlineSeconds: 5 }
    assert.deepEqual(changed(limited, { activeDeadlineSeconds: 6 }), [
      `${field}: 6: must be less than or equal to previous value`,
    ])
    assert.deepEqual(changed(limited, { activeDeadlineSeconds: undefined }), [
      `${field}: null: must not update from a positive integer to nil value`,
    ])
    assert.deepEqual(changed(base, { activeDeadlineSeconds: 2 ** 31 }), [
      `${field}: 2147483648: must be between 0 and 2147483647, inclusive`,
    ])
    const kept = 'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds'
    assert.deepEqual(changed(base, { tolerations: [] }), [kept])
    assert.deepEqual(changed(base, { tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute' }] }), [kept])
  })

  test('a gated pod is tied to fewer nodes, and its gates only go', () => {
    assert.deepEqual(changed(gated, { schedulingGates: [] }), [])
    assert.deepEqual(changed(gated, { schedulingGates: [{ name: 'g' }, { name: 'h' }] }), [
      "spec.schedulingGates[1].name: Forbidden: only deletion is allowed, but found new scheduling gate 'h'",
    ])
    assert.deepEqual(changed(gated, { nodeSelector: { disk: 'ssd', zone: 'a' }, affinity: requiring('a') }), [])
    assert.deepEqual(changed(gated, { nodeSelector: { disk: 'hdd' } }), [
      'spec.nodeSelector: Invalid value: {"disk":"hdd"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    ])
    const zoned = { ...gated, affinity: requiring('a') }
    const field = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms'
    assert.match(
      changed(zoned, { affinity: requiring('a', 'b') })[0] ?? '',
      /: no additions\/deletions to non-empty NodeSelectorTerms list are allowed$/,
    )
    const [other = ''] = changed(zoned, { affinity: requiring('b') })
    assert.ok(other.startsWith(`${field}[0]: Invalid value: {"matchExpressions"`), other)
    assert.match(other, /: only additions are allowed \(no mutations or deletions\)$/)
  })
})
