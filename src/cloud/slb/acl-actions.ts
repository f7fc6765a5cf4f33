import { addressFamily, formatCidr, parseCidr } from '../../base/ip.ts'
import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { requireQuota } from '../quota/quota.ts'
import { pageByNumber } from '../resource/page.ts'
import { newResourceId } from '../resource/resource-id.ts'
import { tagsOf } from '../resource/tags.ts'
import { requireAcl } from './find.ts'
import { ACCESS_CONTROL_LISTS, type AccessControlList, LISTENERS } from './model.ts'

/** Access control lists and their entries. */
export const ACL_ACTIONS: readonly (readonly [string, Action])[] = [
  ['CreateAccessControlList', createAcl],
  ['DeleteAccessControlList', deleteAcl],
  ['SetAccessControlListAttribute', setAclAttribute],
  ['AddAccessControlListEntry', addEntries],
  ['RemoveAccessControlListEntry', removeEntries],
  ['DescribeAccessControlLists', describeAcls],
  ['DescribeAccessControlListAttribute', describeAclAttribute],
]

const NAME = {
  pattern: /^[\p{L}\d/._-]{1,80}$/u,
  wanted: '1 to 80 letters, digits, slashes, dots, underscores and dashes',
}
const MAXIMUM_PER_CALL = 50

type Entry = AccessControlList['entries'][number]

function createAcl({ parameters, transaction, now }: Call): object {
  const count = transaction.list(ACCESS_CONTROL_LISTS).length
  requireQuota(transaction, 'slb_quota_acls_num', { wanted: count + 1, code: 'QuotaLimitExceeds.AclEntry' })
  const id = newResourceId('acl')
  const name = parameters.required('AclName', NAME)
  const ipVersion = parameters.oneOf('AddressIPVersion', ['ipv4', 'ipv6']) ?? 'ipv4'
  transaction.put(ACCESS_CONTROL_LISTS, id, {
    id,
    name,
    ipVersion,
    entries: [],
    tags: tagsOf(parameters),
    createdAt: now,
  })
  return { AclId: id }
}

function deleteAcl({ parameters, transaction }: Call): object {
  const { id } = requireAcl(transaction, parameters.required('AclId'))
  const user = transaction.list(LISTENERS).find((listener) => listener.acl?.ids.includes(id))
  if (user !== undefined) {
    throw new Refusal(
      'AclInUsed',
      `The ACL ${id} is in use by the listener ${user.protocol}:${user.port} of ${user.loadBalancerId}.`,
    )
  }
  transaction.delete(ACCESS_CONTROL_LISTS, id)
  return {}
}

function setAclAttribute({ parameters, transaction }: Call): object {
  const acl = requireAcl(transaction, parameters.required('AclId'))
  transaction.put(ACCESS_CONTROL_LISTS, acl.id, { ...acl, name: parameters.required('AclName', NAME) })
  return {}
}

function addEntries({ parameters, transaction }: Call): object {
  const acl = requireAcl(transaction, parameters.required('AclId'))
  const added = entriesOf(parameters, acl)
  const twice = added.find(({ cidr }) => acl.entries.some((entry) => entry.cidr === cidr))
  if (twice !== undefined) throw new Refusal('AclEntryExists', `The ACL ${acl.id} has the entry ${twice.cidr} already.`)
  const entries = [...acl.entries, ...added]
  requireQuota(transaction, 'slb_quota_acl_entries_num', {
    wanted: entries.length,
    holder: acl.id,
    code: 'QuotaLimitExceeds.AclEntry',
  })
  transaction.put(ACCESS_CONTROL_LISTS, acl.id, { ...acl, entries })
  return {}
}

function removeEntries({ parameters, transaction }: Call): object {
  const acl = requireAcl(transaction, parameters.required('AclId'))
  const removed = new Set(entriesOf(parameters, acl).map(({ cidr }) => cidr))
  transaction.put(ACCESS_CONTROL_LISTS, acl.id, {
    ...acl,
    entries: acl.entries.filter(({ cidr }) => !removed.has(cidr)),
  })
  return {}
}

/** `AclEntrys=[{"entry":"10.0.0.0/8","comment":"…"}]` */
function entriesOf(parameters: Call['parameters'], acl: AccessControlList): Entry[] {
  const list = parameters.json('AclEntrys')
  if (!Array.isArray(list) || list.length === 0 || list.length > MAXIMUM_PER_CALL) {
    throw new Refusal(
      'InvalidParameter.AclEntrys',
      `Cannot read AclEntrys: give a JSON list of 1 to ${MAXIMUM_PER_CALL} entries.`,
    )
  }
  return list.map((item: unknown) => {
    const { entry, comment } = Object(item) as { entry?: unknown; comment?: unknown }
    return { cidr: cidrOf(String(entry ?? ''), acl), comment: String(comment ?? '') }
  })
}

function cidrOf(text: string, acl: AccessControlList): string {
  const whole = text.includes('/') ? text : `${text}/${addressFamily(text) === 6 ? 128 : 32}`
  const cidr = parseCidr(whole)
  if (cidr === undefined)
    throw new Refusal('InvalidParameter.AclEntry', `The entry '${text}' is not a range such as 10.0.0.0/8.`)
  const version = cidr.address.length === 4 ? 'ipv4' : 'ipv6'
  if (version === acl.ipVersion) return formatCidr(cidr)
  throw new Refusal(
    'IpVersionConflict',
    `The entry ${text} does not fit the ACL ${acl.id}, which is for ${acl.ipVersion}.`,
  )
}

function describeAcls({ parameters, transaction }: Call): object {
  const name = parameters.string('AclName')
  const found = transaction.list(ACCESS_CONTROL_LISTS).filter((acl) => name === undefined || acl.name === name)
  const { items, ...page } = pageByNumber(found, parameters, { default: 10, max: 50 })
  const Acl = items.map(({ id, ipVersion, ...acl }) => ({ AclId: id, AclName: acl.name, AddressIPVersion: ipVersion }))
  return { Acls: { Acl }, Count: items.length, ...page }
}

function describeAclAttribute({ parameters, transaction }: Call): object {
  const acl = requireAcl(transaction, parameters.required('AclId'))
  const listeners = transaction.list(LISTENERS).filter((listener) => listener.acl?.ids.includes(acl.id))
  return {
    AclId: acl.id,
    AclName: acl.name,
    AddressIPVersion: acl.ipVersion,
    AclEntrys: { AclEntry: acl.entries.map(({ cidr, comment }) => ({ AclEntryIP: cidr, AclEntryComment: comment })) },
    RelatedListeners: {
      RelatedListener: listeners.map((listener) => ({
        LoadBalancerId: listener.loadBalancerId,
        ListenerPort: listener.port,
        Protocol: listener.protocol,
        AclType: listener.acl?.type ?? '',
      })),
    },
  }
}
