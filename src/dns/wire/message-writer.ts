import { requireAddress } from '../../base/ip.ts'
import { CLASS_IN, HEADER_LENGTH } from './codes.ts'
import { encodeName } from './name.ts'
import { type DnsRecord, type RecordData, recordType } from './record.ts'

/** Pointers have 14 bits. */
const MAX_POINTER = 0x3fff

/**
 * Writes records as they stand in a message after its question, names compressed (RFC 1035 §4.1.4). Offsets are those of
 * the whole message, so that names in the question are pointed to: the asker reads them in the case it asked in.
 */
export class MessageWriter {
  #bytes = Buffer.allocUnsafe(512)
  #length = 0
  readonly #base: number
  readonly #names = new Map<string, number>()

  /** @param question Wire form of the question's name. */
  constructor(question: Uint8Array) {
    this.#base = HEADER_LENGTH + question.length + 4
    this.#remember(Buffer.from(question), HEADER_LENGTH)
  }

  /** Length of the whole message up to here. */
  get end(): number {
    return this.#base + this.#length
  }

  record({ name, ttl, data, class: recordClass = CLASS_IN }: DnsRecord): void {
    this.#name(name, true)
    this.#uint16(recordType(data))
    this.#uint16(recordClass)
    this.#uint16(ttl >>> 16)
    this.#uint16(ttl & 0xffff)
    const at = this.#length
    this.#uint16(0)
    this.#data(data)
    this.#bytes.writeUInt16BE(this.#length - at - 2, at)
  }

  /** What was written. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length))
  }

  #data(data: RecordData): void {
    switch (data.kind) {
      case 'A':
      case 'AAAA':
        this.#append(requireAddress(data.address))
        break
      case 'CNAME':
      case 'NS':
      case 'PTR':
        this.#name(data.target, true)
        break
      case 'DNAME':
        this.#name(data.target, false)
        break
      case 'MX':
        this.#uint16(data.preference)
        this.#name(data.target, true)
        break
      case 'SRV':
        for (const value of [data.priority, data.weight, data.port]) this.#uint16(value)
        // RFC 2782: the target is never compressed.
        this.#name(data.target, false)
        break
      case 'TXT':
        for (const text of data.strings) this.#string(text)
        break
      case 'HINFO':
        for (const text of [data.cpu, data.os]) this.#string(text)
        break
      case 'SOA':
        this.#name(data.primary, true)
        this.#name(data.mailbox, true)
        for (const value of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) {
          this.#uint16(value >>> 16)
          this.#uint16(value & 0xffff)
        }
        break
      default:
        this.#append(data.bytes)
        break
    }
  }

  #name(text: string, compress: boolean): void {
    const name = encodeName(text)
    let at = 0
    if (compress) {
      for (; name[at] !== 0; at += (name[at] ?? 0) + 1) {
        const known = this.#names.get(key(name, at))
        if (known === undefined) continue
        const start = this.end
        this.#append(name.subarray(0, at))
        this.#uint16(0xc000 | known)
        this.#remember(name, start, at)
        return
      }
    }
    const start = this.end
    this.#append(name)
    this.#remember(name, start)
  }

  /** Suffixes of a name that begins at `start`, up to its byte `end`. */
  #remember(name: Buffer, start: number, end = name.length - 1): void {
    for (let at = 0; at < end; at += (name[at] ?? 0) + 1) {
      if (start + at > MAX_POINTER) return
      const suffix = key(name, at)
      if (!this.#names.has(suffix)) this.#names.set(suffix, start + at)
    }
  }

  #string(text: string): void {
    const bytes = Buffer.from(text, 'latin1').subarray(0, 255)
    this.#append(Buffer.of(bytes.length))
    this.#append(bytes)
  }

  #uint16(value: number): void {
    this.#reserve(2)
    this.#length = this.#bytes.writeUInt16BE(value, this.#length)
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}

function key(name: Buffer, at: number): string {
  return name.toString('latin1', at).toLowerCase()
}
