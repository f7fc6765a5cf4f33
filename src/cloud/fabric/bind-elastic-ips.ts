import type { CloudState } from '../state/cloud-state.ts'
import { ELASTIC_IPS } from '../vpc/model.ts'
import type { EipBinding, EipTable } from './eip-table.ts'

/**
 * Makes the bindings in the kernel equal to those of machines and interfaces. An EIP of a load balancer is not among
 * them: the load balancer itself answers there.
 */
export function bindElasticIps(
  table: Pick<EipTable, 'list' | 'bind' | 'unbind'>,
  state: Pick<CloudState, 'list'>,
): void {
  const wanted = state.list(ELASTIC_IPS).flatMap(({ address, binding }): EipBinding[] => {
    const carried =
      binding !== undefined && (binding.instanceType === 'EcsInstance' || binding.instanceType === 'NetworkInterface')
    return carried ? [{ eip: address, address: binding.privateAddress }] : []
  })
  const there = table.list()
  for (const { eip } of there) {
    if (!wanted.some((binding) => binding.eip === eip)) table.unbind(eip)
  }
  for (const binding of wanted) {
    const same = there.some(({ eip, address }) => eip === binding.eip && address === binding.address)
    if (!same) table.bind(binding)
  }
}
