import assert from 'node:assert/strict'
import type { Service } from '../../src/kube/types/core.ts'
import { type CcmBench, type CcmOptions, openCcmBench, type ServiceOptions } from './ccm-bench.ts'

export const NLB_CLASS = 'alibabacloud.com/nlb'

/** What a person sees of an instance. */
export interface SeenNlb {
  readonly LoadBalancerId: string
  readonly LoadBalancerName: string
  readonly DNSName: string
  readonly ZoneMappings: readonly SeenZone[]
  readonly SecurityGroupIds: readonly string[]
  readonly Tags: readonly { readonly Key: string; readonly Value: string }[]
  readonly [name: string]: unknown
}

export interface SeenZone {
  readonly ZoneId: string
  readonly VSwitchId: string
  readonly LoadBalancerAddresses: readonly {
    readonly PrivateIPv4Address: string
    readonly PublicIPv4Address?: string
    readonly AllocationId?: string
  }[]
}

export interface SeenNlbListener {
  readonly ListenerId: string
  readonly ListenerPort: number
  readonly ListenerProtocol: string
  readonly ListenerStatus: string
  readonly ListenerDescription: string
  readonly ServerGroupId: string
  readonly [name: string]: unknown
}

export interface SeenServer {
  readonly ServerId: string
  readonly ServerIp: string
  readonly ServerType: string
  readonly Port: number
  readonly Weight: number
  readonly Description: string
}

export interface SeenNlbGroup {
  readonly ServerGroupId: string
  readonly ServerGroupName: string
  readonly servers: readonly SeenServer[]
  readonly [name: string]: unknown
}

/** The bench with NLB's controller, and NLB seen from the console. */
export class NlbBench implements AsyncDisposable {
  readonly ccm: CcmBench

  constructor(ccm: CcmBench) {
    this.ccm = ccm
  }

  /** Adds a Service of NLB's class, in both zones unless annotations say otherwise. */
  addService({ annotations = {}, spec = {}, ...rest }: Partial<ServiceOptions> = {}): Promise<Service> {
    return this.ccm.addService({
      ...rest,
      annotations: { 'zone-maps': this.zoneMaps(), ...annotations },
      spec: { loadBalancerClass: NLB_CLASS, ...spec },
    })
  }

  /** `zone-a:vsw-…,zone-b:vsw-…`, each with what is given for it. */
  zoneMaps(a = '', b = ''): string {
    return [`zone-a:${this.ccm.cloud.vSwitch('zone-a')}${a}`, `zone-b:${this.ccm.cloud.vSwitch('zone-b')}${b}`].join(
      ',',
    )
  }

  async instances(): Promise<SeenNlb[]> {
    const { LoadBalancers } = await this.ccm.askNlb<{ LoadBalancers: SeenNlb[] }>('ListLoadBalancers', {
      MaxResults: 100,
    })
    return LoadBalancers
  }

  /** The one instance of a Service. */
  async instanceOf(name: string): Promise<SeenNlb> {
    const id = (await this.ccm.service(name)).metadata.labels?.['service.k8s.alibaba/loadbalancer-id']
    const found = (await this.instances()).find((one) => one.LoadBalancerId === id)
    return found ?? assert.fail(`${name} has no instance`)
  }

  async listenersOf(id: string): Promise<SeenNlbListener[]> {
    const { Listeners } = await this.ccm.askNlb<{ Listeners: SeenNlbListener[] }>('ListListeners', {
      LoadBalancerIds: [id],
      MaxResults: 100,
    })
    return Listeners
  }

  /** All server groups, of a Service when its name is given. */
  async groups(name?: string): Promise<SeenNlbGroup[]> {
    const { ServerGroups } = await this.ccm.askNlb<{ ServerGroups: SeenNlbGroup[] }>('ListServerGroups', {
      MaxResults: 100,
    })
    const wanted = ServerGroups.filter(({ ServerGroupName }) => {
      return name === undefined || ServerGroupName.endsWith(`.${name}.default.c1`)
    })
    return Promise.all(
      wanted.map(async (group) => {
        const place = { ServerGroupId: group.ServerGroupId, MaxResults: 100 }
        const { Servers } = await this.ccm.askNlb<{ Servers: SeenServer[] }>('ListServerGroupServers', place)
        return { ...group, servers: Servers }
      }),
    )
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.ccm[Symbol.asyncDispose]()
  }
}

export async function openNlbBench(options: Omit<CcmOptions, 'kind'> = {}): Promise<NlbBench> {
  return new NlbBench(await openCcmBench({ ...options, kind: 'nlb' }))
}
