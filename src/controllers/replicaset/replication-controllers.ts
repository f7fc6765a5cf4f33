import { replicationControllers } from '../../kube/resource.ts'
import type { ReplicationController } from '../../kube/types/replication.ts'
import type { ReplicaSetLike } from './replicaset-controller.ts'

/** ReplicationControllers, which differ from ReplicaSets by their plain selector only. */
export const REPLICATION_CONTROLLERS: ReplicaSetLike<ReplicationController> = {
  resource: replicationControllers,
  view: (object) => ({ ...object, spec: { ...object.spec, selector: { matchLabels: object.spec.selector ?? {} } } }),
}
