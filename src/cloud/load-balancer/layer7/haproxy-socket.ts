import { closeSync, constants, openSync } from 'node:fs'
import { connect } from 'node:net'
import { FairleadError } from '../../../base/error.ts'

const TIMEOUT_MS = 5000

/** Names in the directory of an HAProxy: of the worker, and of the master. */
export const RUNTIME_SOCKET = 'runtime.sock'
export const MASTER_SOCKET = 'master.sock'

/**
 * Sends commands to one of HAProxy's sockets and returns all that it answers (management.txt, section 9.3).
 *
 * @param directory Where the socket is, however long its path.
 * @param name `runtime.sock` of a worker, or the master's.
 * @throws the system's error when nobody listens; FairleadError `TIMEOUT`
 */
export async function askHaproxy(directory: string, name: string, commands: readonly string[]): Promise<string> {
  const handle = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    // An address of unix(7) holds 108 bytes: by the open directory the path is a short one.
    return await converse(`/proc/self/fd/${handle}/${name}`, commands)
  } finally {
    closeSync(handle)
  }
}

function converse(path: string, commands: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    socket.setEncoding('utf8')
    socket.setTimeout(TIMEOUT_MS, () => {
      socket.destroy(new FairleadError('TIMEOUT', `HAProxy did not answer within ${TIMEOUT_MS} ms`))
    })
    socket.on('connect', () => socket.end(`${commands.join('; ')}\n`))
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', (failed) => {
      if (!failed) resolve(text)
    })
  })
}

/** Rows of `show stat` by column name. */
export function parseStat(text: string): Map<string, string>[] {
  const [header = '', ...rows] = text.split('\n').filter((line) => line !== '')
  const names = header.replace(/^# /, '').split(',')
  return rows.map((row) => new Map(row.split(',').map((value, column) => [names[column] ?? '', value])))
}

/** The workers in `show proc` of the master: the one that takes new connections, and those that finish theirs. */
export function parseWorkers(text: string): { readonly current: number[]; readonly old: number[] } {
  const [current = '', old = ''] = text.split('# old workers')
  return { current: workersIn(current), old: workersIn(old.split('# programs')[0] ?? '') }
}

function workersIn(text: string): number[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\d+)\s+worker\s/.exec(line)
    return match === null ? [] : Number(match[1])
  })
}
