import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Draft, KindDefinition } from '../kind.ts'
import type { KubeObject } from '../types/meta.ts'
import { fieldErrorText } from '../validation/field-error.ts'
import { cronJobKind } from './cron-job.ts'
import { daemonSetKind } from './daemon-set.ts'
import { ingressKind } from './ingress.ts'
import { ingressClassKind } from './ingress-class.ts'
import { jobKind } from './job.ts'
import { namedEventKind } from './named-event.ts'
import { networkPolicyKind } from './network-policy.ts'
import { podDisruptionBudgetKind } from './pod-disruption-budget.ts'
import { replicationControllerKind } from './replication-controller.ts'

function settled(kind: KindDefinition<never>, body: object): Draft {
  const draft = structuredClone({ metadata: { name: 'x', namespace: 'default', uid: 'u' }, ...body }) as Draft
  kind.default?.(draft)
  kind.prepare?.(draft, undefined)
  return draft
}

function problems(kind: KindDefinition<never>, spec: object): readonly string[] {
  return (kind.validate?.(settled(kind, { spec }) as never, undefined) ?? []).map(fieldErrorText)
}

const CONTAINERS = [{ name: 'c', image: 'i:1' }]
const TEMPLATE = { metadata: { labels: { app: 'a' } }, spec: { containers: CONTAINERS } }
const ENDING = { spec: { containers: CONTAINERS, restartPolicy: 'Never' } }
const BACKEND = { service: { name: 'web', port: { number: 80 } } }
const withPath = (path: object) => ({ rules: [{ http: { paths: [path] } }] })
const AT = 'spec.rules[0].http.paths[0]'

const INDEXED = { template: ENDING, completionMode: 'Indexed', completions: 2, backoffLimitPerIndex: 1 }
const FAILED_INDEXES = 'spec.maxFailedIndexes: Invalid value'
const RULE = 'spec.podFailurePolicy.rules[0]'
const failureRules = (...rules: object[]) => ({ template: ENDING, podFailurePolicy: { rules } })
const SUCCESS = 'spec.successPolicy.rules[0]'
const succeeds = (...rules: object[]) => ({
  template: ENDING,
  completionMode: 'Indexed',
  completions: 2,
  successPolicy: { rules },
})

const RULES: readonly (readonly [KindDefinition<never>, object, string])[] = [
  [
    replicationControllerKind,
    { replicas: -1, template: TEMPLATE },
    'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  ],
  [replicationControllerKind, {}, 'spec.selector: Required value'],
  [
    replicationControllerKind,
    { template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, ephemeralContainers: [{ name: 'look', image: 'x' }] } } },
    'spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template',
  ],
  [
    replicationControllerKind,
    { template: { ...TEMPLATE, spec: { ...TEMPLATE.spec, hostPID: true, shareProcessNamespace: true } } },
    'spec.template.spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
  ],
  [replicationControllerKind, {}, 'spec.template: Required value'],
  [
    replicationControllerKind,
    { selector: { app: 'b' }, template: TEMPLATE },
    'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
  ],
  [
    replicationControllerKind,
    { template: { ...TEMPLATE, spec: ENDING.spec } },
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ],
  [
    daemonSetKind,
    {
      selector: { matchLabels: { app: 'a' } },
      template: TEMPLATE,
      updateStrategy: { rollingUpdate: { maxUnavailable: 0 } },
    },
    'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0 when maxSurge is 0',
  ],
  [
    daemonSetKind,
    { selector: { matchLabels: { app: 'a' } }, template: TEMPLATE, updateStrategy: { rollingUpdate: { maxSurge: 1 } } },
    'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
  ],
  [
    jobKind,
    { template: TEMPLATE },
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ],
  [
    jobKind,
    { template: ENDING, backoffLimit: -1 },
    'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    jobKind,
    { template: ENDING, completionMode: 'Indexed', parallelism: 2 },
    'spec.completions: Required value: when completion mode is Indexed',
  ],
  [
    jobKind,
    { template: ENDING, maxFailedIndexes: 1 },
    'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
  ],
  [
    jobKind,
    { template: ENDING, backoffLimitPerIndex: 1 },
    'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode',
  ],
  [jobKind, { ...INDEXED, maxFailedIndexes: 3 }, `${FAILED_INDEXES}: 3: must be less than or equal to completions`],
  [
    jobKind,
    { ...INDEXED, completions: 100_001, parallelism: 1 },
    'spec.maxFailedIndexes: Required value: must be specified when completions is above 100000',
  ],
  [
    jobKind,
    failureRules({ action: 'Ignore' }),
    `${RULE}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`,
  ],
  [
    jobKind,
    failureRules({ onPodConditions: [{ type: 'Ready' }] }),
    `${RULE}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]`,
  ],
  [
    jobKind,
    failureRules({ action: 'FailIndex', onPodConditions: [{ type: 'Ready' }] }),
    `${RULE}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`,
  ],
  [
    jobKind,
    failureRules({ action: 'Count', onExitCodes: { operator: 'In', values: [0] } }),
    `${RULE}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator`,
  ],
  [
    jobKind,
    failureRules({ action: 'Count', onExitCodes: { operator: 'In', values: [3, 2] } }),
    `${RULE}.onExitCodes.values: Invalid value: [3,2]: must be ordered`,
  ],
  [
    jobKind,
    failureRules({ action: 'Count', onExitCodes: { operator: 'In', values: [3], containerName: 'x' } }),
    `${RULE}.onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template`,
  ],
  [
    jobKind,
    {
      ...failureRules({ action: 'Count', onPodConditions: [{ type: 'Ready' }] }),
      podReplacementPolicy: 'TerminatingOrFailed',
    },
    'spec: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
  ],
  [
    jobKind,
    {
      ...failureRules({ action: 'Count', onPodConditions: [{ type: 'Ready' }] }),
      template: { ...ENDING, spec: { ...ENDING.spec, restartPolicy: 'OnFailure' } },
    },
    'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
  ],
  [
    jobKind,
    { template: ENDING, successPolicy: { rules: [{ succeededCount: 1 }] } },
    'spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode',
  ],
  [
    jobKind,
    succeeds({}),
    `${SUCCESS}: Required value: at least one of succeededCount or succeededIndexes must be specified`,
  ],
  [
    jobKind,
    succeeds({ succeededIndexes: '1,0' }),
    `${SUCCESS}.succeededIndexes: Invalid value: "1,0": error parsing succeededIndexes: non-increasing order, previous: 1, current: 0`,
  ],
  [
    jobKind,
    succeeds({ succeededIndexes: '0-2' }),
    `${SUCCESS}.succeededIndexes: Invalid value: "0-2": error parsing succeededIndexes: too large index: "2"`,
  ],
  [
    jobKind,
    succeeds({ succeededIndexes: '1', succeededCount: 2 }),
    `${SUCCESS}.succeededCount: Invalid value: 2: must be less than or equal to 1 (the number of indexes in the specified succeededIndexes field)`,
  ],
  [cronJobKind, { jobTemplate: { spec: { template: ENDING } } }, 'spec.schedule: Required value'],
  [
    cronJobKind,
    { schedule: '* *', jobTemplate: { spec: { template: ENDING } } },
    'spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]',
  ],
  [ingressKind, {}, 'spec: Invalid value: []: either `defaultBackend` or `rules` must be specified'],
  [
    ingressKind,
    { rules: [{ host: '10.0.0.1' }] },
    'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
  ],
  [ingressKind, { rules: [{ http: {} }] }, 'spec.rules[0].http.paths: Required value'],
  [
    ingressKind,
    withPath({ path: '/', backend: BACKEND }),
    `${AT}.pathType: Required value: pathType must be specified`,
  ],
  [
    ingressKind,
    withPath({ path: '/', pathType: 'Odd', backend: BACKEND }),
    `${AT}.pathType: Unsupported value: "Odd": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
  ],
  [
    ingressKind,
    withPath({ path: '/a//b', pathType: 'Prefix', backend: BACKEND }),
    `${AT}.path: Invalid value: "/a//b": must not contain '//'`,
  ],
  [
    ingressKind,
    withPath({ path: '/', pathType: 'Prefix', backend: {} }),
    `${AT}.backend: Invalid value: "": resource or service backend is required`,
  ],
  [
    ingressKind,
    withPath({ path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { name: 'a', number: 1 } } } }),
    `${AT}.backend: Invalid value: "": cannot set both port name & port number`,
  ],
  [
    ingressClassKind,
    { controller: 'plain' },
    'spec.controller: Invalid value: "plain": must be a domain-prefixed path (such as "acme.io/foo")',
  ],
  [
    ingressClassKind,
    { controller: 'a.b/c', parameters: { kind: 'K', name: 'n', scope: 'Namespace' } },
    "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
  ],
  [networkPolicyKind, { ingress: [{ from: [{}] }] }, 'spec.ingress[0].from[0]: Required value: must specify a peer'],
  [
    networkPolicyKind,
    { egress: [{ to: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }] }] },
    'spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer',
  ],
  [
    networkPolicyKind,
    { ingress: [{ ports: [{ port: 'http', endPort: 9 }] }] },
    'spec.ingress[0].ports[0].endPort: Invalid value: 9: may not be specified when `port` is non-numeric',
  ],
  [
    podDisruptionBudgetKind,
    { minAvailable: 1, maxUnavailable: 1 },
    'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
  ],
  [
    podDisruptionBudgetKind,
    { minAvailable: '101%' },
    'spec.minAvailable: Invalid value: "101%": must not be greater than 100%',
  ],
] as unknown as readonly (readonly [KindDefinition<never>, object, string])[]

test('each rule names its field and its reason', () => {
  for (const [kind, spec, text] of RULES) {
    const found = problems(kind, spec)
    assert.ok(found.includes(text), `${text}\n got ${found.join('\n')}`)
  }
})

test('a ReplicationController takes its selector and labels from its template', () => {
  const draft = settled(replicationControllerKind as unknown as KindDefinition<never>, { spec: { template: TEMPLATE } })
  assert.deepEqual((draft.spec as Draft).selector, { app: 'a' })
  assert.deepEqual((draft.metadata as Draft).labels, { app: 'a' })
})

test('a Job selects its own pods', () => {
  const draft = settled(jobKind as unknown as KindDefinition<never>, { spec: { template: ENDING } })
  const spec = draft.spec as { selector: unknown; template: { metadata: { labels: object } } }
  assert.deepEqual(spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } })
  assert.deepEqual(spec.template.metadata.labels, {
    'batch.kubernetes.io/controller-uid': 'u',
    'controller-uid': 'u',
    'batch.kubernetes.io/job-name': 'x',
    'job-name': 'x',
  })
})

test('an Event is stored under the names of core/v1 and shown under its own', () => {
  const shown: Draft = {
    kind: 'Event',
    apiVersion: 'events.k8s.io/v1',
    metadata: { name: 'x' },
    regarding: { kind: 'Pod', name: 'p' },
    note: 'n',
    reportingController: 'c',
    deprecatedCount: 2,
  }
  const stored = namedEventKind.stored?.toStored(shown)
  assert.deepEqual(stored, {
    kind: 'Event',
    apiVersion: 'v1',
    metadata: { name: 'x' },
    involvedObject: { kind: 'Pod', name: 'p' },
    message: 'n',
    reportingComponent: 'c',
    count: 2,
  })
  assert.deepEqual(namedEventKind.stored?.fromStored(stored ?? {}), shown)
  const event = shown as unknown as KubeObject
  assert.equal(namedEventKind.selectableFields?.['regarding.name']?.(event as never), 'p')
  assert.equal(namedEventKind.selectableFields?.reportingController?.(event as never), 'c')
})
