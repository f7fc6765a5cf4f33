/** What rules that read addresses must know of the two IP headers, and the pieces of rules that read them. */
import { ipv4Address, ipv6Address } from './data-type.ts'
import type { Expression, Register } from './expression.ts'

/**
 * Where the addresses lie in the header, in bytes; how many registers one takes; the ICMP code of "port unreachable"; the
 * key of conntrack's destination.
 */
export const IP_HEADERS = {
  ip: { type: ipv4Address, saddr: 12, daddr: 16, words: 1, portUnreachable: 3, daddrKey: 'daddr-ip' },
  ip6: { type: ipv6Address, saddr: 8, daddr: 24, words: 4, portUnreachable: 4, daddrKey: 'daddr-ip6' },
} as const
export type IpFamily = keyof typeof IP_HEADERS

/** `saddr`: who sent the packet. */
export function sourceAddress(family: IpFamily, dest: Register): Expression {
  const { saddr, type } = IP_HEADERS[family]
  return { kind: 'payload', base: 'network', offset: saddr, length: type.length, dest }
}

/** `daddr`: to whom. */
export function destinationAddress(family: IpFamily, dest: Register): Expression {
  const { daddr, type } = IP_HEADERS[family]
  return { kind: 'payload', base: 'network', offset: daddr, length: type.length, dest }
}

/** `l4proto . dport` */
export function destinationPort(dest: Register): Expression[] {
  return [
    { kind: 'meta', key: 'l4proto', dest },
    { kind: 'payload', base: 'transport', offset: 2, length: 2, dest: dest + 1 },
  ]
}

/** `daddr . l4proto . dport` from register 0 on: what a Service or a listener is found by. */
export function destinationKey(family: IpFamily): Expression[] {
  return [destinationAddress(family, 0), ...destinationPort(IP_HEADERS[family].words)]
}

const TCP = 6

/** Rules that tell the sender at once that nobody listens: a reset for TCP, "port unreachable" for all others. */
export function refusal(family: IpFamily): readonly (readonly Expression[])[] {
  return [
    [
      { kind: 'meta', key: 'l4proto', dest: 0 },
      { kind: 'cmp', op: 'eq', source: 0, data: Buffer.of(TCP) },
      { kind: 'reject', type: 'tcp-reset', code: 0 },
    ],
    [{ kind: 'reject', type: 'icmp', code: IP_HEADERS[family].portUnreachable }],
  ]
}
