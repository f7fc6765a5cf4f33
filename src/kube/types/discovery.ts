/** Types of groups discovery.k8s.io/v1, networking.k8s.io/v1, coordination.k8s.io/v1. */
import type { Condition, KubeObject, ObjectReference, Protocol } from './meta.ts'

export interface Endpoint {
  readonly addresses: readonly string[]
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean }
  readonly hostname?: string
  readonly nodeName?: string
  readonly zone?: string
  readonly targetRef?: ObjectReference
  readonly hints?: {
    readonly forZones?: readonly { readonly name: string }[]
    readonly forNodes?: readonly { readonly name: string }[]
  }
}

export interface EndpointPort {
  readonly name?: string
  readonly port?: number
  readonly protocol?: Protocol
  readonly appProtocol?: string
}

export interface EndpointSlice extends KubeObject {
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN'
  readonly endpoints: readonly Endpoint[] | null
  readonly ports?: readonly EndpointPort[] | null
}

export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

export interface IpAddress extends KubeObject {
  readonly spec: {
    readonly parentRef: {
      readonly group?: string
      readonly resource: string
      readonly namespace?: string
      readonly name: string
    }
  }
}

export interface ServiceCidr extends KubeObject {
  readonly spec: { readonly cidrs: readonly string[] }
  readonly status?: { readonly conditions?: readonly Condition[] }
}
