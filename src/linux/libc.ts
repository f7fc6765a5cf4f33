/**
 * The system calls that Node.js does not offer, through the C library. Every function here is synchronous, and throws
 * a {@link FairleadError} `SYSCALL_FAILED` that names the call, its object and the kernel's reason.
 */
import { constants } from 'node:os'
import koffi from 'koffi'
import { FairleadError } from '../base/error.ts'

const libc = koffi.load('libc.so.6')

const nativeOpen = libc.func('int open(const char *path, int flags, int mode)')
const nativeMkfifo = libc.func('int mkfifo(const char *path, uint mode)')
const nativeClose = libc.func('int close(int fd)')
const nativeSetns = libc.func('int setns(int fd, int type)')
const nativeFchdir = libc.func('int fchdir(int fd)')
const nativeUnshare = libc.func('int unshare(int flags)')
const nativeMount = libc.func(
  'int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)',
)
const nativeUmount = libc.func('int umount2(const char *target, int flags)')
const nativeIoctl = libc.func('int ioctl(int fd, ulong request, void *argument)')
const nativeIoctlValue = libc.func('int ioctl(int fd, ulong request, long argument)')
const nativeFallocate = libc.func('int fallocate(int fd, int mode, int64 offset, int64 length)')
const nativeSocket = libc.func('int socket(int domain, int type, int protocol)')
const nativeBind = libc.func('int bind(int fd, void *address, uint32 length)')
const nativeConnect = libc.func('int connect(int fd, void *address, uint32 length)')
const nativeListen = libc.func('int listen(int fd, int backlog)')
const nativeSetsockopt = libc.func('int setsockopt(int fd, int level, int name, void *value, uint32 length)')
const nativeGetsockopt = libc.func('int getsockopt(int fd, int level, int name, void *value, _Inout_ uint32 *length)')
const nativeGetsockname = libc.func('int getsockname(int fd, void *address, _Inout_ uint32 *length)')
const nativeSend = libc.func('int64 send(int fd, void *data, uint64 length, int flags)')
const nativeMallocTrim = libc.func('int malloc_trim(size_t pad)')
const nativeRecv = libc.func('int64 recv(int fd, void *data, uint64 length, int flags)')

/** Flags of open(2), clone(2), mount(2), umount2(2) and socket(2) used by Fairlead (x86-64 and arm64 agree on these). */
export const O_RDONLY = 0
export const O_RDWR = 2
export const O_NOCTTY = 0o400
export const O_NONBLOCK = 0o4000
export const O_CLOEXEC = 0o2000000
export const CLONE_FS = 0x200
export const CLONE_NEWNS = 0x20000
export const CLONE_NEWIPC = 0x08000000
export const CLONE_NEWPID = 0x20000000
export const CLONE_NEWNET = 0x40000000
export const MS_RDONLY = 1
export const MS_NOSUID = 2
export const MS_NODEV = 4
export const MS_NOEXEC = 8
export const MS_REMOUNT = 32
export const MS_BIND = 4096
export const MS_REC = 16384
export const MS_PRIVATE = 1 << 18
export const MS_SLAVE = 1 << 19
export const MNT_DETACH = 2
const FALLOC_FL_KEEP_SIZE = 1
const FALLOC_FL_PUNCH_HOLE = 2
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
export const SOL_SOCKET = 1
export const MSG_DONTWAIT = 0x40
export const MSG_TRUNC = 0x20

const errnoNames = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]))
// EWOULDBLOCK is the same number, and Node.js does not name what nf_tables says when it was overtaken.
errnoNames.set(constants.errno.EAGAIN, 'EAGAIN')
errnoNames.set(85, 'ERESTART')

/** `EEXIST` for 17; `errno 12345` for a number nobody named. */
export function errnoName(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`
}

/** A failed system call; `errno` is the kernel's symbolic reason such as `ENOENT`. */
export class SyscallError extends FairleadError {
  readonly errno: string

  constructor(call: string, object: string, errno: string) {
    super('SYSCALL_FAILED', `Cannot ${call} ${object}: ${errno}`)
    this.name = 'SyscallError'
    this.errno = errno
  }
}

/** Whether `error` is a {@link SyscallError} with one of these reasons. */
export function isErrno(error: unknown, ...names: string[]): boolean {
  return error instanceof SyscallError && names.includes(error.errno)
}

function check(result: number | bigint, call: string, object: string): number {
  if (result >= 0) return Number(result)
  throw new SyscallError(call, object, errnoName(koffi.errno()))
}

export function open(path: string, flags: number, mode = 0): number {
  return check(nativeOpen(path, flags | O_CLOEXEC, mode), 'open', path)
}

export function close(fd: number): void {
  check(nativeClose(fd), 'close', `file descriptor ${fd}`)
}

/** Makes a pipe with a name; `EEXIST` when there is one already. */
export function mkfifo(path: string, mode: number): void {
  check(nativeMkfifo(path, mode), 'make the pipe', path)
}

/** Moves the calling thread into the namespace behind `fd`; `object` names it in errors. */
export function setns(fd: number, type: number, object: string): void {
  check(nativeSetns(fd, type), 'enter namespace', object)
}

export function unshare(flags: number): void {
  check(nativeUnshare(flags), 'unshare', `namespaces 0x${flags.toString(16)}`)
}

/** Makes an open directory the calling thread's working directory. */
export function fchdir(fd: number): void {
  check(nativeFchdir(fd), 'change directory', `to file descriptor ${fd}`)
}

export interface MountOptions {
  readonly source: string
  readonly target: string
  /** File system, e.g. `overlay`; left out for bind mounts. */
  readonly type?: string
  readonly flags?: number
  readonly data?: string
}

export function mount(options: MountOptions): void {
  const { source, target, type, flags = 0, data } = options
  check(nativeMount(source, target, type ?? null, flags, data ?? null), 'mount', `${source} on ${target}`)
}

export function umount(target: string, flags = 0): void {
  check(nativeUmount(target, flags), 'unmount', target)
}

/**
 * Gives the disk space of a part of a file back; the file keeps its length, and the part reads as zeros. `EOPNOTSUPP`
 * where the file system cannot.
 */
export function punchHole(fd: number, offset: number, length: number): void {
  const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
  check(nativeFallocate(fd, mode, offset, length), 'free a part of', `file descriptor ${fd}`)
}

/** ioctl(2) with an argument in memory, or with a number; `object` names the descriptor in errors. Returns its result. */
export function ioctl(fd: number, request: number, argument: Uint8Array | number, object: string): number {
  const result =
    typeof argument === 'number' ? nativeIoctlValue(fd, request, argument) : nativeIoctl(fd, request, argument)
  return check(result, 'control', object)
}

/** Opens a socket, close-on-exec. `domain`, `type` and `protocol` as in socket(2). */
export function socket(domain: number, type: number, protocol = 0): number {
  return check(nativeSocket(domain, type | SOCK_CLOEXEC, protocol), 'open', `socket ${domain}/${type}/${protocol}`)
}

export function bind(fd: number, address: Uint8Array, object: string): void {
  check(nativeBind(fd, address, address.length), 'bind socket to', object)
}

/** Starts or makes a connection; with a non-blocking socket it throws `EINPROGRESS`. */
export function connect(fd: number, address: Uint8Array, object: string): void {
  check(nativeConnect(fd, address, address.length), 'connect to', object)
}

/** connect(2) on a thread of the pool, so that the event loop goes on. */
export function connectAsync(fd: number, address: Uint8Array, object: string): Promise<void> {
  return onPool('connect to', object, (done) => nativeConnect.async(fd, address, address.length, done))
}

export function listen(fd: number, backlog: number): void {
  check(nativeListen(fd, backlog), 'listen on', `socket ${fd}`)
}

export function setSocketOption(fd: number, level: number, name: number, value: Uint8Array): void {
  check(nativeSetsockopt(fd, level, name, value, value.length), 'set', `option ${level}/${name} of socket ${fd}`)
}

export function setSocketOptionInt(fd: number, level: number, name: number, value: number): void {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  setSocketOption(fd, level, name, bytes)
}

export function getSocketOptionInt(fd: number, level: number, name: number): number {
  const value = Buffer.alloc(4)
  check(nativeGetsockopt(fd, level, name, value, [4]), 'read', `option ${level}/${name} of socket ${fd}`)
  return value.readInt32LE(0)
}

/** The socket's own address as a raw `sockaddr`, at most 128 bytes. */
export function getSocketName(fd: number): Buffer {
  const address = Buffer.alloc(128)
  const length: [number] = [128]
  check(nativeGetsockname(fd, address, length), 'read', `the address of socket ${fd}`)
  return address.subarray(0, length[0])
}

export function send(fd: number, data: Uint8Array, flags = 0): number {
  return check(nativeSend(fd, data, data.length, flags), 'send on', `socket ${fd}`)
}

/** send(2) on a thread of the pool, so that the event loop goes on; `data` must stay as it is until then. */
export function sendAsync(fd: number, data: Uint8Array): Promise<void> {
  return onPool('send on', `socket ${fd}`, (done) => nativeSend.async(fd, data, data.length, 0, done))
}

type Done = (error: Error | null, result: number) => void

/** What becomes of a call that a thread of the pool makes. */
function onPool(action: string, object: string, call: (done: Done) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error, result) => {
      const errno = koffi.errno()
      if (error !== null) reject(new FairleadError('SYSCALL_FAILED', `Cannot ${action} ${object}`, { cause: error }))
      else if (result < 0) reject(new SyscallError(action, object, errnoName(errno)))
      else resolve()
    })
  })
}

/** Gives memory that the C library keeps for later back to the kernel (malloc_trim(3)). */
export function trimMalloc(): void {
  nativeMallocTrim(0)
}

/** Receives one message into `into`; returns its length (its full length, when `flags` has MSG_TRUNC). */
export function receive(fd: number, into: Uint8Array, flags = 0): number {
  return check(nativeRecv(fd, into, into.length, flags), 'receive on', `socket ${fd}`)
}
