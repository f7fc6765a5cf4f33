import type { Pod } from '../../kube/types/core.ts'

/** The kinds of volumes that a node makes, as core/v1 Volume has them. */
export interface Volume extends FileSources {
  readonly name: string
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string }
  readonly hostPath?: { readonly path: string; readonly type?: string }
  readonly projected?: { readonly sources?: readonly FileSources[]; readonly defaultMode?: number }
}

/** What files come from: in a volume of its own, or as a part of a projected one. */
export interface FileSources {
  readonly configMap?: KeySource & { readonly name?: string }
  /** A volume names it by `secretName`, a projection by `name`. */
  readonly secret?: KeySource & { readonly secretName?: string; readonly name?: string }
  readonly downwardAPI?: { readonly items?: readonly DownwardItem[]; readonly defaultMode?: number }
  readonly serviceAccountToken?: TokenSource
}

export interface KeySource {
  readonly items?: readonly { readonly key: string; readonly path: string; readonly mode?: number }[]
  readonly defaultMode?: number
  readonly optional?: boolean
}

export interface DownwardItem {
  readonly path: string
  readonly mode?: number
  readonly fieldRef?: { readonly fieldPath: string }
  readonly resourceFieldRef?: { readonly containerName?: string; readonly resource: string; readonly divisor?: string }
}

export interface TokenSource {
  readonly path: string
  readonly audience?: string
  readonly expirationSeconds?: number
}

/** Volumes that hold files of ours, which change when what they come from does. */
export function holdsFiles({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return [configMap, secret, downwardAPI, projected].some((source) => source !== undefined)
}

/** The group that files of a pod's volumes belong to. */
export function groupOf(pod: Pod): number | undefined {
  const group = pod.spec.securityContext?.fsGroup
  return typeof group === 'number' ? group : undefined
}
