import { addressFamily, canonicalAddress, cidrContains, requireAddress, requireCidr } from '../../base/ip.ts'
import { INSTANCES, NETWORK_INTERFACES } from '../ecs/model.ts'
import { missing, type Parameters } from '../openapi/parameters.ts'
import { Refusal } from '../openapi/refusal.ts'
import type { Transaction } from '../state/transaction.ts'
import { VSWITCHES } from '../vpc/model.ts'
import { notFound } from './find.ts'
import type { Server, ServerGroup } from './model.ts'

/** A server as a caller names it; what is left out stays as it is, or gets its default. */
export interface ServerRequest {
  readonly type: Server['type']
  readonly serverId: string
  readonly serverIp?: string
  readonly port: number
  readonly weight?: number
  readonly description?: string
}

const MAXIMUM_PER_CALL = 200
const DESCRIPTION = { pattern: /^[\p{L}\d,.;/@_ -]{2,256}$/u, wanted: '2 to 256 letters, digits and , . ; / @ _ -' }

/** Reads `Servers.N`: at most 200. @throws Refusal */
export function serverRequests(
  parameters: Parameters,
  { anyPort = false }: Pick<ServerGroup, 'anyPort'>,
): ServerRequest[] {
  const servers = parameters.objects('Servers')
  if (servers.length === 0) return missing('Servers')
  if (servers.length <= MAXIMUM_PER_CALL) return servers.map((server) => readServer(server, anyPort))
  throw new Refusal(
    'IllegalParamSize.servers',
    `Servers has ${servers.length} entries: give at most ${MAXIMUM_PER_CALL} in one call.`,
  )
}

function readServer(server: Parameters, anyPort: boolean): ServerRequest {
  const type = server.oneOf('ServerType', ['Ecs', 'Eni', 'Eci', 'Ip']) ?? missing('ServerType')
  if (type === 'Eci') {
    throw new Refusal('IllegalParam.ServerType', 'The ServerType Eci is not offered: give Ecs, Eni or Ip.')
  }
  const serverId = server.required('ServerId')
  const serverIp = ipOf(type === 'Ip' ? serverId : server.string('ServerIp'), serverId)
  const weight = server.integer('Weight', { min: 0, max: 100 })
  const description = server.string('Description', { ...DESCRIPTION, code: 'IllegalParam.description' })
  return {
    type,
    serverId: type === 'Ip' && serverIp !== undefined ? serverIp : serverId,
    ...(serverIp === undefined ? {} : { serverIp }),
    // Of a group that forwards any port it counts for nothing.
    port: anyPort ? 0 : server.requiredInteger('Port', { min: 1, max: 65_535 }),
    ...(weight === undefined ? {} : { weight }),
    ...(description === undefined ? {} : { description }),
  }
}

function ipOf(text: string | undefined, serverId: string): string | undefined {
  if (text === undefined) return undefined
  const address = canonicalAddress(text)
  if (address !== undefined) return address
  throw new Refusal('IllegalParam.IP', `'${text}' of the server ${serverId} is not an address.`)
}

/** Checks that the server exists and fits the group, and completes it. @throws Refusal */
export function resolveServer(
  transaction: Transaction,
  group: Pick<ServerGroup, 'id' | 'type' | 'vpcId'>,
  request: ServerRequest,
): Server {
  if ((group.type === 'Ip') !== (request.type === 'Ip')) {
    throw new Refusal(
      'Mismatch.ServerType',
      `The ServerType ${request.type} does not fit the group ${group.id} of the type ${group.type}.`,
    )
  }
  const { weight = 100, description = '', type, serverId, port } = request
  const place = placeOf(transaction, group.vpcId, request)
  if (addressFamily(place.serverIp) === 6) {
    throw new Refusal(
      'OperationDenied.ServerGroupNotSupportIpv6',
      `The group ${group.id} takes IPv4 addresses: ${place.serverIp} is none.`,
    )
  }
  return { type, serverId, port, weight, description, ...place }
}

function placeOf(transaction: Transaction, vpcId: string, request: ServerRequest): Pick<Server, 'serverIp' | 'zoneId'> {
  const { type, serverId, serverIp } = request
  if (type === 'Ecs') return instancePlace(transaction, vpcId, request)
  if (type === 'Eni') return interfacePlace(transaction, vpcId, request)
  const address = serverIp ?? serverId
  return { serverIp: address, ...zoneOfAddress(transaction, vpcId, address) }
}

function instancePlace(transaction: Transaction, vpcId: string, { serverId, serverIp }: ServerRequest) {
  const instance = transaction.get(INSTANCES, serverId) ?? notFound('Ecs', serverId)
  requireVpc(serverId, instance.vpcId, vpcId)
  if (instance.status !== 'Running') {
    throw new Refusal('IncorrectStatus.Ecs', `The instance ${serverId} is ${instance.status}: it must be Running.`)
  }
  const cards = transaction.list(NETWORK_INTERFACES).filter((card) => card.instanceId === serverId)
  const primary = cards.find(({ type }) => type === 'Primary')?.privateAddresses[0]
  const address = serverIp ?? primary
  if (address !== undefined && cards.some(({ privateAddresses }) => privateAddresses.includes(address))) {
    return { serverIp: address, zoneId: instance.zoneId }
  }
  throw new Refusal('IllegalParam.IP', `The address ${address ?? ''} is not one of the instance ${serverId}.`)
}

function interfacePlace(transaction: Transaction, vpcId: string, { serverId, serverIp }: ServerRequest) {
  const card = transaction.get(NETWORK_INTERFACES, serverId) ?? notFound('Eni', serverId)
  const vSwitch = transaction.get(VSWITCHES, card.vSwitchId) ?? notFound('VSwitch', card.vSwitchId)
  requireVpc(serverId, vSwitch.vpcId, vpcId)
  const address = serverIp ?? card.privateAddresses[0] ?? ''
  if ([...card.privateAddresses, ...card.ipv6Addresses].includes(address)) {
    return { serverIp: address, zoneId: vSwitch.zoneId }
  }
  throw new Refusal('IllegalParam.IP', `The address ${address} is not one of the interface ${serverId}.`)
}

function zoneOfAddress(transaction: Transaction, vpcId: string, address: string): Pick<Server, 'zoneId'> {
  const bytes = requireAddress(address)
  const vSwitch = transaction
    .list(VSWITCHES)
    .find((one) => one.vpcId === vpcId && cidrContains(requireCidr(one.cidrBlock), bytes))
  return vSwitch === undefined ? {} : { zoneId: vSwitch.zoneId }
}

function requireVpc(serverId: string, actual: string, wanted: string): void {
  if (actual === wanted) return
  throw new Refusal('Mismatch.VpcId', `The server ${serverId} is in ${actual}, the group in ${wanted}.`)
}
