import { readFileSync } from 'node:fs'
import type { Container, Pod } from '../kube/types/core.ts'
import { resolveInRoot } from './images/root-path.ts'
import type { ContainerUser } from './runtime/oci-spec.ts'

export type UserResult =
  | { readonly kind: 'user'; readonly user: ContainerUser }
  | { readonly kind: 'refused'; readonly message: string }

interface SecurityContext {
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly runAsNonRoot?: boolean
  readonly supplementalGroups?: readonly number[]
  readonly fsGroup?: number
}

/** Text of `/etc/passwd` and `/etc/group` as the container will see them. */
export interface UserFiles {
  readonly passwd: string
  readonly group: string
}

/**
 * Whom a container runs as: what the container's security context says, else the pod's, else the image.
 *
 * @param imageUser `user`, `uid`, `user:group` or `uid:gid`; empty for root.
 */
export function containerUser(pod: Pod, container: Container, imageUser: string, files: UserFiles): UserResult {
  const context: SecurityContext = { ...pod.spec.securityContext, ...container.securityContext }
  const found = findUser(context.runAsUser === undefined ? imageUser : String(context.runAsUser), files)
  if (found === undefined)
    return { kind: 'refused', message: `unable to find user ${imageUser}: no matching entries in passwd file` }
  if (context.runAsNonRoot === true && found.uid === 0) {
    return { kind: 'refused', message: 'container has runAsNonRoot and image will run as root' }
  }
  const groups = [...(context.supplementalGroups ?? []), ...(context.fsGroup === undefined ? [] : [context.fsGroup])]
  return { kind: 'user', user: { uid: found.uid, gid: context.runAsGroup ?? found.gid, additionalGids: groups } }
}

function findUser(text: string, files: UserFiles): { uid: number; gid: number } | undefined {
  const [user = '', group] = text.split(':')
  const entry = user === '' ? ['root', 'x', '0', '0'] : findEntry(files.passwd, user)
  const uid = Number(entry?.[2] ?? user)
  const gid = group === undefined ? Number(entry?.[3] ?? 0) : Number(findEntry(files.group, group)?.[2] ?? group)
  return isId(uid) && isId(gid) ? { uid, gid } : undefined
}

/** The line of a name or number: both files have the name first and the number third. */
function findEntry(file: string, key: string): string[] | undefined {
  const entries = file.split('\n').map((line) => line.split(':'))
  return entries.find(([name]) => name === key) ?? entries.find(([, , id]) => id === key)
}

function isId(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32 - 1
}

/** Reads the files of an image; a link that leads out of the image is followed inside of it. */
export function readUserFiles(root: string): UserFiles {
  const read = (path: string) => {
    const found = resolveInRoot(root, path)
    return found?.kind === 'file' ? readFileSync(found.path, 'utf8') : ''
  }
  return { passwd: read('/etc/passwd'), group: read('/etc/group') }
}
