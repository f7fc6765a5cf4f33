import type { Draft } from '../../kube/kind.ts'
import { linkServiceFields } from '../../kube/kinds/service-linked-fields.ts'
import { copyJson } from '../../kube/patch/json.ts'
import type { IpFamily, Service, ServicePort, ServiceSpec } from '../../kube/types/core.ts'

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] }

/** A Service's spec while it is being completed. */
export type DraftSpec = Omit<Mutable<ServiceSpec>, 'clusterIPs' | 'ipFamilies' | 'ports'> & {
  /** `''` stands for one that is still to be chosen. */
  clusterIPs: string[]
  ipFamilies: IpFamily[]
  ports: Mutable<ServicePort>[]
}

/** A copy that may be changed, its linked fields in line with each other and with what an update left out. */
export function draftSpec({ spec }: Service, old: ServiceSpec | undefined): DraftSpec {
  const linked = copyJson(spec) as unknown as Draft
  linkServiceFields(linked, old as Draft | undefined)
  const { clusterIPs, ipFamilies, ports, ...rest } = linked as unknown as ServiceSpec
  return {
    ...rest,
    clusterIPs: [...(clusterIPs ?? [])],
    ipFamilies: [...(ipFamilies ?? [])],
    ports: (ports ?? []).map((port) => ({ ...port })),
  }
}

/** The Service with the completed spec; lists that have nothing in them are left out again, unless they were there. */
export function withSpec(service: Service, draft: DraftSpec): Service {
  const { clusterIPs, ipFamilies, ports, ...rest } = draft
  const spec: ServiceSpec = {
    ...rest,
    ...((ports.length > 0 || service.spec.ports !== undefined) && { ports }),
    ...((clusterIPs.length > 0 || service.spec.clusterIPs !== undefined) && { clusterIPs }),
    ...((ipFamilies.length > 0 || service.spec.ipFamilies !== undefined) && { ipFamilies }),
  }
  return { ...service, spec }
}
