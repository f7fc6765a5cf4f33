import type { Socket } from 'node:net'

/** A place inside the cluster that a connection is wanted to. */
export interface ClusterPlace {
  /** A node's own address, or one of the pod network as that node reaches it. */
  readonly kind: 'node' | 'pod'
  /** The node's name. */
  readonly node: string
  /** An IP address. */
  readonly host: string
  readonly port: number
}

/** Connects to a place inside the cluster. How it is reached is for the one who starts the API server to know. */
export type ConnectInCluster = (place: ClusterPlace, signal: AbortSignal) => Promise<Socket>

export interface NodeAccessOptions {
  readonly connect: ConnectInCluster
  /** What the API server shows to kubelets, and the authority that theirs come from; PEM. */
  readonly tls: { readonly certificate: string; readonly privateKey: string; readonly authority: string }
}
