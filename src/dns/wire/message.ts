/** Whole messages, for those that are not answered from ready bytes: what upstreams send, what tests compare. */
import { formatAddress } from '../../base/ip.ts'
import { CLASS_IN, HEADER_LENGTH, TYPE } from './codes.ts'
import { type EdnsOption, readOptions, writeOptions } from './edns-option.ts'
import { MessageWriter } from './message-writer.ts'
import { encodeName, readName } from './name.ts'
import type { DnsRecord, RecordData } from './record.ts'

export interface MessageQuestion {
  readonly name: string
  readonly type: number
  readonly class: number
}

export interface Message {
  readonly id: number
  /** The header's second 16 bits: flags, opcode, rcode. */
  readonly flags: number
  readonly question: MessageQuestion | undefined
  readonly answers: readonly DnsRecord[]
  readonly authorities: readonly DnsRecord[]
  /** Without OPT. */
  readonly additionals: readonly DnsRecord[]
  /** The OPT record, if there is one (RFC 6891). */
  readonly edns:
    | { readonly udpSize: number; readonly ttl: number; readonly options?: readonly EdnsOption[] }
    | undefined
}

/** Reads a message; undefined when it is malformed, has several questions, or bytes are missing or left over. */
export function decodeMessage(bytes: Buffer): Message | undefined {
  if (bytes.length < HEADER_LENGTH) return undefined
  const [questions = 0, ...counts] = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at))
  if (questions > 1) return undefined
  let at = HEADER_LENGTH
  let question: MessageQuestion | undefined
  if (questions === 1) {
    const name = readName(bytes, at)
    if (name === undefined || name.next + 4 > bytes.length) return undefined
    question = { name: name.text, type: bytes.readUInt16BE(name.next), class: bytes.readUInt16BE(name.next + 2) }
    at = name.next + 4
  }
  const sections: DnsRecord[][] = []
  let edns: Message['edns']
  for (const count of counts) {
    const section: DnsRecord[] = []
    for (let i = 0; i < count; i++) {
      const read = readRecord(bytes, at)
      if (read === undefined) return undefined
      at = read.next
      const { data, class: recordClass = 0, ttl } = read.record
      if (data.kind === 'raw' && data.type === TYPE.OPT) {
        const options = readOptions(data.bytes, 0, data.bytes.length)
        edns = { udpSize: recordClass, ttl, ...(options.length === 0 ? {} : { options }) }
      } else section.push(read.record)
    }
    sections.push(section)
  }
  if (at !== bytes.length) return undefined
  const [answers = [], authorities = [], additionals = []] = sections
  return { id: bytes.readUInt16BE(0), flags: bytes.readUInt16BE(2), question, answers, authorities, additionals, edns }
}

export interface MessageContent {
  readonly id: number
  readonly flags: number
  readonly question: MessageQuestion
  readonly answers?: readonly DnsRecord[]
  readonly authorities?: readonly DnsRecord[]
  readonly additionals?: readonly DnsRecord[]
  /** Adds an OPT record. */
  readonly edns?: OptContent
}

/** Writes a message. */
export function encodeMessage(content: MessageContent): Buffer {
  const { id, flags, question, answers = [], authorities = [], additionals = [], edns } = content
  const name = encodeName(question.name)
  const writer = new MessageWriter(name)
  for (const record of [...answers, ...authorities, ...additionals]) writer.record(record)
  const head = Buffer.alloc(HEADER_LENGTH + name.length + 4)
  const counts = [id, flags, 1, answers.length, authorities.length, additionals.length + (edns ? 1 : 0)]
  for (const [i, value] of counts.entries()) head.writeUInt16BE(value, i * 2)
  head.set(name, HEADER_LENGTH)
  head.writeUInt16BE(question.type, HEADER_LENGTH + name.length)
  head.writeUInt16BE(question.class, HEADER_LENGTH + name.length + 2)
  return Buffer.concat([head, writer.finish(), ...(edns === undefined ? [] : [optRecord(edns)])])
}

interface OptContent {
  readonly udpSize: number
  readonly ttl?: number
  readonly options?: readonly EdnsOption[]
}

/** An OPT record (RFC 6891 §6.1.2). */
export function optRecord({ udpSize, ttl = 0, options = [] }: OptContent): Buffer {
  const bytes = Buffer.alloc(11)
  bytes.writeUInt16BE(TYPE.OPT, 1)
  bytes.writeUInt16BE(udpSize, 3)
  bytes.writeUInt32BE(ttl >>> 0, 5)
  if (options.length === 0) return bytes
  const data = writeOptions(options)
  bytes.writeUInt16BE(data.length, 9)
  return Buffer.concat([bytes, data])
}

function readRecord(bytes: Buffer, offset: number): { record: DnsRecord; next: number } | undefined {
  const name = readName(bytes, offset)
  if (name === undefined || name.next + 10 > bytes.length) return undefined
  const at = name.next
  const start = at + 10
  const next = start + bytes.readUInt16BE(at + 8)
  if (next > bytes.length) return undefined
  const recordClass = bytes.readUInt16BE(at + 2)
  const data = readData(bytes, { type: bytes.readUInt16BE(at), start, end: next })
  if (data === undefined) return undefined
  // RFC 2181 §8: a TTL with the highest bit set is 0; for OPT it is no time at all.
  const ttl = bytes.readUInt32BE(at + 4)
  const isTime = bytes.readUInt16BE(at) !== TYPE.OPT
  const record: DnsRecord = { name: name.text, ttl: isTime && ttl > 0x7fffffff ? 0 : ttl, data }
  return { record: recordClass === CLASS_IN ? record : { ...record, class: recordClass }, next }
}

interface DataPlace {
  readonly type: number
  readonly start: number
  readonly end: number
}

function readData(bytes: Buffer, place: DataPlace): RecordData | undefined {
  const { type, start, end } = place
  switch (type) {
    case TYPE.A:
      return end - start === 4 ? { kind: 'A', address: formatAddress(bytes.subarray(start, end)) } : undefined
    case TYPE.AAAA:
      return end - start === 16 ? { kind: 'AAAA', address: formatAddress(bytes.subarray(start, end)) } : undefined
    case TYPE.CNAME:
      return withTarget(bytes, place, 0, (target) => ({ kind: 'CNAME', target }))
    case TYPE.NS:
      return withTarget(bytes, place, 0, (target) => ({ kind: 'NS', target }))
    case TYPE.PTR:
      return withTarget(bytes, place, 0, (target) => ({ kind: 'PTR', target }))
    case TYPE.DNAME:
      return withTarget(bytes, place, 0, (target) => ({ kind: 'DNAME', target }))
    case TYPE.MX:
      return withTarget(bytes, place, 2, (target) => ({ kind: 'MX', preference: bytes.readUInt16BE(start), target }))
    case TYPE.SRV:
      return withTarget(bytes, place, 6, (target) => ({
        kind: 'SRV',
        priority: bytes.readUInt16BE(start),
        weight: bytes.readUInt16BE(start + 2),
        port: bytes.readUInt16BE(start + 4),
        target,
      }))
    case TYPE.TXT: {
      const strings = readStrings(bytes, place)
      return strings === undefined ? undefined : { kind: 'TXT', strings }
    }
    case TYPE.HINFO: {
      const [cpu, os, ...rest] = readStrings(bytes, place) ?? []
      return cpu === undefined || os === undefined || rest.length > 0 ? undefined : { kind: 'HINFO', cpu, os }
    }
    case TYPE.SOA:
      return readSoa(bytes, place)
    default:
      return { kind: 'raw', type, bytes: Buffer.from(bytes.subarray(start, end)) }
  }
}

function withTarget(
  bytes: Buffer,
  { start, end }: DataPlace,
  before: number,
  make: (target: string) => RecordData,
): RecordData | undefined {
  if (start + before >= end) return undefined
  const name = readName(bytes, start + before)
  return name?.next === end ? make(name.text) : undefined
}

function readSoa(bytes: Buffer, { start, end }: DataPlace): RecordData | undefined {
  const primary = readName(bytes, start)
  const mailbox = primary === undefined ? undefined : readName(bytes, primary.next)
  if (primary === undefined || mailbox === undefined || mailbox.next + 20 !== end) return undefined
  const [serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0] = [0, 4, 8, 12, 16].map((offset) =>
    bytes.readUInt32BE(mailbox.next + offset),
  )
  return { kind: 'SOA', primary: primary.text, mailbox: mailbox.text, serial, refresh, retry, expire, minimum }
}

function readStrings(bytes: Buffer, { start, end }: DataPlace): string[] | undefined {
  const strings: string[] = []
  for (let at = start; at < end; ) {
    const length = bytes[at] ?? 0
    if (at + 1 + length > end) return undefined
    strings.push(bytes.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return strings
}
