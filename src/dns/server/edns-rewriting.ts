import { requireAddress } from '../../base/ip.ts'
import type { EdnsRule, OptionValue, OptionVariable } from '../corefile/edns-config.ts'
import type { EdnsOption } from '../wire/edns-option.ts'
import type { Asker } from './asker.ts'

/** What the variables of `rewrite edns0` stand for. */
export interface AskedThing {
  /** Canonical. */
  readonly name: string
  readonly type: number
  readonly asker: Asker
  /** Where it was asked: the one address that `bind` names. */
  readonly server: { readonly address: string | undefined; readonly port: number }
}

/** The options after a rule; undefined where it has nothing to do. Source: CoreDNS plugin/rewrite/edns0.go */
export function optionsAfter(
  { action, code, value }: EdnsRule,
  options: readonly EdnsOption[],
  asked: AskedThing,
): readonly EdnsOption[] | undefined {
  if (action === 'unset' || value === undefined) return options.filter((option) => option.code !== code)
  const data = dataOf(value, asked)
  if (data === undefined) return undefined
  const at = options.findIndex((option) => option.code === code)
  if (at >= 0 && action !== 'append') return options.with(at, { code, data })
  // A second one of what stands for the asker would contradict the first.
  const mayAdd = action === 'set' || (action === 'append' && (at < 0 || value.kind === 'bytes'))
  return mayAdd ? [...options, { code, data }] : undefined
}

function dataOf(value: OptionValue, asked: AskedThing): Uint8Array | undefined {
  switch (value.kind) {
    case 'bytes':
      return value.bytes
    case 'variable':
      return variableData(value.variable, asked)
    case 'subnet':
      return subnetData(asked.asker, value)
  }
}

function variableData(variable: OptionVariable, { name, type, asker, server }: AskedThing): Uint8Array | undefined {
  switch (variable) {
    case 'qname':
      return Buffer.from(`${name}.`, 'latin1')
    case 'qtype':
      return twoBytes(type)
    case 'client_ip':
      return requireAddress(asker.address)
    case 'client_port':
      return twoBytes(asker.port)
    case 'protocol':
      return Buffer.from(asker.protocol)
    case 'server_ip':
      return server.address === undefined ? undefined : requireAddress(server.address)
    case 'server_port':
      return twoBytes(server.port)
  }
}

/** RFC 7871 §6: family, how many bits are given, how many the answer is for, and those bits. */
function subnetData({ address }: Asker, { bits4, bits6 }: { readonly bits4: number; readonly bits6: number }) {
  const bytes = requireAddress(address)
  const isV4 = bytes.length === 4
  const bits = isV4 ? bits4 : bits6
  const given = Uint8Array.from(bytes.subarray(0, Math.ceil(bits / 8)))
  const last = given.length - 1
  if (bits % 8 !== 0) given[last] = (given[last] ?? 0) & (0xff << (8 - (bits % 8)))
  return Buffer.concat([twoBytes(isV4 ? 1 : 2), Buffer.of(bits, 0), given])
}

function twoBytes(number: number): Buffer {
  return Buffer.of(number >> 8, number & 0xff)
}
