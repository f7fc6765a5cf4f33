import { controllerRef } from '../../kube/owner.ts'
import type { Job } from '../../kube/types/batch.ts'
import type { Container, Pod, PodSpec } from '../../kube/types/core.ts'
import { COMPLETION_INDEX } from './indexes.ts'

const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX'

/** A pod of a Job; with an index it can tell which part of the work is its own. */
export function jobPod(job: Job, index: number | undefined): Pod {
  const { metadata, spec } = job.spec.template
  const { namespace, name } = job.metadata
  const indexed = index === undefined ? {} : { [COMPLETION_INDEX]: String(index) }
  const annotations = { ...metadata?.annotations, ...indexed }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '',
      generateName: index === undefined ? `${name}-` : `${name}-${index}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...metadata?.labels, ...indexed },
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      ownerReferences: [controllerRef(job)],
    },
    spec: index === undefined ? spec : withIndex(spec, `${name}-${index}`),
  }
}

function withIndex(spec: PodSpec, hostname: string): PodSpec {
  const valueFrom = { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.annotations['${COMPLETION_INDEX}']` } }
  const add = (container: Container): Container => ({
    ...container,
    env: [...(container.env ?? []).filter(({ name }) => name !== INDEX_VARIABLE), { name: INDEX_VARIABLE, valueFrom }],
  })
  const { initContainers } = spec
  return {
    hostname,
    ...spec,
    containers: spec.containers.map(add),
    ...(initContainers === undefined ? {} : { initContainers: initContainers.map(add) }),
  }
}
