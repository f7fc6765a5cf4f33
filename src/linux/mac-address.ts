import { FairleadError } from '../base/error.ts'

/**
 * The six bytes of an Ethernet address such as `0a:58:0a:f4:01:01`.
 *
 * @throws FairleadError `INVALID_INPUT`
 */
export function parseMac(text: string): Buffer {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new FairleadError(
      'INVALID_INPUT',
      `"${text}" is not an Ethernet address; wanted is one such as 0a:58:0a:f4:01:01`,
    )
  }
  return Buffer.from(text.replaceAll(':', ''), 'hex')
}

/** The inverse of {@link parseMac}, in lower case. */
export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')
}
