import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { FairleadError, systemErrorCode } from '../../../base/error.ts'

/** Where system commands are that an ordinary PATH may leave out. */
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/**
 * The path of HAProxy.
 *
 * @throws FairleadError `MISSING_TOOL`
 */
export function findHaproxy(path: string = process.env.PATH ?? ''): string {
  for (const directory of [...path.split(delimiter), ...SYSTEM_DIRECTORIES]) {
    const command = join(directory, 'haproxy')
    if (directory !== '' && isExecutable(command)) return command
  }
  throw new FairleadError('MISSING_TOOL', 'Cannot carry layer-7 listeners: there is no haproxy in PATH', {
    hint: 'Install it: apt-get install haproxy',
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return false
    throw error
  }
}
