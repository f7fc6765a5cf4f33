import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Container, Pod, VolumeMount } from '../../kube/types/core.ts'
import { resolveInRoot } from '../images/root-path.ts'
import type { BindMount } from '../runtime/oci-spec.ts'
import { holdsFiles, type Volume } from './volume.ts'

export type VolumeMounts =
  | { readonly kind: 'mounts'; readonly mounts: readonly BindMount[] }
  | { readonly kind: 'refused'; readonly message: string }

export interface MountPlace {
  /** Where the pod's own volumes are, one directory each. */
  readonly directory: string
  /** The container's variables, for `subPathExpr`. */
  readonly env: ReadonlyMap<string, string>
  /** What stands before a path where this process sees the pod's file systems in memory. @default '' */
  readonly view?: string
}

/** How a container sees its volumes, which are there already. */
export function volumeMounts(pod: Pod, container: Container, place: MountPlace): VolumeMounts {
  const mounts: BindMount[] = []
  for (const mount of container.volumeMounts ?? []) {
    const volume = ((pod.spec.volumes ?? []) as readonly Volume[]).find(({ name }) => name === mount.name)
    if (volume === undefined) {
      return { kind: 'refused', message: `volume "${mount.name}" of a mount is not one of the pod's` }
    }
    const source = mountSource(volume, mount, place)
    if (source.kind === 'refused') return source
    const destination = mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`
    mounts.push({ source: source.path, destination, readOnly: mount.readOnly === true || holdsFiles(volume) })
  }
  return { kind: 'mounts', mounts }
}

/** Where a volume is on the machine. */
export function volumeDirectory(volume: Volume, directory: string): string {
  return volume.hostPath?.path ?? join(directory, volume.name)
}

type Source = { readonly kind: 'path'; readonly path: string } | { readonly kind: 'refused'; readonly message: string }

function mountSource(volume: Volume, mount: VolumeMount, { directory, env, view = '' }: MountPlace): Source {
  const root = volumeDirectory(volume, directory)
  const subPath = expandedSubPath(mount, env)
  if (subPath.kind === 'refused' || subPath.path === '') {
    return subPath.kind === 'refused' ? subPath : { kind: 'path', path: root }
  }
  if (subPath.path.startsWith('/') || subPath.path.split('/').includes('..')) {
    return {
      kind: 'refused',
      message: `failed to prepare subPath for volumeMount "${mount.name}" of container: "${subPath.path}" leads out of the volume`,
    }
  }
  const inside = insideOf(`${view}${root}`, subPath.path, mount)
  return inside.kind === 'path' ? { kind: 'path', path: inside.path.slice(view.length) } : inside
}

/** Every `$(NAME)` of `subPathExpr` must be a variable. */
function expandedSubPath({ subPath = '', subPathExpr }: VolumeMount, env: ReadonlyMap<string, string>): Source {
  if (subPathExpr === undefined || subPathExpr === '') return { kind: 'path', path: subPath }
  let missing: string | undefined
  const path = subPathExpr.replace(/\$\(([^()]*)\)/g, (_, name: string) => {
    if (!env.has(name)) missing ??= name
    return env.get(name) ?? ''
  })
  if (missing !== undefined) {
    return { kind: 'refused', message: `missing value for "${missing}"` }
  }
  return { kind: 'path', path }
}

/** Links in a volume never lead out of it: they belong to whoever writes there. What is missing becomes a directory. */
function insideOf(root: string, path: string, { name }: VolumeMount): Source {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  for (let depth = 1; depth <= parts.length; depth++) {
    const found = resolveInRoot(root, parts.slice(0, depth).join('/'))
    if (found === undefined)
      return { kind: 'refused', message: `failed to create subPath directory for volumeMount "${name}"` }
    if (found.kind === 'missing') {
      mkdirSync(found.path)
      // Whoever may write to the volume may write here.
      chmodSync(found.path, statSync(root).mode & 0o7777)
    }
  }
  const found = resolveInRoot(root, path)
  return { kind: 'path', path: found?.path ?? join(root, path) }
}
