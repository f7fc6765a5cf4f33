import { type ChildProcess, type SpawnOptions, type StdioOptions, spawn } from 'node:child_process'
import { close, mkfifo } from '../../linux/libc.ts'
import { inMountNamespace } from '../../linux/mount-namespace.ts'
import { makeRaw, openPty } from '../../linux/pty.ts'
import type { ContainerDirectory } from './container-directory.ts'
import type { ContainerConfig } from './oci-spec.ts'
import { RUNC_ENVIRONMENT } from './runc-command.ts'

/**
 * What stands between the agent and runc: a shell that waits for runc and writes down how it ended. It lives in a
 * session of its own, so that neither the end of the agent nor a signal to its group reaches it. The texts are constant;
 * everything that varies is an argument.
 */
const BEGIN = 'read -r stat </proc/$$/stat; echo "$stat" >shim'
const PLAIN = `${BEGIN}; "$@"; echo $? >exit`

/**
 * The input is a pipe with a name, so that it outlives the agent like all else. Its end is seen when nobody has it open
 * for writing any more: the agent ends it by ending the holder.
 */
const HOLD = `/bin/sh -c 'read -r stat </proc/$$/stat; echo "$stat" >holder; exec sleep infinity'`
const WITH_INPUT = `${BEGIN}; ${HOLD} 3<>stdin >/dev/null 2>&1 & held=$!; "$@" <stdin; code=$?; kill $held 2>/dev/null; echo $code >exit`

/**
 * With a terminal, runc wants one of its own (3 is its far end, 4 its near end) and copies between that and the
 * container's. One process takes what is shown into the log, one types what comes through the pipe.
 */
const WITH_TERMINAL = [
  BEGIN,
  'cat <&3 4>&- 2>/dev/null & shown=$!',
  'cat <>stdin >&3 4>&- 2>/dev/null & typed=$!',
  '"$@" <&4 >&4 2>&4 3>&- 4>&-; code=$?',
  'exec 4>&-; kill $typed 2>/dev/null; wait $shown; echo $code >exit',
].join('\n')

export interface ShimOptions {
  readonly directory: ContainerDirectory
  /** Descriptor of the log; the caller's to close. */
  readonly log: number
  /** `runc run` with its arguments. */
  readonly command: readonly string[]
  readonly streams: Pick<ContainerConfig, 'terminal' | 'stdin'>
  /** Path of the mount namespace to start in; the agent's own when left out. */
  readonly mounts?: string
}

/** Starts the shell that runs a container and outlives the agent. */
export function startShim(options: ShimOptions): ChildProcess {
  const { directory, log, streams } = options
  if (streams.stdin || streams.terminal) mkfifo(directory.stdin, 0o600)
  if (streams.terminal) return shimOnTerminal(options)
  return shell(options, streams.stdin ? WITH_INPUT : PLAIN, ['ignore', log, log])
}

function shimOnTerminal(options: ShimOptions): ChildProcess {
  const { master, slave } = openPty()
  try {
    // Until runc has done so itself: nothing that is typed early must be echoed.
    makeRaw(slave)
    return shell(options, WITH_TERMINAL, ['ignore', options.log, options.log, master, slave])
  } finally {
    close(master)
    close(slave)
  }
}

function shell({ directory, command, mounts }: ShimOptions, script: string, stdio: StdioOptions): ChildProcess {
  const options: SpawnOptions = {
    cwd: directory.path,
    env: { PATH: process.env.PATH, ...RUNC_ENVIRONMENT },
    stdio,
    detached: true,
  }
  const args = ['-c', script, 'fairlead-shim', ...command]
  const child = inMountNamespace(mounts, () => spawn('/bin/sh', args, options))
  child.unref()
  return child
}
