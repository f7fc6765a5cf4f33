import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { systemErrorCode } from '../../base/error.ts'
import type { BindMount } from './oci-spec.ts'

/** A root file system made of the machine's own programs and libraries. */
export interface HostView {
  /** Directories, links and a minimal /etc; never written to once made. */
  readonly lower: string
  /** The machine's directories, read-only. */
  readonly mounts: readonly BindMount[]
}

const SYSTEM_DIRECTORIES = ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'usr']
const EMPTY_DIRECTORIES = ['dev', 'etc', 'home', 'mnt', 'opt', 'proc', 'root', 'run', 'srv', 'sys', 'tmp', 'var/tmp']
/** What programs of the machine look for in /etc; no secrets, nothing of the machine's users. */
const SYSTEM_FILES = [
  '/etc/alternatives',
  '/etc/ssl/certs',
  '/etc/ssl/openssl.cnf',
  '/etc/ld.so.cache',
  '/etc/ld.so.conf',
]

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n'
const GROUP = 'root:x:0:\nnogroup:x:65534:\n'
const NSSWITCH = 'passwd: files\ngroup: files\nhosts: files dns\n'

/**
 * Makes the view that built-in images and single binaries run on, so that `sh`, `curl` or `dig` are at hand in them.
 * One that is there is kept: running containers stand on it.
 */
export function createHostView(directory: string): HostView {
  if (!existsSync(directory)) buildHostView(directory)
  const mounted = SYSTEM_DIRECTORIES.filter((name) => !isLinkOrMissing(`/${name}`))
  return { lower: directory, mounts: [...mounted.map((name) => `/${name}`), ...SYSTEM_FILES].flatMap(readOnlyMount) }
}

function buildHostView(directory: string): void {
  const draft = `${directory}.${process.pid}.tmp`
  rmSync(draft, { recursive: true, force: true })
  for (const name of EMPTY_DIRECTORIES) mkdirSync(join(draft, name), { recursive: true, mode: 0o755 })
  for (const name of ['tmp', 'var/tmp']) chmodSync(join(draft, name), 0o1777)
  writeFileSync(join(draft, 'etc/passwd'), PASSWD)
  writeFileSync(join(draft, 'etc/group'), GROUP)
  writeFileSync(join(draft, 'etc/nsswitch.conf'), NSSWITCH)
  for (const name of SYSTEM_DIRECTORIES) addSystemDirectory(draft, name)
  try {
    renameSync(draft, directory)
  } catch (error) {
    // The agent of another node was faster; both have made the same.
    if (!['ENOTEMPTY', 'EEXIST'].includes(systemErrorCode(error) ?? '')) throw error
    rmSync(draft, { recursive: true, force: true })
  }
}

/** Repeats a link (`/bin -> usr/bin`), makes a place for a directory. */
function addSystemDirectory(directory: string, name: string): void {
  const stat = lstatSync(`/${name}`, { throwIfNoEntry: false })
  if (stat?.isSymbolicLink()) symlinkSync(readlinkSync(`/${name}`), join(directory, name))
  else if (stat !== undefined) mkdirSync(join(directory, name))
}

function isLinkOrMissing(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? true
}

function readOnlyMount(path: string): BindMount[] {
  return existsSync(path) ? [{ source: path, destination: path, readOnly: true }] : []
}
