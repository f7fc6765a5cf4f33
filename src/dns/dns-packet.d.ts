/** The part of dns-packet that tests use as a second opinion; the package has no types of its own. */
declare module 'dns-packet' {
  export interface Packet {
    readonly id?: number
    readonly type?: 'query' | 'response'
    readonly flags?: number
    readonly rcode?: string
    readonly questions?: readonly { readonly name: string; readonly type: string }[]
    readonly answers?: readonly {
      readonly name: string
      readonly type: string
      readonly ttl?: number
      readonly data?: unknown
    }[]
    readonly authorities?: readonly { readonly name: string; readonly type: string }[]
    readonly additionals?: readonly { readonly name: string; readonly type: string }[]
  }
  export function decode(bytes: Buffer): Packet
  export function encode(packet: Packet): Buffer
}
