/** Connection tracking as kube-proxy's `conntrack` section asks for it, in the kernel's own names. */
import { availableParallelism } from 'node:os'
import type { FieldReader } from './field-reader.ts'

const TIMEOUTS = {
  tcpEstablishedTimeout: 'net/netfilter/nf_conntrack_tcp_timeout_established',
  tcpCloseWaitTimeout: 'net/netfilter/nf_conntrack_tcp_timeout_close_wait',
  udpTimeout: 'net/netfilter/nf_conntrack_udp_timeout',
  udpStreamTimeout: 'net/netfilter/nf_conntrack_udp_timeout_stream',
} as const

/**
 * The settings that were asked for, in seconds and entries. What is not mentioned stays as the machine has it: unlike
 * kube-proxy, no defaults are imposed.
 *
 * @param cores @default those of this machine
 */
export function conntrackOf(fields: FieldReader, cores = availableParallelism()): Record<string, number> {
  const settings: Record<string, number> = {}
  const [perCore, minimum] = [fields.number('maxPerCore'), fields.number('min')]
  for (const [name, value] of Object.entries({ maxPerCore: perCore, min: minimum })) {
    if (value !== undefined && value < 0) fields.error(name, value, 'must be greater than or equal to 0')
  }
  // Upstream: without a number per core the limit is left as it is, whatever the minimum.
  if (perCore !== undefined && perCore > 0) {
    settings['net/netfilter/nf_conntrack_max'] = Math.max(perCore * cores, minimum ?? 0)
  }
  for (const [name, setting] of Object.entries(TIMEOUTS)) {
    const seconds = Math.round(fields.duration(name) / 1000)
    if (seconds > 0) settings[setting] = seconds
  }
  if (fields.flag('tcpBeLiberal')) settings['net/netfilter/nf_conntrack_tcp_be_liberal'] = 1
  return settings
}
