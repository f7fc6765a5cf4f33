import { createDecipheriv } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { errorMessage, FairleadError } from '../../base/error.ts'
import type { LentKeys } from './access-keys.ts'

/** Where ACK mounts the token of its managed controllers. */
export const ADDON_TOKEN_FILE = '/var/addon/token-config'

const BLOCK = 16
const CIPHERS: Readonly<Record<number, string>> = { 16: 'aes-128-cbc', 24: 'aes-192-cbc', 32: 'aes-256-cbc' }

/**
 * Keys that ACK lends to an addon: AES-CBC in base64, the first block is the initialisation vector
 * (cloud-provider-alibaba-cloud pkg/provider/alibaba/base/token.go).
 *
 * @throws FairleadError `INVALID_INPUT`
 */
export async function addonTokenKeys(file: string, now: number): Promise<LentKeys> {
  try {
    const content = JSON.parse(await readFile(file, 'utf8')) as Readonly<Record<string, string | undefined>>
    const plain = (name: string) => decrypt(content[name] ?? '', content.keyring ?? '')
    const expiresAt = Date.parse(content.expiration ?? '')
    if (expiresAt <= now) throw new FairleadError('INVALID_INPUT', `it expired at ${content.expiration}`)
    const keys = {
      accessKeyId: plain('access.key.id'),
      accessKeySecret: plain('access.key.secret'),
      securityToken: plain('security.token'),
    }
    return { keys, expiresAt: Number.isNaN(expiresAt) ? Number.POSITIVE_INFINITY : expiresAt }
  } catch (cause) {
    throw new FairleadError('INVALID_INPUT', `Cannot use the addon token ${file}: ${errorMessage(cause)}`, { cause })
  }
}

function decrypt(text: string, keyring: string): string {
  const [data, key] = [Buffer.from(text, 'base64'), Buffer.from(keyring)]
  const cipher = CIPHERS[key.length]
  if (cipher === undefined) {
    throw new FairleadError('INVALID_INPUT', `its keyring has ${key.length} bytes, wanted are 16, 24 or 32`)
  }
  const decipher = createDecipheriv(cipher, key, data.subarray(0, BLOCK))
  return Buffer.concat([decipher.update(data.subarray(BLOCK)), decipher.final()]).toString('utf8')
}
