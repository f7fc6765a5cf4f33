import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { FairleadError, systemErrorCode } from '../base/error.ts'
import { isAlive, type ProcessIdentity, readProcessIdentity } from '../linux/process.ts'
import { clusterLayout, type LayoutRoots } from './layout.ts'

/**
 * That a cluster of this name is run by one process only, and the way to tell that process to stop. It is a socket in
 * the kernel's abstract names: it disappears with its process, whatever ends it, and leaves no file.
 */
export interface ClusterLock extends AsyncDisposable {
  /** Resolves when somebody asks the cluster to stop. */
  readonly stopAsked: Promise<void>
}

const STOP = 'stop\n'
/** Between two looks at a process that is just ending. */
const LOOK_MS = 5

export interface LockOptions {
  /** The process ends with the cluster: who asked for the stop waits for the end of the process, too. */
  readonly endsProcess?: boolean
}

/** @throws FairleadError `ALREADY_RUNNING` when another process has the cluster. */
export async function lockCluster(
  name: string,
  roots: LayoutRoots,
  { endsProcess = false }: LockOptions = {},
): Promise<ClusterLock> {
  const server = createServer()
  const waiting = new Set<Socket>()
  const stopAsked = new Promise<void>((resolve) => {
    server.on('connection', (socket) => {
      waiting.add(socket)
      socket.once('close', () => waiting.delete(socket))
      socket.on('error', () => socket.destroy())
      socket.on('data', (data) => {
        if (data.toString() === STOP) resolve()
      })
    })
  })
  await listen(server, name, roots)
  // The lock alone keeps no process alive.
  server.unref()
  return { stopAsked, [Symbol.asyncDispose]: () => release(server, waiting, endsProcess) }
}

async function listen(server: Server, name: string, roots: LayoutRoots): Promise<void> {
  server.listen(lockAddress(name, roots))
  try {
    await once(server, 'listening')
  } catch (cause) {
    if (systemErrorCode(cause) !== 'EADDRINUSE') throw cause
    throw new FairleadError('ALREADY_RUNNING', `The cluster ${name} is running already`, {
      cause,
      hint: `End it with: fairlead down --name ${name}; or start another with: fairlead up --name OTHER --api-port 0`,
    })
  }
}

async function release(server: Server, waiting: ReadonlySet<Socket>, endsProcess: boolean): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // Whoever asked for the stop sees it done by the end of the connection, and by that of the process named last.
  const words = endsProcess ? JSON.stringify(readProcessIdentity(process.pid)) : ''
  for (const socket of waiting) socket.end(words)
  await closed
}

/**
 * Asks the process that runs a cluster to stop it, and waits until it has.
 *
 * @returns False when no process runs it.
 */
export async function askToStop(name: string, roots: LayoutRoots): Promise<boolean> {
  const socket = connect(lockAddress(name, roots))
  try {
    await once(socket, 'connect')
  } catch (error) {
    if (['ECONNREFUSED', 'ENOENT'].includes(systemErrorCode(error) ?? '')) return false
    throw error
  }
  socket.write(STOP)
  let words = ''
  socket.setEncoding('utf8').on('data', (text) => {
    words += text
  })
  // A killed process ends the connection by a reset.
  await new Promise((resolve) => socket.once('close', resolve).on('error', () => {}))
  if (words !== '') await ended(JSON.parse(words) as ProcessIdentity)
  return true
}

/** A process closes its connections before it ends, and only its parent hears of its end. */
async function ended(identity: ProcessIdentity): Promise<void> {
  while (isAlive(identity)) await sleep(LOOK_MS)
}

/** Whether some process runs the cluster. */
export async function isClusterRun(name: string, roots: LayoutRoots): Promise<boolean> {
  const socket = connect(lockAddress(name, roots))
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    if (['ECONNREFUSED', 'ENOENT'].includes(systemErrorCode(error) ?? '')) return false
    throw error
  } finally {
    socket.destroy()
  }
}

function lockAddress(name: string, roots: LayoutRoots): string {
  return `\0fairlead:${clusterLayout(name, roots).runDirectory}`
}
