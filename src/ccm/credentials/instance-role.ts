import { request } from 'node:http'
import { errorMessage, FairleadError } from '../../base/error.ts'
import type { LentKeys } from './access-keys.ts'

/** Where a machine of the cloud finds out about itself. */
export const METADATA_ENDPOINT = 'http://100.100.100.200'

export interface MetadataOptions {
  /** @default {@link METADATA_ENDPOINT} */
  readonly endpoint?: string
  /** Asks for a token first, as machines want that are hardened (IMDSv2). @default true */
  readonly token?: boolean
}

const PATIENCE_MS = 5_000
const TOKEN_SECONDS = 21_600
const ROLES = '/latest/meta-data/ram/security-credentials/'
const HINT =
  'Give the machine a RAM role, or accessKeyID and accessKeySecret (base64) under Global, or ACCESS_KEY_ID and ACCESS_KEY_SECRET'

/**
 * Keys of the RAM role of the machine that this program runs on (ECS "Instance RAM roles", "Instance metadata").
 *
 * @throws FairleadError `API_UNREACHABLE` when the machine has no metadata or no role
 */
export async function instanceRoleKeys(options: MetadataOptions = {}): Promise<LentKeys> {
  const place = { endpoint: options.endpoint ?? METADATA_ENDPOINT }
  try {
    const headers = options.token === false ? {} : { 'X-aliyun-ecs-metadata-token': await tokenOf(place) }
    const role = (await ask({ ...place, path: ROLES, headers })).split('\n')[0]?.trim() ?? ''
    return readKeys(await ask({ ...place, path: `${ROLES}${role}`, headers }), role)
  } catch (cause) {
    const text = `Cannot get keys of the machine's RAM role from ${place.endpoint}: ${errorMessage(cause)}`
    throw new FairleadError('API_UNREACHABLE', text, { cause, hint: HINT })
  }
}

function tokenOf({ endpoint }: { readonly endpoint: string }): Promise<string> {
  const headers = { 'X-aliyun-ecs-metadata-token-ttl-seconds': String(TOKEN_SECONDS) }
  return ask({ endpoint, path: '/latest/api/token', headers, method: 'PUT' })
}

function readKeys(text: string, role: string): LentKeys {
  const { Code, AccessKeyId, AccessKeySecret, SecurityToken, Expiration } = JSON.parse(text) as Record<string, unknown>
  if (Code !== 'Success' || typeof AccessKeyId !== 'string' || typeof AccessKeySecret !== 'string') {
    throw new FairleadError('API_UNREACHABLE', `the role ${role} gives no keys (${String(Code)})`)
  }
  return {
    keys: { accessKeyId: AccessKeyId, accessKeySecret: AccessKeySecret, securityToken: String(SecurityToken) },
    expiresAt: Date.parse(String(Expiration)),
  }
}

interface Asked {
  readonly endpoint: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly method?: 'GET' | 'PUT'
}

function ask({ endpoint, path, headers, method = 'GET' }: Asked): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, endpoint), { method, headers, timeout: PATIENCE_MS, agent: false })
    asked.on('timeout', () => asked.destroy(new FairleadError('TIMEOUT', `no answer within ${PATIENCE_MS} ms`)))
    asked.on('error', reject)
    asked.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200) resolve(text)
        else reject(new FairleadError('API_UNREACHABLE', `${method} ${path} is answered ${response.statusCode}`))
      })
    })
    asked.end()
  })
}
