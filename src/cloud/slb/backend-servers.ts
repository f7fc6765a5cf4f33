import { canonicalAddress } from '../../base/ip.ts'
import { INSTANCES, NETWORK_INTERFACES } from '../ecs/model.ts'
import { missing, type Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'
import type { Transaction } from '../state/transaction.ts'
import type { Backend } from './model.ts'

/** A backend as a caller names it: what is left out stays as it is, or gets its default. */
export interface BackendRequest extends Omit<Backend, 'weight' | 'description'> {
  readonly weight?: number
  readonly description?: string
}

/** Callers send batches of 40, though the API's page speaks of 20. */
const MAXIMUM_PER_CALL = 40
const DESCRIPTION_LENGTH = 80

/**
 * Reads `BackendServers`: JSON text, a list of `{"ServerId", "ServerIp", "Port", "Weight", "Type", "Description"}`. Names
 * are matched without regard to case; numbers may be strings; other members are ignored.
 *
 * @throws Refusal `InvalidParameter`, `BackendServer.InvalidType`
 */
export function backendRequests(parameters: Parameters, name = 'BackendServers'): BackendRequest[] {
  const list = parameters.json(name) ?? missing(name)
  if (!Array.isArray(list) || !list.every((item) => typeof item === 'object' && item !== null)) {
    throw new Refusal('InvalidParameter', `Cannot read ${name}: give a JSON list of objects.`)
  }
  if (list.length > MAXIMUM_PER_CALL) {
    throw new Refusal(
      'InvalidParameter',
      `${name} has ${list.length} entries: give at most ${MAXIMUM_PER_CALL} in one call.`,
    )
  }
  return list.map(readBackend)
}

/** Two entries of one server with one port are one backend. */
export function backendKey({
  type,
  serverId,
  serverIp,
  port,
}: Pick<Backend, 'type' | 'serverId' | 'serverIp' | 'port'>): string {
  return type === 'eni' ? `${serverId}:${serverIp}:${port}` : `${serverId}:${port}`
}

/** Checks that the server exists, and completes it. @throws Refusal `InvalidServerId.NotExist`, `ResourceNotFound.vServers` */
export function resolveBackend(
  transaction: Transaction,
  { weight = 100, description = '', ...server }: BackendRequest,
): Backend {
  if (server.type === 'ecs') {
    const instance = transaction.get(INSTANCES, server.serverId)
    if (instance === undefined) {
      throw new Refusal('InvalidServerId.NotExist', `The specified ServerId ${server.serverId} does not exist.`)
    }
    if (instance.status !== 'Running') {
      throw new Refusal(
        'InvalidServerStatus',
        `The server ${server.serverId} is ${instance.status}: only a running one can be attached.`,
      )
    }
    return { ...server, weight, description }
  }
  return { ...server, serverIp: interfaceAddress(transaction, server), weight, description }
}

function interfaceAddress(transaction: Transaction, { serverId, serverIp }: BackendRequest): string {
  const card = transaction.get(NETWORK_INTERFACES, serverId)
  if (card === undefined) {
    throw new Refusal('ResourceNotFound.vServers', `The specified interface ${serverId} does not exist.`, 404)
  }
  const address = serverIp ?? card.privateAddresses[0] ?? ''
  if ([...card.privateAddresses, ...card.ipv6Addresses].includes(address)) return address
  throw new Refusal('InvalidParameter', `The ServerIp ${address} is not an address of ${serverId}.`)
}

function readBackend(item: object): BackendRequest {
  const members = new Map(Object.entries(item).map(([name, value]) => [name.toLowerCase(), value] as const))
  const serverId = textOf(members.get('serverid'))
  if (serverId === undefined) throw new Refusal('MissingParameter', 'An entry of BackendServers has no ServerId.')
  const weight = members.get('weight')
  const description = textOf(members.get('description'))
  if (description !== undefined && description.length > DESCRIPTION_LENGTH) {
    throw new Refusal(
      'InvalidParameter',
      `The Description of ${serverId} has ${description.length} characters: give at most ${DESCRIPTION_LENGTH}.`,
    )
  }
  const serverIp = ipOf(members.get('serverip'), serverId)
  return {
    type: typeOf(members.get('type'), serverId),
    serverId,
    ...(serverIp === undefined ? {} : { serverIp }),
    port: numberOf(members.get('port'), { name: `Port of ${serverId}`, min: 1, max: 65_535 }),
    ...(weight === undefined ? {} : { weight: numberOf(weight, { name: `Weight of ${serverId}`, min: 0, max: 100 }) }),
    ...(description === undefined ? {} : { description }),
  }
}

function textOf(value: unknown): string | undefined {
  return value === undefined || value === null || value === '' ? undefined : String(value)
}

function typeOf(value: unknown, serverId: string): Backend['type'] {
  const text = textOf(value) ?? (serverId.startsWith('eni-') ? 'eni' : 'ecs')
  if (text === 'ecs' || text === 'eni') return text
  throw new Refusal('BackendServer.InvalidType', `The Type '${text}' of ${serverId} is not offered: give ecs or eni.`)
}

function ipOf(value: unknown, serverId: string): string | undefined {
  const text = textOf(value)
  if (text === undefined) return undefined
  const address = canonicalAddress(text)
  if (address !== undefined) return address
  throw new Refusal('InvalidParameter', `The ServerIp '${text}' of ${serverId} is not an address.`)
}

function numberOf(value: unknown, { name, min, max }: { name: string; min: number; max: number }): number {
  const number = typeof value === 'string' && /^\d{1,6}$/.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number
  throw new Refusal(
    'InvalidParameter',
    `The ${name} '${String(value)}' is not valid: give a whole number from ${min} to ${max}.`,
  )
}
