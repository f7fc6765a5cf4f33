import { systemClock } from '../../base/clock.ts'
import { createLog } from '../../base/log.ts'
import { askToStop, lockCluster } from '../../cluster/cluster-lock.ts'
import { requireClusterName } from '../../cluster/cluster-spec.ts'
import { requireRoot } from '../../cluster/preflight.ts'
import { removeCluster } from '../../cluster/remove-cluster.ts'
import { done, say } from '../output.ts'

/** Takes a cluster down: asks the process that runs it, and removes whatever is left. Also after a crash. */
export async function down({ name }: { readonly name: string }): Promise<number> {
  requireClusterName(name)
  requireRoot()
  const stopped = await askToStop(name, {})
  await using _ = await lockCluster(name, {})
  const log = createLog({ component: 'down', level: 'warn' })
  const found = await removeCluster({ name, roots: {}, log, clock: systemClock })
  if (stopped || found) done(`cluster ${name} is gone`)
  else say(`There is no cluster ${name}`)
  return 0
}
