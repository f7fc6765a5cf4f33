import { isNotFound } from '../../kube/api-error.ts'
import { findCondition, setCondition } from '../../kube/conditions.ts'
import { pods } from '../../kube/resource.ts'
import type { Pod, Service } from '../../kube/types/core.ts'
import { hasGate } from '../desired/endpoints.ts'
import { READINESS_GATE_PREFIX } from '../names.ts'
import type { SyncContext } from './sync-context.ts'

export interface ReadinessNews {
  /** In the model that the cloud has now. */
  readonly served: readonly Pod[]
  /** Their interface was not found. */
  readonly unattached: readonly Pod[]
}

/** Opens the readiness gate of a Service on pods that are attached; theirs alone that declare it. */
export async function writeReadiness(
  service: Service,
  { served, unattached }: ReadinessNews,
  context: Pick<SyncContext, 'client' | 'clock'>,
): Promise<void> {
  const write = (pod: Pod, status: 'True' | 'False', reason: string) =>
    writeGate(pod, { service, status, reason, context })
  await Promise.all([
    ...served.map((pod) => write(pod, 'True', 'ServerRegistered')),
    ...unattached.map((pod) => write(pod, 'False', 'ServerInvalidServer')),
  ])
}

interface GateWrite {
  readonly service: Service
  readonly status: 'True' | 'False'
  readonly reason: string
  readonly context: Pick<SyncContext, 'client' | 'clock'>
}

async function writeGate(pod: Pod, { service, status, reason, context }: GateWrite): Promise<void> {
  if (!hasGate(pod, service)) return
  const type = `${READINESS_GATE_PREFIX}${service.metadata.name}`
  const known = findCondition(pod.status?.conditions, type)
  if (known?.status === status && known.reason === reason) return
  const [condition] = setCondition(known === undefined ? [] : [known], { type, status, reason }, context.clock.now())
  const body = { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } }
  try {
    await context.client.patch(pods, pod.metadata, { type: 'strategic', body }, { subresource: 'status' })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
