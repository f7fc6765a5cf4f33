import { canonicalAddress, parseAddress } from '../base/ip.ts'

/** `canonicalAddress`, faster for IPv4: what can be read strictly has one spelling only. */
export function canonical(text: string): string | undefined {
  if (text.includes(':')) return canonicalAddress(text)
  return parseAddress(text) === undefined ? undefined : text
}
