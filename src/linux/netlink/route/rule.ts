/**
 * Policy routing rules on the wire: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE.
 * Source: include/uapi/linux/fib_rules.h
 */
import { formatAddress, formatCidr, requireCidr } from '../../../base/ip.ts'
import { AF_INET, AF_INET6 } from '../../libc.ts'
import { type MessageWriter, readAttributes, readString } from '../message.ts'

export const RTM_NEWRULE = 32
export const RTM_DELRULE = 33
export const RTM_GETRULE = 34

const FRA_DST = 1
const FRA_SRC = 2
const FRA_IIFNAME = 3
const FRA_PRIORITY = 6
const FRA_FWMARK = 10
const FRA_TABLE = 15
const FRA_FWMASK = 16
const FR_ACT_TO_TBL = 1
const HEADER_BYTES = 12

/** Packets that match everything said are routed by `table`; rules are asked by growing `priority`. */
export interface RuleSpec {
  readonly family: 4 | 6
  readonly priority: number
  readonly table: number
  /** Prefix of the source. */
  readonly from?: string
  /** Prefix of the destination. */
  readonly to?: string
  readonly fwmark?: { readonly mark: number; readonly mask: number }
  /** Name of the link that packets came in by. */
  readonly iif?: string
}

/** Writes the payload that adds or deletes a rule. */
export function writeRule(writer: MessageWriter, rule: RuleSpec): void {
  const from = rule.from === undefined ? undefined : requireCidr(rule.from)
  const to = rule.to === undefined ? undefined : requireCidr(rule.to)
  const header = ruleHeader(rule.family)
  header[1] = to?.prefixLength ?? 0
  header[2] = from?.prefixLength ?? 0
  header[4] = rule.table < 256 ? rule.table : 0
  header[7] = FR_ACT_TO_TBL
  writer.raw(header)
  writer.u32(FRA_PRIORITY, rule.priority)
  writer.u32(FRA_TABLE, rule.table)
  if (to !== undefined) writer.attribute(FRA_DST, to.network)
  if (from !== undefined) writer.attribute(FRA_SRC, from.network)
  if (rule.iif !== undefined) writer.string(FRA_IIFNAME, rule.iif)
  if (rule.fwmark === undefined) return
  writer.u32(FRA_FWMARK, rule.fwmark.mark)
  writer.u32(FRA_FWMASK, rule.fwmark.mask)
}

/** Writes the payload of the dump request. */
export function writeRuleSelector(writer: MessageWriter, family: 4 | 6): void {
  writer.raw(ruleHeader(family))
}

/** Decodes the payload of RTM_NEWRULE; undefined for a rule that does not lead to a table. */
export function decodeRule(payload: Buffer): RuleSpec | undefined {
  if (payload[7] !== FR_ACT_TO_TBL) return undefined
  const attributes = readAttributes(payload.subarray(HEADER_BYTES))
  const prefix = (type: number, length: number | undefined) => {
    const bytes = attributes.get(type)
    return bytes === undefined ? undefined : formatCidr(requireCidr(`${formatAddress(bytes)}/${length}`))
  }
  const from = prefix(FRA_SRC, payload[2])
  const to = prefix(FRA_DST, payload[1])
  const iif = attributes.get(FRA_IIFNAME)
  const mark = attributes.get(FRA_FWMARK)?.readUInt32LE(0)
  const mask = attributes.get(FRA_FWMASK)?.readUInt32LE(0)
  return {
    family: payload[0] === AF_INET ? 4 : 6,
    priority: attributes.get(FRA_PRIORITY)?.readUInt32LE(0) ?? 0,
    table: attributes.get(FRA_TABLE)?.readUInt32LE(0) ?? payload[4] ?? 0,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(iif === undefined ? {} : { iif: readString(iif) }),
    ...(mark === undefined || mask === undefined ? {} : { fwmark: { mark, mask } }),
  }
}

function ruleHeader(family: 4 | 6): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header[0] = family === 4 ? AF_INET : AF_INET6
  return header
}
