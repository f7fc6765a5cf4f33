import type { CloudState } from '../state/cloud-state.ts'
import { ELASTIC_IPS, SNAT_ENTRIES } from '../vpc/model.ts'
import { attachedInterfaces } from './attached-interfaces.ts'
import { bindElasticIps } from './bind-elastic-ips.ts'
import { EipTable } from './eip-table.ts'
import { EipTraffic } from './eip-traffic.ts'
import { InterfaceLinks, type InterfaceLinksOptions } from './interface-links.ts'
import { compileSecurity } from './security-plan.ts'
import { SecurityTable } from './security-table.ts'
import { SnatTable } from './snat-table.ts'

/** What of the cloud's state is carried out in the VPC's namespace, beside load balancers. */
export interface CloudFabric extends Disposable {
  /** Makes the kernel equal to the state; what is right is not touched. */
  follow(state: Pick<CloudState, 'get' | 'list'>): void
  /** What was sent to the internet, by public address, since it is allocated. */
  publicBytes(): ReadonlyMap<string, bigint>
}

/** Opens the fabric of a VPC that stands, with what is in it. */
export function openCloudFabric(options: InterfaceLinksOptions): CloudFabric {
  const eips = new EipTable(options.netns)
  const traffic = new EipTraffic(options.netns)
  const snat = new SnatTable(options.netns)
  const groups = new SecurityTable(options.netns)
  const links = new InterfaceLinks(options)
  return {
    follow(state) {
      // Before an address is reached, it is known who may reach it.
      groups.apply(compileSecurity(state))
      links.apply(attachedInterfaces(state))
      bindElasticIps(eips, state)
      traffic.count(state.list(ELASTIC_IPS).map(({ address }) => address))
      snat.apply(state.list(SNAT_ENTRIES).map(({ sourceCidr, snatIp }) => ({ cidr: sourceCidr, snatIp })))
    },
    publicBytes: () => traffic.bytes(),
    [Symbol.dispose]() {
      links[Symbol.dispose]()
      groups[Symbol.dispose]()
      snat[Symbol.dispose]()
      traffic[Symbol.dispose]()
      eips[Symbol.dispose]()
    },
  }
}
