import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeFileAtomic } from '../base/atomic-file.ts'
import type { RamUser } from '../cloud/openapi/ram-user.ts'

/** Port of the cloud's API inside the VPC, where nobody else listens. */
export const CLOUD_PORT = 8443

/** What a program shows to the cloud's API. */
export interface CloudKey {
  readonly accessKeyId: string
  readonly accessKeySecret: string
}

/** A user of the cloud before it has a key. */
export type CloudUser = Pick<RamUser, 'name' | 'statements'>

/** Least rights of a node's agent under Terway: its interfaces and their addresses. */
export const TERWAY_USER: CloudUser = {
  name: 'terway',
  statements: [
    {
      effect: 'Allow',
      actions: [
        'ecs:CreateNetworkInterface',
        'ecs:DescribeNetworkInterfaces',
        'ecs:AttachNetworkInterface',
        'ecs:DetachNetworkInterface',
        'ecs:DeleteNetworkInterface',
        'ecs:AssignPrivateIpAddresses',
        'ecs:UnassignPrivateIpAddresses',
      ],
    },
  ],
}

/**
 * Least rights of the cloud controller: load balancers in full; of machines and networks what it must know, routes, and
 * the security groups that hold the source ranges of Network Load Balancers.
 */
export const CONTROLLER_USER: CloudUser = {
  name: 'cloud-controller',
  statements: [
    {
      effect: 'Allow',
      actions: [
        'slb:*',
        'nlb:*',
        'ecs:Describe*',
        'ecs:CreateSecurityGroup',
        'ecs:AuthorizeSecurityGroup',
        'ecs:RevokeSecurityGroup',
        'ecs:DeleteSecurityGroup',
        'vpc:Describe*',
        'vpc:CreateRouteEntry',
        'vpc:DeleteRouteEntry',
      ],
    },
  ],
}

/** What the person at this machine uses: everything. */
export const OWNER_USER: CloudUser = { name: 'owner', statements: [{ effect: 'Allow', actions: ['*'] }] }

const ID_BYTES = 12
const SECRET_BYTES = 24

/** Gives each user a key, the one it had before where there is one: who holds a key need not hear of a restart. */
export function openCloudKeys(path: string, users: readonly CloudUser[]): RamUser[] {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const kept: Record<string, CloudKey> = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  const keys = { ...kept }
  for (const { name } of users) keys[name] ??= newKey()
  const text = JSON.stringify(keys)
  if (text !== JSON.stringify(kept)) writeFileAtomic(path, text)
  return users.map((user) => ({ ...user, ...(keys[user.name] ?? newKey()) }))
}

function newKey(): CloudKey {
  return {
    accessKeyId: `LTAI${randomBytes(ID_BYTES).toString('hex')}`,
    accessKeySecret: randomBytes(SECRET_BYTES).toString('base64url'),
  }
}
