/** Tells which part of a batch the kernel refused. */
import { HEADER_LENGTH, type NetlinkMessage, NLM_F_ACK_TLVS, NLM_F_CAPPED, readAttributes } from '../netlink/message.ts'
import { NetlinkError } from '../netlink/socket.ts'
import type { NftBatch } from './batch.ts'
import { NFTA_SET_ELEM_LIST_ELEMENTS } from './constants.ts'

const NLMSGERR_ATTR_OFFS = 2
const NFGENMSG_LENGTH = 4

/** The error for a refused message: its operation and, where the kernel points at an element, that element's bytes. */
export function refusalOf(
  batch: NftBatch,
  message: NetlinkMessage,
  reply: { readonly errno: string; readonly kernelText: string; readonly sequence: number },
): NetlinkError {
  const offset = refusedOffset(message)
  const key = offset === undefined ? undefined : elementKeyAt(batch.seal().bytes, message.sequence, offset)
  const operation = batch.describe(message.sequence)
  return new NetlinkError(key === undefined ? operation : `${operation} (key ${key.toString('hex')})`, reply)
}

/** Where in the refused message the attribute is that the kernel did not like. */
function refusedOffset(message: NetlinkMessage): number | undefined {
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return undefined
  const capped = (message.flags & NLM_F_CAPPED) !== 0
  const start = 4 + (capped ? HEADER_LENGTH : (message.payload.readUInt32LE(4) + 3) & ~3)
  return readAttributes(message.payload.subarray(start)).get(NLMSGERR_ATTR_OFFS)?.readUInt32LE(0)
}

/** The key of the list element that holds byte `offset` of the message with this sequence number. */
function elementKeyAt(bytes: Buffer, sequence: number, offset: number): Buffer | undefined {
  const start = messageStart(bytes, sequence)
  if (start === undefined) return undefined
  const end = start + bytes.readUInt32LE(start)
  for (let at = start + HEADER_LENGTH + NFGENMSG_LENGTH; at < end; at += alignedLength(bytes, at)) {
    if ((bytes.readUInt16LE(at + 2) & 0x3fff) !== NFTA_SET_ELEM_LIST_ELEMENTS) continue
    const listEnd = at + bytes.readUInt16LE(at)
    for (let item = at + 4; item < listEnd; item += alignedLength(bytes, item)) {
      if (start + offset >= item + alignedLength(bytes, item)) continue
      // The key comes first: list element, nested key, its value.
      return start + offset < item ? undefined : bytes.subarray(item + 12, item + 8 + bytes.readUInt16LE(item + 8))
    }
  }
  return undefined
}

function messageStart(bytes: Buffer, sequence: number): number | undefined {
  for (let at = 0; at < bytes.length; at += (bytes.readUInt32LE(at) + 3) & ~3) {
    // The batch's own begin has sequence number 0 and its end the last one.
    if (bytes.readUInt32LE(at + 8) === sequence) return at
  }
  return undefined
}

function alignedLength(bytes: Buffer, at: number): number {
  return Math.max(4, (bytes.readUInt16LE(at) + 3) & ~3)
}
