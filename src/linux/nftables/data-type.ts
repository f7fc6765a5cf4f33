/**
 * Types of the fields of set keys and map values. The kernel only needs their lengths; the numbers and the "typeof"
 * expressions are user data that lets `nft list` print an address as an address.
 * Source: nftables include/datatype.h, include/proto.h, src/expression.c (1.0.6)
 */
import { udata, udataU32 } from './userdata.ts'

export interface DataType {
  /** What nft calls it. */
  readonly name: string
  /** TYPE_* of nft. */
  readonly id: number
  /** Bytes of one value; in a concatenation each field is padded to 4. */
  readonly length: number
  readonly order: 'host' | 'network'
  /** The expression that nft would print after `typeof`, in its user-data form. */
  readonly typeOf: Buffer
  /** Whether nft can print it by `typeof` only (a plain integer has no type name of fixed size). */
  readonly needsTypeOf?: boolean
}

const EXPR_PAYLOAD = 7
const EXPR_META = 9
const EXPR_CONCAT = 13
const EXPR_NUMGEN = 23
const PROTO_TH = 11
const PROTO_IP = 12
const PROTO_IP6 = 13
const IP_DADDR = 12
const IP6_DADDR = 9
const TH_DPORT = 2
const META_MARK = 3
const META_IIFNAME = 6
const META_L4PROTO = 16
const TYPE_BITS = 6

export const ipv4Address: DataType = {
  name: 'ipv4_addr',
  id: 7,
  length: 4,
  order: 'network',
  typeOf: typeOfPayload(PROTO_IP, IP_DADDR),
}

export const ipv6Address: DataType = {
  name: 'ipv6_addr',
  id: 8,
  length: 16,
  order: 'network',
  typeOf: typeOfPayload(PROTO_IP6, IP6_DADDR),
}

/** Protocol number in the IP header. */
export const inetProto: DataType = {
  name: 'inet_proto',
  id: 12,
  length: 1,
  order: 'network',
  typeOf: typeOfMeta(META_L4PROTO),
}

/** Port. */
export const inetService: DataType = {
  name: 'inet_service',
  id: 13,
  length: 2,
  order: 'network',
  typeOf: typeOfPayload(PROTO_TH, TH_DPORT),
}

/** 32 bits, printed in hexadecimal. */
export const mark: DataType = { name: 'mark', id: 19, length: 4, order: 'host', typeOf: typeOfMeta(META_MARK) }

/** Interface name, padded with NUL. */
export const ifname: DataType = { name: 'ifname', id: 41, length: 16, order: 'host', typeOf: typeOfMeta(META_IIFNAME) }

/** 32 bits in the machine's order, printed in decimal; the type of what `numgen` and `jhash` yield. */
export const number: DataType = {
  name: 'integer',
  id: 4,
  length: 4,
  order: 'host',
  typeOf: typeOf(EXPR_NUMGEN, udataU32(0, 0), udataU32(1, 0x10000), udataU32(2, 0)),
  needsTypeOf: true,
}

function typeOf(expression: number, ...fields: Buffer[]): Buffer {
  return Buffer.concat([udataU32(0, expression), udata(1, Buffer.concat(fields))])
}

function typeOfPayload(protocol: number, field: number): Buffer {
  return typeOf(EXPR_PAYLOAD, udataU32(0, protocol), udataU32(1, field))
}

function typeOfMeta(key: number): Buffer {
  return typeOf(EXPR_META, udataU32(0, key))
}

/** The "typeof" of one field or of a concatenation. */
export function typeOfFields(fields: readonly DataType[]): Buffer {
  const [first] = fields
  if (first !== undefined && fields.length === 1) return first.typeOf
  return typeOf(EXPR_CONCAT, ...fields.map((field, index) => udata(index, field.typeOf)))
}

/** The number nft gives a type or a concatenation of types. */
export function typeIdOf(fields: readonly DataType[]): number {
  return fields.reduce((id, field) => ((id << TYPE_BITS) | field.id) >>> 0, 0)
}

/** Bytes of a key or value: each field of a concatenation is padded to 4. */
export function lengthOf(fields: readonly DataType[]): number {
  const [first] = fields
  if (first !== undefined && fields.length === 1) return first.length
  return fields.reduce((length, field) => length + ((field.length + 3) & ~3), 0)
}

/** nft's byte-order mark of a key or value: 0 mixed (concatenations), 1 host, 2 network. */
export function byteOrderOf(fields: readonly DataType[]): number {
  const [first] = fields
  if (first === undefined || fields.length !== 1) return 0
  return first.order === 'host' ? 1 : 2
}
