import { controllerRef } from '../../kube/owner.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Container, Pod, PodSpec } from '../../kube/types/core.ts'
import { FAILURE_COUNT, failuresWith, IGNORED_FAILURE_COUNT, limitsEachIndex } from './index-failures.ts'
import { COMPLETION_INDEX } from './indexes.ts'
import { TRACKING } from './tracking.ts'

const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX'
/** The API server cuts what stands before a generated suffix; the index must be left. */
const MAX_PREFIX = 58

/**
 * A pod of a Job; with an index it can tell which part of the work is its own.
 *
 * @param before The last failed pod of the index, whose place it takes.
 */
export function jobPod(job: Job, index: number | undefined, before?: Pod): Pod {
  const { metadata, spec } = job.spec.template
  const { namespace, name } = job.metadata
  const indexed = index === undefined ? {} : { [COMPLETION_INDEX]: String(index) }
  const annotations = { ...metadata?.annotations, ...indexed, ...failureNotes(job, before) }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      generateName: index === undefined ? `${name}-` : prefix(name, `-${index}-`),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...metadata?.labels, ...indexed },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      finalizers: [TRACKING],
      ownerReferences: [controllerRef(job)],
    },
    spec: index === undefined ? spec : withIndex(spec, `${name}-${index}`),
  }
}

function prefix(name: string, index: string): string {
  return `${name.slice(0, MAX_PREFIX - index.length)}${index}`
}

function failureNotes(job: Job, before: Pod | undefined): Readonly<Record<string, string>> {
  if (!limitsEachIndex(job)) return {}
  const { counted, ignored } = before === undefined ? { counted: 0, ignored: 0 } : failuresWith(job, before)
  return { [FAILURE_COUNT]: String(counted), ...(ignored === 0 ? {} : { [IGNORED_FAILURE_COUNT]: String(ignored) }) }
}

function withIndex(spec: PodSpec, hostname: string): PodSpec {
  const valueFrom = { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } }
  const add = (container: Container): Container => {
    const env = container.env ?? []
    if (env.some(({ name }) => name === INDEX_VARIABLE)) return container
    return { ...container, env: [...env, { name: INDEX_VARIABLE, valueFrom }] }
  }
  const { initContainers } = spec
  return {
    ...spec,
    hostname,
    containers: spec.containers.map(add),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(add) }),
  }
}
