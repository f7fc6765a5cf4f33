/** Numbers of the protocol. Source: IANA, Domain Name System (DNS) Parameters. */

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DNAME: 39,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const

const EXTRA_RCODES: Readonly<Record<string, number>> = {
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADKEY: 17,
  BADTIME: 18,
  BADMODE: 19,
  BADNAME: 20,
  BADALG: 21,
  BADTRUNC: 22,
  BADCOOKIE: 23,
}

export const CLASS_IN = 1
/** By name (RFC 1035 §3.2.4). */
export const CLASS_CODES: Readonly<Record<string, number>> = { IN: 1, CS: 2, CH: 3, HS: 4 }
export const CLASS_ANY = 255
export const OPCODE_QUERY = 0
export const OPCODE_NOTIFY = 4

/** Bits of the second 16 bits of the header. */
export const FLAG = { QR: 0x8000, AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080, AD: 0x0020, CD: 0x0010 } as const

/** Options of EDNS0. */
export const OPTION = { NSID: 3, SUBNET: 8 } as const

export const HEADER_LENGTH = 12
/** Longest answer by UDP to whoever says nothing of a size (RFC 1035 §4.2.1). */
export const PLAIN_UDP_SIZE = 512
/** Longest answer by UDP at all: what passes everywhere in one piece (DNS flag day 2020). */
export const UDP_SIZE = 1232
export const TCP_SIZE = 65_535

const EXTRA_TYPES: Readonly<Record<string, number>> = {
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  SVCB: 64,
  HTTPS: 65,
}
const TYPE_NAMES = namesByCode({ ...TYPE, ...EXTRA_TYPES })
const RCODE_NAMES = namesByCode({ ...RCODE, ...EXTRA_RCODES })

/** `AAAA`; `TYPE64999` for a number without a name (RFC 3597). */
export function typeName(code: number): string {
  return TYPE_NAMES.get(code) ?? `TYPE${code}`
}

/** The inverse of {@link typeName}; undefined for text that is no type. */
export function typeCode(name: string): number | undefined {
  const upper = name.toUpperCase()
  const known = (TYPE as Readonly<Record<string, number>>)[upper] ?? EXTRA_TYPES[upper]
  if (known !== undefined) return known
  const generic = /^TYPE(\d{1,5})$/.exec(upper)?.[1]
  return generic === undefined || Number(generic) > 65_535 ? undefined : Number(generic)
}

/** `NXDOMAIN`; `RCODE12` for a number without a name. */
export function rcodeName(code: number): string {
  return RCODE_NAMES.get(code) ?? `RCODE${code}`
}

/** The inverse of {@link rcodeName}, or a number itself; undefined for text that is no code. */
export function rcodeNumber(text: string): number | undefined {
  if (/^\d{1,2}$/.test(text)) return Number(text) <= 23 ? Number(text) : undefined
  const upper = text.toUpperCase()
  return (RCODE as Readonly<Record<string, number>>)[upper] ?? EXTRA_RCODES[upper]
}

function namesByCode(codes: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  return new Map(Object.entries(codes).map(([name, code]) => [code, name]))
}
