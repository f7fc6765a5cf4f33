import type { CloudState } from '../state/cloud-state.ts'
import { attachedInterfaces } from './attached-interfaces.ts'
import { bindElasticIps } from './bind-elastic-ips.ts'
import { EipTable } from './eip-table.ts'
import { InterfaceLinks, type InterfaceLinksOptions } from './interface-links.ts'

/** What of the cloud's state is carried out in the VPC's namespace, beside load balancers. */
export interface CloudFabric extends Disposable {
  /** Makes the kernel equal to the state; what is right is not touched. */
  follow(state: Pick<CloudState, 'get' | 'list'>): void
}

/** Opens the fabric of a VPC that stands, with what is in it. */
export function openCloudFabric(options: InterfaceLinksOptions): CloudFabric {
  const eips = new EipTable(options.netns)
  const links = new InterfaceLinks(options)
  return {
    follow(state) {
      links.apply(attachedInterfaces(state))
      bindElasticIps(eips, state)
    },
    [Symbol.dispose]() {
      links[Symbol.dispose]()
      eips[Symbol.dispose]()
    },
  }
}
