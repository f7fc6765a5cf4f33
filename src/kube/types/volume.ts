/** Types of core/v1 for the sources of a pod's volumes, as far as Fairlead looks into them. */

export interface KeyToPath {
  readonly key?: string
  readonly path?: string
  readonly mode?: number
}

/** The files of a Secret or ConfigMap. */
export interface KeysSource {
  readonly name?: string
  readonly secretName?: string
  readonly items?: readonly KeyToPath[]
  readonly defaultMode?: number
}

export interface DownwardApiFile {
  readonly path?: string
  readonly fieldRef?: { readonly apiVersion?: string; readonly fieldPath?: string }
  readonly resourceFieldRef?: {
    readonly containerName?: string
    readonly resource?: string
    readonly divisor?: string | number
  }
  readonly mode?: number
}

export interface DownwardApiSource {
  readonly items?: readonly DownwardApiFile[]
  readonly defaultMode?: number
}

export interface VolumeProjection {
  readonly secret?: KeysSource
  readonly configMap?: KeysSource
  readonly downwardAPI?: DownwardApiSource
  readonly serviceAccountToken?: {
    readonly audience?: string
    readonly expirationSeconds?: number
    readonly path?: string
  }
  readonly clusterTrustBundle?: {
    readonly name?: string
    readonly signerName?: string
    readonly labelSelector?: object
    readonly path?: string
  }
  readonly podCertificate?: object
}

export interface ProjectedSource {
  readonly sources?: readonly VolumeProjection[]
  readonly defaultMode?: number
}
