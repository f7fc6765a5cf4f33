import { addressFamily, canonicalAddress, formatCidr, parseCidr } from '../../base/ip.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { pageByNumber } from '../resource/page.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { ELASTIC_IPS, NAT_GATEWAYS, type NatGateway, SNAT_ENTRIES, type SnatEntry, VSWITCHES } from './model.ts'

/** SNAT entries of NAT gateways: who appears as which public address. */
export const SNAT_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateSnatEntry', createSnatEntry],
  ['DescribeSnatTableEntries', describeSnatTableEntries],
  ['DeleteSnatEntry', deleteSnatEntry],
]

function createSnatEntry({ parameters, transaction }: Call): object {
  const gateway = requireTable(transaction, parameters.required('SnatTableId'))
  const source = sourceOf(transaction, gateway, {
    vSwitchId: parameters.string('SourceVSwitchId'),
    cidr: parameters.string('SourceCIDR'),
  })
  const snatIp = requireSnatIp(transaction, gateway, parameters.required('SnatIp'))
  const same = entriesOf(transaction, gateway.snatTableId).find(({ sourceCidr }) => sourceCidr === source.sourceCidr)
  if (same !== undefined) {
    throw new Refusal(
      'Forbidden.SourceVSwitchId.Duplicated',
      `The SNAT entry ${same.id} is for ${source.sourceCidr} already.`,
    )
  }
  const id = newResourceId('snat')
  const name = parameters.string('SnatEntryName') ?? ''
  transaction.put(SNAT_ENTRIES, id, { id, name, snatTableId: gateway.snatTableId, snatIp, ...source })
  return { SnatEntryId: id }
}

function describeSnatTableEntries({ parameters, transaction }: Call): object {
  const gatewayId = parameters.string('NatGatewayId')
  const asked = parameters.string('SnatTableId')
  const tableId = asked ?? (gatewayId === undefined ? undefined : transaction.get(NAT_GATEWAYS, gatewayId)?.snatTableId)
  if (tableId === undefined) throw new Refusal('MissingParameter', 'Give SnatTableId or NatGatewayId.')
  requireTable(transaction, tableId)
  const [id, snatIp, cidr] = ['SnatEntryId', 'SnatIp', 'SourceCIDR'].map((name) => parameters.string(name))
  const found = entriesOf(transaction, tableId).filter(
    (entry) =>
      (id === undefined || entry.id === id) &&
      (snatIp === undefined || entry.snatIp === snatIp) &&
      (cidr === undefined || entry.sourceCidr === cidr),
  )
  const { items, ...page } = pageByNumber(found, parameters, { default: 10, max: 50 })
  const SnatTableEntry = items.map((entry) => ({
    SnatEntryId: entry.id,
    SnatEntryName: entry.name,
    SnatTableId: entry.snatTableId,
    SourceVSwitchId: entry.sourceVSwitchId ?? '',
    SourceCIDR: entry.sourceCidr,
    SnatIp: entry.snatIp,
    Status: 'Available',
  }))
  return { SnatTableEntries: { SnatTableEntry }, ...page }
}

function deleteSnatEntry({ parameters, transaction }: Call): object {
  const { snatTableId } = requireTable(transaction, parameters.required('SnatTableId'))
  const id = parameters.required('SnatEntryId')
  if (transaction.get(SNAT_ENTRIES, id)?.snatTableId !== snatTableId) {
    throw new Refusal('InvalidSnatEntryId.NotFound', `The SNAT entry ${id} does not exist in ${snatTableId}.`, 404)
  }
  transaction.delete(SNAT_ENTRIES, id)
  return {}
}

function entriesOf(transaction: Call['transaction'], tableId: string): SnatEntry[] {
  return transaction.list(SNAT_ENTRIES).filter(({ snatTableId }) => snatTableId === tableId)
}

function requireTable(transaction: Call['transaction'], id: string): NatGateway {
  const gateway = transaction.list(NAT_GATEWAYS).find(({ snatTableId }) => snatTableId === id)
  if (gateway !== undefined) return gateway
  throw new Refusal('InvalidSnatTableId.NotFound', `The SNAT table ${id} does not exist.`, 404)
}

function sourceOf(
  transaction: Call['transaction'],
  gateway: NatGateway,
  { vSwitchId, cidr }: { vSwitchId: string | undefined; cidr: string | undefined },
): Pick<SnatEntry, 'sourceVSwitchId' | 'sourceCidr'> {
  if ((vSwitchId === undefined) === (cidr === undefined)) {
    throw new Refusal('MissingParameter', 'Give either SourceVSwitchId or SourceCIDR.')
  }
  if (vSwitchId === undefined) return { sourceCidr: requireRange(cidr ?? '') }
  const vSwitch = transaction.get(VSWITCHES, vSwitchId)
  if (vSwitch?.vpcId !== gateway.vpcId) {
    throw new Refusal('InvalidVSwitchId.NotFound', `The vSwitch ${vSwitchId} does not exist in ${gateway.vpcId}.`, 404)
  }
  return { sourceVSwitchId: vSwitchId, sourceCidr: vSwitch.cidrBlock }
}

/** A range, or one address. */
function requireRange(text: string): string {
  const cidr = parseCidr(addressFamily(text) === 4 ? `${text}/32` : text)
  if (cidr?.family === 4) return formatCidr(cidr)
  throw new Refusal(
    'InvalidSourceCIDR.Malformed',
    `The SourceCIDR '${text}' is not an IPv4 range such as 192.168.0.0/24.`,
  )
}

function requireSnatIp(transaction: Call['transaction'], gateway: NatGateway, text: string): string {
  const address = canonicalAddress(text)
  if (address === undefined || addressFamily(address) !== 4) {
    throw new Refusal('InvalidSnatIp.Malformed', `The SnatIp '${text}' is not one IPv4 address.`)
  }
  const eips = transaction.list(ELASTIC_IPS).filter(({ binding }) => binding?.instanceId === gateway.id)
  if (eips.some((eip) => eip.address === address)) return address
  const bound = eips.map((eip) => eip.address).join(', ')
  throw new Refusal(
    'InvalidSnatIp.NotFound',
    `The SnatIp ${address} is not bound to the NAT gateway ${gateway.id}, which has ${bound === '' ? 'none' : bound}.`,
    404,
  )
}
