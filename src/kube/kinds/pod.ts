import type { Draft, KindDefinition } from '../kind.ts'
import { pods } from '../resource.ts'
import type { Pod } from '../types/core.ts'
import { ensureObject, objectIn, objectsIn, setDefault, setEmpty } from './draft.ts'
import { podColumns } from './pod-columns.ts'
import { defaultPodSpec, podSpecMergeLists } from './pod-template.ts'
import { validatePod } from './pod-validation.ts'
import { qosClass } from './qos-class.ts'

const GRACE_SECONDS = 30

/** What a pod says that may not be given a node yet (KEP-3521). */
const GATED = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
}

/** v1 Pod. */
export const podKind: KindDefinition<Pod> = {
  resource: pods,
  listKind: 'PodList',
  singular: 'pod',
  shortNames: ['po'],
  categories: ['all'],
  subresources: [
    'status',
    'binding',
    'eviction',
    'log',
    'exec',
    'attach',
    'portforward',
    'proxy',
    'ephemeralcontainers',
    'resize',
  ],
  default: defaultPod,
  prepare(draft, old) {
    if (old !== undefined) {
      keepPriority(draft, old)
      keepQosClass(draft, old)
      return
    }
    const gated = objectsIn(objectIn(draft, 'spec') ?? {}, 'schedulingGates').length > 0
    draft.status = {
      phase: 'Pending',
      qosClass: qosClass(draft),
      ...(gated ? { conditions: [GATED] } : {}),
    }
  },
  validate: validatePod,
  deletionGrace(pod, requested) {
    const finished = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
    if (!pod.spec.nodeName || finished) return 0
    return Math.max(0, requested ?? pod.spec.terminationGracePeriodSeconds ?? GRACE_SECONDS)
  },
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy ?? '',
    'spec.schedulerName': ({ spec }) => spec.schedulerName ?? '',
    'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
    'status.phase': ({ status }) => status?.phase ?? '',
    'status.podIP': ({ status }) => status?.podIP ?? '',
    'status.nominatedNodeName': () => '',
  },
  columns: podColumns,
  mergeLists: {
    ...podSpecMergeLists('spec'),
    'status.conditions': { keys: ['type'] },
    'status.podIPs': { keys: ['ip'] },
    'status.hostIPs': { keys: ['ip'] },
  },
}

/** Who leaves out what the pod's class gave it does not mean to change it. */
function keepPriority(draft: Draft, { spec: { priority, preemptionPolicy } }: Pod): void {
  const spec = objectIn(draft, 'spec')
  if (spec === undefined) return
  if (priority !== undefined) setDefault(spec, 'priority', priority)
  if (preemptionPolicy !== undefined) setDefault(spec, 'preemptionPolicy', preemptionPolicy)
}

/** A class that is left out is not meant to change (kubelets did). */
function keepQosClass(draft: Draft, { status }: Pod): void {
  const now = objectIn(draft, 'status')
  if (now !== undefined && status?.qosClass !== undefined) setEmpty(now, 'qosClass', status.qosClass)
}

function defaultPod(draft: Draft): void {
  const spec = objectIn(draft, 'spec')
  if (spec === undefined) return
  defaultPodSpec(spec)
  setDefault(spec, 'enableServiceLinks', true)
  setDefault(spec, 'serviceAccountName', 'default')
  setDefault(spec, 'serviceAccount', spec.serviceAccountName)
  tolerateBriefly(spec)
  for (const list of ['containers', 'initContainers'] as const) {
    for (const container of objectsIn(spec, list)) {
      requestWhatIsLimited(container)
      if (spec.hostNetwork === true) shareHostPorts(container)
    }
  }
}

/** In the host's network a container's ports are the host's; templates leave it to the pods that are made of them. */
function shareHostPorts(container: Draft): void {
  for (const port of objectsIn(container, 'ports')) setEmpty(port, 'hostPort', port.containerPort)
}

/** Pods outlive a node's failure by five minutes unless they say otherwise (admission DefaultTolerationSeconds). */
function tolerateBriefly(spec: Draft): void {
  setDefault(spec, 'tolerations', [])
  if (!Array.isArray(spec.tolerations)) return
  const given = objectsIn(spec, 'tolerations')
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const covers = (toleration: Draft) =>
      (toleration.key === key || !toleration.key) && (toleration.effect === 'NoExecute' || !toleration.effect)
    if (given.some(covers)) continue
    spec.tolerations = [
      ...(spec.tolerations as readonly unknown[]),
      { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ]
  }
}

function requestWhatIsLimited(container: Draft): void {
  const resources = ensureObject(container, 'resources')
  const limits = objectIn(resources, 'limits')
  if (limits === undefined) return
  const requests = ensureObject(resources, 'requests')
  for (const [resource, amount] of Object.entries(limits)) setDefault(requests, resource, amount)
}
