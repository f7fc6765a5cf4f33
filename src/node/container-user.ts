import { readFileSync } from 'node:fs'
import type { Container, Pod } from '../kube/types/core.ts'
import { resolveInRoot } from './images/root-path.ts'
import type { ContainerUser } from './runtime/oci-spec.ts'
import { type SecurityContext, securityContext } from './security-context.ts'

export type UserResult =
  | { readonly kind: 'user'; readonly user: ContainerUser }
  | { readonly kind: 'refused'; readonly message: string }

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
  const context = securityContext(pod, container)
  const found = findUser(context.runAsUser === undefined ? imageUser : String(context.runAsUser), files)
  const problem = rootProblem(context, found, imageUser)
  if (problem !== undefined) return { kind: 'refused', message: `${problem} (${place(pod, container)})` }
  if (found === undefined)
    return { kind: 'refused', message: `unable to find user ${imageUser}: no matching entries in passwd file` }
  const own = context.supplementalGroupsPolicy === 'Strict' ? [] : groupsOf(found.name, files)
  const groups = [
    ...own,
    ...(context.supplementalGroups ?? []),
    ...(context.fsGroup === undefined ? [] : [context.fsGroup]),
  ]
  const additionalGids = [...new Set(groups)]
  return { kind: 'user', user: { uid: found.uid, gid: context.runAsGroup ?? found.gid, additionalGids } }
}

/** Upstream's words (pkg/kubelet/kuberuntime/security_context.go). */
function rootProblem(context: SecurityContext, found: FoundUser | undefined, imageUser: string): string | undefined {
  if (context.runAsNonRoot !== true) return undefined
  if (context.runAsUser === 0) return "container's runAsUser breaks non-root policy"
  if (context.runAsUser !== undefined) return undefined
  const [name = ''] = imageUser.split(':')
  if (name !== '' && name !== 'root' && !/^\d+$/.test(name)) {
    return `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root`
  }
  return found?.uid === 0 ? 'container has runAsNonRoot and image will run as root' : undefined
}

function place({ metadata }: Pod, { name }: Container): string {
  return `pod: "${metadata.name}_${metadata.namespace}(${metadata.uid})", container: ${name}`
}

interface FoundUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

function findUser(text: string, files: UserFiles): FoundUser | undefined {
  const [user = '', group] = text.split(':')
  const entry = user === '' ? ['root', 'x', '0', '0'] : findEntry(files.passwd, user)
  const uid = Number(entry?.[2] ?? user)
  const gid = group === undefined ? Number(entry?.[3] ?? 0) : Number(findEntry(files.group, group)?.[2] ?? group)
  return isId(uid) && isId(gid) ? { name: entry?.[0] ?? '', uid, gid } : undefined
}

/** The groups that `/etc/group` counts a user among. */
function groupsOf(user: string, { group }: UserFiles): number[] {
  if (user === '') return []
  return group.split('\n').flatMap((line) => {
    const [, , id, members = ''] = line.split(':')
    return members.split(',').includes(user) && isId(Number(id)) ? [Number(id)] : []
  })
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
