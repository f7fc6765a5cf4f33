/** Sets and maps on the wire. */
import { forEachAttribute, type MessageWriter, readAttributes, readString } from '../netlink/message.ts'
import * as nft from './constants.ts'
import { byteOrderOf, type DataType, lengthOf, typeIdOf, typeOfFields } from './data-type.ts'
import type { NftFamily } from './family.ts'
import type { ListedSet, NftSet } from './program.ts'
import { readUdataComment, udata, udataComment, udataU32 } from './userdata.ts'

/** NFT_SET_* flags of a set. */
export function setFlags(set: NftSet): number {
  let flags = 0
  if (set.data !== undefined) flags |= nft.NFT_SET_MAP
  if (set.interval) flags |= nft.NFT_SET_INTERVAL
  if (set.interval && set.key.length > 1) flags |= nft.NFT_SET_CONCAT
  if (set.dynamic) flags |= nft.NFT_SET_EVAL
  if (set.expires || set.timeout !== undefined) flags |= nft.NFT_SET_TIMEOUT
  return flags
}

/** Writes the attributes of NFT_MSG_NEWSET. `id` is any number that no other set of the batch has. */
export function writeSet(out: MessageWriter, set: NftSet, id: number): void {
  out.string(nft.NFTA_SET_TABLE, set.table)
  out.string(nft.NFTA_SET_NAME, set.name)
  out.u32be(nft.NFTA_SET_FLAGS, setFlags(set))
  out.u32be(nft.NFTA_SET_KEY_TYPE, typeIdOf(set.key))
  out.u32be(nft.NFTA_SET_KEY_LEN, lengthOf(set.key))
  if (set.data === 'verdict') {
    out.u32be(nft.NFTA_SET_DATA_TYPE, nft.NFT_DATA_VERDICT)
    out.u32be(nft.NFTA_SET_DATA_LEN, 0)
  } else if (set.data !== undefined) {
    out.u32be(nft.NFTA_SET_DATA_TYPE, typeIdOf(set.data))
    out.u32be(nft.NFTA_SET_DATA_LEN, lengthOf(set.data))
  }
  out.u32be(nft.NFTA_SET_ID, id)
  writeDescription(out, set)
  if (set.timeout !== undefined) out.u64be(nft.NFTA_SET_TIMEOUT, BigInt(set.timeout))
  if (set.counter) writeCounter(out)
  out.attribute(nft.NFTA_SET_USERDATA, setUserdata(set))
}

/** The expression that every element gets one of. */
function writeCounter(out: MessageWriter): void {
  const expression = out.beginNested(nft.NFTA_SET_EXPR)
  out.string(nft.NFTA_EXPR_NAME, 'counter')
  out.endNested(out.beginNested(nft.NFTA_EXPR_DATA))
  out.endNested(expression)
}

function writeDescription(out: MessageWriter, set: NftSet): void {
  const concat = set.interval && set.key.length > 1
  if (set.size === undefined && !concat) return
  const description = out.beginNested(nft.NFTA_SET_DESC)
  if (set.size !== undefined) out.u32be(nft.NFTA_SET_DESC_SIZE, set.size)
  if (concat) {
    const fields = out.beginNested(nft.NFTA_SET_DESC_CONCAT)
    for (const field of set.key) {
      const element = out.beginNested(nft.NFTA_LIST_ELEM)
      out.u32be(nft.NFTA_SET_FIELD_LEN, field.length)
      out.endNested(element)
    }
    out.endNested(fields)
  }
  out.endNested(description)
}

/** What lets nft print the fields of keys and values by their types. */
function setUserdata(set: NftSet): Buffer {
  const parts = [udataU32(nft.NFTNL_UDATA_SET_KEYBYTEORDER, byteOrderOf(set.key))]
  const data = set.data === undefined || set.data === 'verdict' ? [] : set.data
  if (set.data !== undefined) parts.push(udataU32(nft.NFTNL_UDATA_SET_DATABYTEORDER, byteOrderOf(data)))
  if ([...set.key, ...data].some((field) => field.needsTypeOf)) parts.push(...typeOfs(set.key, data))
  if (set.data !== undefined) parts.push(udataU32(nft.NFTNL_UDATA_SET_DATA_INTERVAL, 0))
  if (set.comment !== undefined) parts.push(udataComment(nft.NFTNL_UDATA_SET_COMMENT, set.comment))
  return Buffer.concat(parts)
}

function typeOfs(key: readonly DataType[], data: readonly DataType[]): Buffer[] {
  const keyType = udata(nft.NFTNL_UDATA_SET_KEY_TYPEOF, typeOfFields(key))
  return data.length === 0 ? [keyType] : [keyType, udata(nft.NFTNL_UDATA_SET_DATA_TYPEOF, typeOfFields(data))]
}

/** Decodes the attributes of NFT_MSG_NEWSET as dumped. */
export function readSet(family: NftFamily, bytes: Buffer): ListedSet {
  const a = readAttributes(bytes)
  const u32 = (type: number) => a.get(type)?.readUInt32BE(0) ?? 0
  let size = 0
  forEachAttribute(a.get(nft.NFTA_SET_DESC) ?? Buffer.alloc(0), (type, value) => {
    if (type === nft.NFTA_SET_DESC_SIZE) size = value.readUInt32BE(0)
  })
  return {
    family,
    table: readString(a.get(nft.NFTA_SET_TABLE) ?? Buffer.alloc(0)),
    name: readString(a.get(nft.NFTA_SET_NAME) ?? Buffer.alloc(0)),
    handle: a.get(nft.NFTA_SET_HANDLE)?.readBigUInt64BE(0) ?? 0n,
    flags: u32(nft.NFTA_SET_FLAGS),
    keyType: u32(nft.NFTA_SET_KEY_TYPE),
    keyLength: u32(nft.NFTA_SET_KEY_LEN),
    dataType: u32(nft.NFTA_SET_DATA_TYPE),
    dataLength: u32(nft.NFTA_SET_DATA_LEN),
    timeout: Number(a.get(nft.NFTA_SET_TIMEOUT)?.readBigUInt64BE(0) ?? 0n),
    size,
    comment: readUdataComment(a.get(nft.NFTA_SET_USERDATA), nft.NFTNL_UDATA_SET_COMMENT),
  }
}
