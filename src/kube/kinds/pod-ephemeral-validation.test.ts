import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EphemeralContainer, Pod } from '../types/core.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { validatePod } from './pod-validation.ts'

const look: EphemeralContainer = { name: 'look', image: 'x', resources: {} }

function podWith(...ephemeralContainers: readonly EphemeralContainer[]): Pod {
  const containers = [{ name: 'main', image: 'x' }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers, ephemeralContainers } }
}

const added = (...containers: readonly EphemeralContainer[]) =>
  validatePod(podWith(...containers), podWith(), 'ephemeralcontainers').map(fieldErrorText)

const AT = 'spec.ephemeralContainers[0]'
const NOT_HERE = 'Forbidden: cannot be set for an Ephemeral Container'

describe('containers that are added to a pod', () => {
  test('are like others', () => {
    assert.deepEqual(added({ ...look, targetContainerName: 'main', stdin: true, tty: true, env: [] }), [])
  })
  const refused: readonly (readonly [EphemeralContainer, string])[] = [
    [{ ...look, name: 'main' }, `${AT}.name: Duplicate value: "main"`],
    [{ ...look, targetContainerName: 'no' }, `${AT}.targetContainerName: Not found: "no"`],
    [{ ...look, ports: [{ containerPort: 80 }] }, `${AT}.ports: ${NOT_HERE}`],
    [{ ...look, livenessProbe: { tcpSocket: { port: 1 } } }, `${AT}.livenessProbe: ${NOT_HERE}`],
    [{ ...look, resources: { limits: { cpu: '1' } } }, `${AT}.resources: ${NOT_HERE}`],
    [{ ...look, lifecycle: { stopSignal: 'SIGTERM' } }, `${AT}.lifecycle: ${NOT_HERE}`],
  ]
  for (const [container, text] of refused) {
    test(text, () => {
      assert.deepEqual(added(container), [text])
    })
  }
  test('are added only, never changed or taken away', () => {
    const change = (now: Pod) => validatePod(now, podWith(look), 'ephemeralcontainers').map(fieldErrorText)
    assert.deepEqual(change(podWith({ ...look, name: 'more' }, look)), [])
    const existing = 'spec.ephemeralContainers: Forbidden: existing ephemeral containers "look" may not be'
    assert.deepEqual(change(podWith()), [`${existing} removed\n`])
    assert.deepEqual(change(podWith({ ...look, image: 'y' })), [`${existing} changed\n`])
  })
  test('come by their own way only', () => {
    const created = validatePod(podWith(look), undefined).map(fieldErrorText)
    assert.deepEqual(created, ['spec.ephemeralContainers: Forbidden: cannot be set on create'])
    assert.match(
      validatePod(podWith(look), podWith(), 'main').map(fieldErrorText)[0] ?? '',
      /^spec: Forbidden: pod updates/,
    )
  })
})
