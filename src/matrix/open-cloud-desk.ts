import { FairleadError } from '../base/error.ts'
import { CONTROL_PLANE_ADDRESS, vpcNetnsName } from '../cloud/fabric/fabric-names.ts'
import { CLOUD_PORT, OWNER_USER, openCloudKeys } from '../cluster/cloud-keys.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { loadKubeconfig } from '../kube/kubeconfig.ts'
import { netnsPath } from '../linux/netns.ts'
import { CloudDesk } from './cloud-desk.ts'

/** The cloud of a cluster on this machine, for its owner; it is there since there was need of it. */
export async function openCloudDesk({ spec, layout }: Pick<Cluster, 'spec' | 'layout'>): Promise<CloudDesk> {
  const { caPem = '' } = await loadKubeconfig(layout.kubeconfig)
  const [owner] = openCloudKeys(`${layout.cloudDirectory}/keys.json`, [OWNER_USER])
  if (owner === undefined) throw new FairleadError('BUG', 'The cloud has no owner')
  const { accessKeyId, accessKeySecret } = owner
  const place = { netns: netnsPath(vpcNetnsName(spec.name)), address: CONTROL_PLANE_ADDRESS, port: CLOUD_PORT }
  return new CloudDesk({ ...place, caPem, accessKeyId, accessKeySecret })
}
