import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod, PodStatus } from '../../types/core.ts'
import { fieldErrorText } from '../../validation/field-error.ts'
import { validatePod, validatePodTemplate } from '../pod-validation.ts'
import { problemsOf, testRules } from './test-rules.ts'

const NO_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'
const QUALIFIED =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

testRules('pods', {
  at: 'spec.',
  problems: problemsOf,
  cases: [
    [{ activeDeadlineSeconds: 2_147_483_647, terminationGracePeriodSeconds: -1 }],
    [
      { activeDeadlineSeconds: 0 },
      'activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
    ],
    [
      { restartPolicy: 'X', dnsPolicy: 'Y' },
      'restartPolicy: Unsupported value: "X": supported values: "Always", "OnFailure", "Never"',
      'dnsPolicy: Unsupported value: "Y": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
    ],
    [{ dnsPolicy: 'None' }, 'dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
    [
      { dnsPolicy: 'None', dnsConfig: {} },
      'dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None',
    ],
    [{ dnsConfig: { nameservers: ['1.1.1.1', '::1'], searches: ['.', 'a_b.c.'], options: [{ name: 'ndots' }] } }],
    [
      { dnsConfig: { nameservers: ['x', '1.1.1.1', '1.1.1.1', '1.1.1.1'], options: [{}] } },
      'dnsConfig.nameservers: Invalid value: ["x","1.1.1.1","1.1.1.1","1.1.1.1"]: must not have more than 3 nameservers',
      `dnsConfig.nameservers[0]: Invalid value: "x": ${NO_IP}`,
      'dnsConfig.options[0]: Required value: must not be empty',
    ],
    [{ hostAliases: [{ ip: '::1', hostnames: ['a.b'] }] }],
    [{ hostAliases: [{ ip: 'x' }] }, `hostAliases[0].ip: Invalid value: "x": ${NO_IP}`],
    [
      { readinessGates: [{ conditionType: 'a b' }] },
      `readinessGates[0].conditionType: Invalid value: "a b": ${QUALIFIED}`,
    ],
    [{ schedulingGates: [{ name: 'a' }, { name: 'a' }] }, 'schedulingGates[1]: Duplicate value: "a"'],
    [
      { schedulingGates: [{ name: 'a' }], nodeName: 'n' },
      'nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
    ],
    [
      { resourceClaims: [{ name: 'a', resourceClaimName: 'x' }, { name: 'a' }] },
      'resourceClaims[1].name: Duplicate value: "a"',
      'resourceClaims[1]: Invalid value: {"name":"a"}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
    ],
    [
      {
        resources: { requests: { cpu: '1' } },
        containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '2' } } }],
      },
      'resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
    ],
  ],
})

test('templates may leave to their pods what is filled in there, and have no ephemeral containers', () => {
  const ports = [{ containerPort: 80 }]
  const spec = { hostNetwork: true, containers: [{ name: 'c', image: ' i', ports }] }
  assert.deepEqual(validatePodTemplate({ spec }, 'spec.template'), [])
  const late = { ...spec, ephemeralContainers: [{ name: 'e', image: 'i' }] }
  assert.deepEqual(validatePodTemplate({ spec: late }, 'spec.template').map(fieldErrorText), [
    'spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template',
  ])
  assert.deepEqual(validatePodTemplate(undefined, 'spec.template').map(fieldErrorText), [
    'spec.template.spec.containers: Required value',
  ])
})

const podWith = (status: PodStatus, annotations: Readonly<Record<string, string>> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'default', annotations },
  spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' },
  status: { qosClass: 'BestEffort', ...status },
})

test('annotations that mean something are looked at, and some stay as they are', () => {
  const texts = (now: Pod, old?: Pod) => validatePod(now, old).map(fieldErrorText)
  const COST = 'controller.kubernetes.io/pod-deletion-cost'
  assert.deepEqual(texts(podWith({}, { [COST]: '-100' })), [])
  assert.deepEqual(texts(podWith({}, { [COST]: '+1' })), [
    `metadata.annotations[${COST}]: Invalid value: "+1": must be a 32bit integer`,
  ])
  const mirror = podWith({}, { 'kubernetes.io/config.mirror': 'x' })
  const bound: Pod = { ...mirror, spec: { ...mirror.spec, nodeName: 'n' } }
  assert.deepEqual(texts({ ...bound, metadata: { name: 'p', namespace: 'default' } }, bound), [
    'metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not remove or update mirror pod annotation',
  ])
})

test('a status says what can be', () => {
  const texts = (now: PodStatus, old: PodStatus = {}) =>
    validatePod(podWith(now), podWith(old), 'status').map(fieldErrorText)
  const of = (state: object) => ({
    containerStatuses: [{ name: 'c', ready: false, restartCount: 0, image: '', imageID: '', state }],
  })
  assert.deepEqual(texts({ podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], podIP: '10.0.0.1' }), [])
  assert.deepEqual(texts({ podIPs: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }] }), [
    'status.podIPs: Invalid value: [{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]: may specify no more than one IP for each IP family',
  ])
  assert.deepEqual(texts({ qosClass: 'Burstable' }), [
    'status.qosClass: Invalid value: "Burstable": field is immutable',
  ])
  assert.deepEqual(texts(of({ running: {} }), of({ terminated: { exitCode: 1 } })), [
    'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
  ])
})
