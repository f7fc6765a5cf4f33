import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Draft } from '../kind.ts'
import type { Container, Pod, PodStatus } from '../types/core.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { resizedSpec } from './pod-resize-validation.ts'
import { validatePod } from './pod-validation.ts'

const container = (resources: Container['resources'], more: Partial<Container> = {}): Container => ({
  name: 'web',
  image: 'x',
  ...(resources === undefined ? {} : { resources }),
  ...more,
})
const podOf = (web: Container, status: PodStatus = {}, initContainers: readonly Container[] = []): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default' },
  spec: { containers: [web], restartPolicy: 'Always', ...(initContainers.length === 0 ? {} : { initContainers }) },
  status,
})
const small = { requests: { cpu: '100m' }, limits: { cpu: '200m' } }
const problems = (now: Pod, old: Pod) => validatePod(now, old, 'resize').map(fieldErrorText)

test('cpu and memory of containers may change, and nothing may be taken away', () => {
  const old = podOf(container(small))
  assert.deepEqual(problems(podOf(container({ requests: { cpu: '1' }, limits: { cpu: '2', memory: '1Gi' } })), old), [])
  assert.deepEqual(problems(podOf(container({ requests: { cpu: '1' } })), old), [
    'spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed',
  ])
  const storage = { requests: { ...small.requests, 'ephemeral-storage': '1Gi' }, limits: small.limits }
  assert.deepEqual(problems(podOf(container(storage)), old), [
    'spec: Forbidden: only cpu and memory resources are mutable',
  ])
})

test('the class of service stays, and the node must be able to', () => {
  const old = podOf(container(small), { qosClass: 'Burstable' })
  const same = { cpu: '1', memory: '1Gi' }
  assert.deepEqual(problems(podOf(container({ requests: same, limits: same })), old), [
    'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
  ])
  const running = { name: 'web', ready: true, restartCount: 0, image: '', imageID: '', state: { running: {} } }
  const silent = podOf(container(small), { containerStatuses: [running as never] })
  assert.deepEqual(problems(podOf(container({ requests: { cpu: '1' }, limits: { cpu: '1' } })), silent), [
    'spec: Forbidden: Pod running on node without support for resize',
  ])
})

test('init containers keep what they have, unless they are sidecars', () => {
  const init = (resources: Container['resources'], more: Partial<Container> = {}) =>
    container(resources, { name: 'init', ...more })
  const old = podOf(container(small), {}, [init(small)])
  assert.deepEqual(problems(podOf(container(small), {}, [init({ ...small, limits: { cpu: '1' } })]), old), [
    'spec: Forbidden: resources for non-sidecar init containers are immutable',
  ])
  const sidecar = { restartPolicy: 'Always' } as const
  const beside = podOf(container(small), {}, [init(small, sidecar)])
  assert.deepEqual(
    problems(podOf(container(small), {}, [init({ ...small, limits: { cpu: '1' } }, sidecar)]), beside),
    [],
  )
})

test('a policy names each resource once, and a pod that is never restarted has none that would', () => {
  const policy = (resourceName: string, restartPolicy: string) => ({ resourceName, restartPolicy })
  const of = (policies: readonly object[], restartPolicy: 'Always' | 'Never') => {
    const pod = podOf(container(small, { resizePolicy: policies as never }))
    return validatePod({ ...pod, spec: { ...pod.spec, restartPolicy } }, undefined).map(fieldErrorText)
  }
  assert.deepEqual(of([policy('cpu', 'NotRequired'), policy('memory', 'RestartContainer')], 'Always'), [])
  assert.deepEqual(of([policy('cpu', 'NotRequired'), policy('cpu', 'NotRequired')], 'Always'), [
    'spec.containers[0].resizePolicy[1]: Duplicate value: "cpu"',
  ])
  assert.deepEqual(of([policy('gpu', 'Sometimes')], 'Always'), [
    'spec.containers[0].resizePolicy: Unsupported value: "gpu": supported values: "cpu", "memory"',
    'spec.containers[0].resizePolicy: Unsupported value: "Sometimes": supported values: "NotRequired", "RestartContainer"',
  ])
  assert.deepEqual(of([policy('cpu', 'RestartContainer')], 'Never'), [
    "spec.containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when `restartPolicy` is 'Never'",
  ])
})

test('of a change through `resize` only what it is for is taken', () => {
  const spec = { containers: [{ name: 'web', image: 'x', resources: small }], nodeName: 'n' } as unknown as Draft
  const web = { name: 'web', image: 'y', resources: { limits: { cpu: '1' } }, resizePolicy: [] }
  assert.deepEqual(resizedSpec(spec, { containers: [web], nodeName: 'other' }), {
    containers: [{ name: 'web', image: 'x', resources: { limits: { cpu: '1' } }, resizePolicy: [] }],
    nodeName: 'n',
  })
  assert.equal(resizedSpec(spec, { containers: [{ ...web, name: 'other' }] }), undefined)
  assert.equal(resizedSpec(spec, { containers: [] }), undefined)
})
