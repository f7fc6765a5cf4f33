import type { BindMount } from '../runtime/oci-spec.ts'

/** What an image says of how to run it (OCI image specification, config). */
export interface ImageConfig {
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  /** `NAME=value` */
  readonly env: readonly string[]
  readonly workingDirectory: string
  /** `user`, `uid`, `user:group` or `uid:gid`; empty for root. */
  readonly user: string
  /** Such as `SIGQUIT`; SIGTERM when left out. */
  readonly stopSignal?: string
}

export const EMPTY_CONFIG: ImageConfig = { entrypoint: [], command: [], env: [], workingDirectory: '/', user: '' }

/** What a container's file system is made of. */
export type ImageRoot =
  /** The machine's system directories, read-only, and these files. */
  | { readonly kind: 'host-view'; readonly files: readonly BindMount[] }
  | { readonly kind: 'directory'; readonly path: string }

/**
 * An image that can be run: a program of Fairlead (`builtin`), one of these in place of a well-known image (`known`), or
 * what was added as a single program, a root file system or an archive.
 */
export interface Image {
  readonly kind: 'builtin' | 'known' | 'binary' | 'rootfs' | 'archive'
  /** The name in full. */
  readonly name: string
  /** `sha256:...` or another name of the content. */
  readonly id: string
  readonly root: ImageRoot
  readonly config: ImageConfig
  /** What the pod's user should be told, as an Event. */
  readonly notice?: string
}

export type ImageLookup =
  | { readonly kind: 'found'; readonly image: Image }
  /** `invalid`: no image can have such a name. `message` says what to do. */
  | { readonly kind: 'missing' | 'invalid'; readonly message: string }

/** Finds images by the name in a pod. Looks anew every time: images are added while clusters run. */
export interface Images {
  resolve(reference: string): ImageLookup
}
