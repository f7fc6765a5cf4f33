/** Elements of sets and maps on the wire. */
import { forEachAttribute, type MessageWriter, NLA_F_NESTED } from '../netlink/message.ts'
import * as nft from './constants.ts'
import { readData, readExpressions } from './expression-decoder.ts'
import { writeValue, writeVerdict } from './expression-encoder.ts'
import type { Element, ListedElement } from './program.ts'
import { readUdataComment, udataComment } from './userdata.ts'
import type { Verdict } from './verdict.ts'

/** Writes one element into the open list. A range of a single-field set is two elements: its start and its end. */
export function writeElement(out: MessageWriter, element: Element): void {
  const { key, keyEnd, data } = element
  const item = out.beginNested(nft.NFTA_LIST_ELEM)
  writeValue(out, nft.NFTA_SET_ELEM_KEY, key)
  if (keyEnd !== undefined) writeValue(out, nft.NFTA_SET_ELEM_KEY_END, keyEnd)
  if (data instanceof Uint8Array) writeValue(out, nft.NFTA_SET_ELEM_DATA, data)
  else if (data !== undefined) writeVerdict(out, nft.NFTA_SET_ELEM_DATA, data)
  if (element.flags !== undefined) out.u32be(nft.NFTA_SET_ELEM_FLAGS, element.flags)
  if (element.timeout !== undefined) out.u64be(nft.NFTA_SET_ELEM_TIMEOUT, BigInt(element.timeout))
  if (element.comment !== undefined) {
    out.attribute(nft.NFTA_SET_ELEM_USERDATA, udataComment(nft.NFTNL_UDATA_SET_ELEM_COMMENT, element.comment))
  }
  out.endNested(item)
}

/**
 * Writes an element whose key, data and comment are byte strings (each character one byte): the way for many elements,
 * which leaves nothing to the garbage collector. Data is a value, not a verdict.
 */
export function writeTextElement(out: MessageWriter, key: string, data: string, comment: string): void {
  const keyLength = 8 + align(key.length)
  const dataLength = data === '' ? 0 : 8 + align(data.length)
  const commentLength = comment === '' ? 0 : 4 + align(comment.length + 3)
  const length = 4 + keyLength + dataLength + commentLength
  let at = out.reserve(length)
  const { buffer } = out
  at = header(buffer, at, length, nft.NFTA_LIST_ELEM | NLA_F_NESTED)
  at = nestedText(buffer, at, nft.NFTA_SET_ELEM_KEY, key)
  if (data !== '') at = nestedText(buffer, at, nft.NFTA_SET_ELEM_DATA, data)
  if (comment === '') return
  at = header(buffer, at, 4 + comment.length + 3, nft.NFTA_SET_ELEM_USERDATA)
  buffer[at] = nft.NFTNL_UDATA_SET_ELEM_COMMENT
  buffer[at + 1] = comment.length + 1
  text(buffer, at + 2, comment, align(comment.length + 3) - 2)
}

function nestedText(buffer: Buffer, start: number, type: number, value: string): number {
  const padded = align(value.length)
  let at = header(buffer, start, 8 + padded, type | NLA_F_NESTED)
  at = header(buffer, at, 4 + value.length, nft.NFTA_DATA_VALUE)
  return text(buffer, at, value, padded)
}

function header(buffer: Buffer, at: number, length: number, type: number): number {
  buffer[at] = length & 255
  buffer[at + 1] = length >> 8
  buffer[at + 2] = type & 255
  buffer[at + 3] = type >> 8
  return at + 4
}

/** Writes characters as bytes and zeros up to `padded`. */
function text(buffer: Buffer, at: number, value: string, padded: number): number {
  buffer.write(value, at, 'latin1')
  for (let i = value.length; i < padded; i += 1) buffer[at + i] = 0
  return at + padded
}

function align(length: number): number {
  return (length + 3) & ~3
}

/**
 * A range `first..last` (inclusive) as an interval set of one field holds it: an element that starts it, and one that
 * marks the key after it; no end for a range up to the last key there is.
 */
export function rangeElements(first: Uint8Array, last: Uint8Array): Element[] {
  const after = Buffer.from(last)
  for (let i = after.length - 1; i >= 0; i -= 1) {
    after[i] = ((after[i] ?? 0) + 1) & 0xff
    if (after[i] !== 0) return [{ key: first }, { key: after, flags: nft.NFT_SET_ELEM_INTERVAL_END }]
  }
  return [{ key: first }]
}

/** Calls `visit` for each element of a dumped list (the content of NFTA_SET_ELEM_LIST_ELEMENTS). */
export function readElements(list: Buffer, visit: (element: ListedElement) => void): void {
  forEachAttribute(list, (_type, item) => {
    const element = readElement(item)
    if (element !== undefined) visit(element)
  })
}

function readElement(item: Buffer): ListedElement | undefined {
  let key: Buffer | undefined
  let keyEnd: Buffer | undefined
  let data: Buffer | Verdict | undefined
  let comment: string | undefined
  let flags = 0
  let timeout = 0
  let expiration = 0
  let counter: ListedElement['counter']
  forEachAttribute(item, (type, value) => {
    if (type === nft.NFTA_SET_ELEM_KEY) key = asBytes(value)
    else if (type === nft.NFTA_SET_ELEM_KEY_END) keyEnd = asBytes(value)
    else if (type === nft.NFTA_SET_ELEM_DATA) data = readData(value)
    else if (type === nft.NFTA_SET_ELEM_FLAGS) flags = value.readUInt32BE(0)
    else if (type === nft.NFTA_SET_ELEM_TIMEOUT) timeout = Number(value.readBigUInt64BE(0))
    else if (type === nft.NFTA_SET_ELEM_EXPIRATION) expiration = Number(value.readBigUInt64BE(0))
    else if (type === nft.NFTA_SET_ELEM_USERDATA) comment = readUdataComment(value, nft.NFTNL_UDATA_SET_ELEM_COMMENT)
    else if (type === nft.NFTA_SET_ELEM_EXPR) counter = readCounter(value)
  })
  if (key === undefined) return undefined
  const element = { key, keyEnd, data, flags, timeout, expiration, comment }
  return counter === undefined ? element : { ...element, counter }
}

function readCounter(expression: Buffer): ListedElement['counter'] {
  const list = Buffer.alloc(4 + align(expression.length))
  list.writeUInt16LE(4 + expression.length, 0)
  list.writeUInt16LE(nft.NFTA_LIST_ELEM, 2)
  expression.copy(list, 4)
  const [read] = readExpressions(list)
  return read?.kind === 'counter' ? { packets: read.packets ?? 0n, bytes: read.bytes ?? 0n } : undefined
}

function asBytes(nested: Buffer): Buffer | undefined {
  const data = readData(nested)
  return Buffer.isBuffer(data) ? data : undefined
}
