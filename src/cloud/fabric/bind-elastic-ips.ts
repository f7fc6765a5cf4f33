import type { CloudState } from '../state/cloud-state.ts'
import { ELASTIC_IPS } from '../vpc/model.ts'
import type { EipBinding, EipTable } from './eip-table.ts'

/** The EIPs that stand for one private address. One of a load balancer does not: the load balancer itself answers there. */
export function translatedEips(state: Pick<CloudState, 'list'>): readonly EipBinding[] {
  return state.list(ELASTIC_IPS).flatMap(({ address, binding }): EipBinding[] => {
    const isTranslated = binding?.instanceType === 'EcsInstance' || binding?.instanceType === 'NetworkInterface'
    return isTranslated ? [{ eip: address, address: binding.privateAddress }] : []
  })
}

/** Makes the bindings in the kernel equal to those of machines and interfaces. */
export function bindElasticIps(
  table: Pick<EipTable, 'list' | 'bind' | 'unbind'>,
  state: Pick<CloudState, 'list'>,
): void {
  const wanted = translatedEips(state)
  const there = table.list()
  for (const { eip } of there) {
    if (!wanted.some((binding) => binding.eip === eip)) table.unbind(eip)
  }
  for (const binding of wanted) {
    const same = there.some(({ eip, address }) => eip === binding.eip && address === binding.address)
    if (!same) table.bind(binding)
  }
}
