/** Ingress, IngressClass and NetworkPolicy of group networking.k8s.io/v1. */
import type { KubeObject, LabelSelector, Protocol } from './meta.ts'

export interface IngressBackend {
  readonly service?: {
    readonly name?: string
    readonly port?: { readonly name?: string; readonly number?: number }
  }
  readonly resource?: { readonly apiGroup?: string; readonly kind: string; readonly name: string }
}

export interface IngressPath {
  readonly path?: string
  readonly pathType?: 'Exact' | 'Prefix' | 'ImplementationSpecific'
  readonly backend?: IngressBackend
}

export interface IngressRule {
  readonly host?: string
  readonly http?: { readonly paths?: readonly IngressPath[] }
}

export interface Ingress extends KubeObject {
  readonly spec: {
    readonly ingressClassName?: string
    readonly defaultBackend?: IngressBackend
    readonly tls?: readonly { readonly hosts?: readonly string[]; readonly secretName?: string }[]
    readonly rules?: readonly IngressRule[]
  }
  readonly status?: {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] }
  }
}

export interface IngressClass extends KubeObject {
  readonly spec: {
    readonly controller?: string
    readonly parameters?: {
      readonly apiGroup?: string
      readonly kind?: string
      readonly name?: string
      readonly scope?: 'Cluster' | 'Namespace'
      readonly namespace?: string
    }
  }
}

export interface NetworkPolicyPeer {
  readonly podSelector?: LabelSelector
  readonly namespaceSelector?: LabelSelector
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] }
}

export interface NetworkPolicyPort {
  readonly protocol?: Protocol
  readonly port?: number | string
  readonly endPort?: number
}

export interface NetworkPolicy extends KubeObject {
  readonly spec: {
    readonly podSelector: LabelSelector
    readonly policyTypes?: readonly ('Ingress' | 'Egress')[]
    readonly ingress?: readonly {
      readonly ports?: readonly NetworkPolicyPort[]
      readonly from?: readonly NetworkPolicyPeer[]
    }[]
    readonly egress?: readonly {
      readonly ports?: readonly NetworkPolicyPort[]
      readonly to?: readonly NetworkPolicyPeer[]
    }[]
  }
}
