import { isIP, isIPv4, isIPv6 } from 'node:net'
import { parseCidr } from '../../base/ip.ts'

const CHECKS: Readonly<Record<string, (value: string) => boolean>> = {
  'date-time': (value) => /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d/.test(value) && !Number.isNaN(Date.parse(value)),
  date: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)),
  duration: (value) => /^([-+]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+|0)$/.test(value),
  byte: (value) => /^[A-Za-z0-9+/]*={0,2}$/.test(value) && value.length % 4 === 0,
  ipv4: (value) => isIPv4(value),
  ipv6: (value) => isIPv6(value),
  ip: (value) => isIP(value) !== 0,
  cidr: (value) => parseCidr(value) !== undefined,
  uuid: (value) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(value),
  email: (value) => /^[^@\s]+@[^@\s]+$/.test(value),
  uri: (value) => URL.canParse(value),
  hostname: (value) =>
    value.length <= 255 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\.?$/i.test(value),
  mac: (value) => /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(value),
}

/** Whether a text has a format; of formats that nobody here knows, every text does, as upstream has it. */
export function isOfFormat(format: string, value: string): boolean {
  return (Object.hasOwn(CHECKS, format) ? CHECKS[format]?.(value) : undefined) ?? true
}
