/**
 * Keys and values of the proxy's sets as byte strings: each character is one byte. Strings of this kind are compared,
 * hashed and kept more cheaply than buffers.
 */
import { parseAddress } from '../base/ip.ts'
import type { Protocol } from '../kube/types/meta.ts'

/** Numbers of the protocols in the IP header. */
export const PROTOCOL_NUMBERS = { TCP: 6, UDP: 17, SCTP: 132 } as const satisfies Record<Protocol, number>

/** A value of `services` maps is `class << 20 | number`. */
const NUMBER_BITS = 20
export const NUMBER_MASK = 0x000f_ffff
export const CLASS_MASK = 0xfff0_0000
export const MAX_NUMBER = NUMBER_MASK
export const MAX_CLASS = 0xfff

/**
 * Endpoints are spread over so many maps, by the last digit of their number. The kernel looks at every rule that uses a
 * map whenever an element is added to it: with all counters on one map, 20,000 elements took 0.8 s instead of 0.05 s.
 */
export const SHARDS = 16

export function shardOf(number: number): number {
  return number % SHARDS
}

export function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** 32 bits in the machine's order, as numgen and marks are. */
export function wordText(value: number): string {
  return String.fromCharCode(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255)
}

export function wordAt(text: string, offset: number): number {
  const byte = (index: number) => text.charCodeAt(offset + index)
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0
}

/** The bytes of an address that was checked before. */
export function addressText(address: string): string {
  return address.includes(':') ? parsedText(address) : ipv4Text(address)
}

/** The bytes of four decimal numbers: several times as fast as parsing to a buffer first. */
function ipv4Text(address: string): string {
  const bytes = [0, 0, 0, 0]
  let part = 0
  for (let i = 0; i < address.length; i += 1) {
    const code = address.charCodeAt(i)
    if (code === 0x2e) part += 1
    else bytes[part] = (bytes[part] ?? 0) * 10 + code - 0x30
  }
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  return String.fromCharCode(a, b, c, d)
}

function parsedText(address: string): string {
  const bytes = parseAddress(address)
  return bytes === undefined ? '' : bytes.toString('latin1')
}

function portText(port: number): string {
  return `${String.fromCharCode((port >>> 8) & 255, port & 255)}\0\0`
}

/** `daddr . l4proto . dport` */
export function frontendKey(address: string, protocol: Protocol, port: number): string {
  return `${addressText(address)}${String.fromCharCode(PROTOCOL_NUMBERS[protocol])}\0\0\0${portText(port)}`
}

/** `addr . port` */
export function backendData(address: string, port: number): string {
  return addressText(address) + portText(port)
}

/** `number . slot` */
export function slotKey(number: number, slot: number): string {
  return wordText(number) + wordText(slot)
}

/** What a `services` map tells of a frontend: the class of its chain and the number of its endpoints. */
export function serviceData(serviceClass: number, number: number): string {
  return wordText(((serviceClass << NUMBER_BITS) | number) >>> 0)
}

export function numberOf(serviceDataText: string): number {
  return wordAt(serviceDataText, 0) & NUMBER_MASK
}

/** Greatest ordinal of an endpoint in a list with session affinity. */
export const MAX_ORDINAL = 0xfff

/**
 * What a client with session affinity is bound to: an endpoint by its ordinal (1 and up), and the number of its list, at
 * the place where a Service's value has it.
 */
export function bindingText(ordinal: number, number: number): string {
  return serviceData(ordinal, number)
}

export function classKey(serviceClass: number): string {
  return wordText((serviceClass << NUMBER_BITS) >>> 0)
}

/** The class in a value of a `services` map or in a key of `chains`. */
export function classOf(text: string): number {
  return wordAt(text, 0) >>> NUMBER_BITS
}
