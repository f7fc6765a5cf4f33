import { OPTION } from '../wire/codes.ts'
import { corefileError, type Directive } from './parse-corefile.ts'

/** What `rewrite edns0` puts into an option: bytes, something of the question, or the asker's network (RFC 7871). */
export type OptionValue =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'variable'; readonly variable: OptionVariable }
  | { readonly kind: 'subnet'; readonly bits4: number; readonly bits6: number }

/** A line `rewrite edns0`. Source: CoreDNS plugin/rewrite/README.md, EDNS0 Options */
export interface EdnsRule {
  readonly action: 'append' | 'replace' | 'set' | 'unset'
  readonly code: number
  /** Undefined for `unset`. */
  readonly value: OptionValue | undefined
}

const VARIABLES = ['qname', 'qtype', 'client_ip', 'client_port', 'protocol', 'server_ip', 'server_port'] as const
export type OptionVariable = (typeof VARIABLES)[number]

const ACTIONS = ['append', 'replace', 'set', 'unset'] as const

/**
 * Reads `local|nsid|subnet append|replace|set|unset ... [revert]`. With `revert` the asker would see the option of an
 * answer as it asked it; no option of an upstream's answer is passed on, so there is nothing to be put back.
 */
export function ednsRule(directive: Directive, words: readonly string[]): EdnsRule {
  if (words.length < 2) throw corefileError(directive, 'too few arguments for an EDNS0 rule')
  const [kind = '', given = ''] = words.map((word) => word.toLowerCase())
  const action = ACTIONS.find((known) => known === given)
  if (action === undefined) {
    throw corefileError(directive, `invalid action: "${given}"; known are ${ACTIONS.join(', ')}`)
  }
  const rest = words.slice(2)
  const isReverted = action !== 'unset' && rest.at(-1) === 'revert'
  const values = isReverted ? rest.slice(0, -1) : rest
  const wanted = (count: number, what: string) => {
    if (values.length !== count) throw corefileError(directive, `EDNS0 ${kind} ${action} takes ${what}`)
  }
  switch (kind) {
    case 'local': {
      wanted(action === 'unset' ? 1 : 2, action === 'unset' ? 'a code' : 'a code and data')
      const [code, data = ''] = values
      return { action, code: numberOf(directive, code, 0xffff), value: optionValue(directive, action, data) }
    }
    case 'nsid':
      wanted(0, 'nothing more')
      return { action, code: OPTION.NSID, value: optionValue(directive, action, '') }
    case 'subnet': {
      wanted(action === 'unset' ? 0 : 2, action === 'unset' ? 'nothing more' : 'bits of IPv4 and of IPv6 addresses')
      if (action === 'unset') return { action, code: OPTION.SUBNET, value: undefined }
      const [bits4, bits6] = [numberOf(directive, values[0], 32), numberOf(directive, values[1], 128)]
      return { action, code: OPTION.SUBNET, value: { kind: 'subnet', bits4, bits6 } }
    }
    default:
      throw corefileError(directive, `invalid rule type "${kind}"; known are local, nsid, subnet`)
  }
}

function optionValue(directive: Directive, action: EdnsRule['action'], data: string): OptionValue | undefined {
  if (action === 'unset') return undefined
  const name = /^\{(.*)\}$/.exec(data)?.[1]
  if (name !== undefined) {
    const variable = VARIABLES.find((known) => known === name)
    if (variable !== undefined) return { kind: 'variable', variable }
    const known = VARIABLES.map((one) => `{${one}}`).join(', ')
    throw corefileError(directive, `unsupported variable name "${data}"; known are ${known}`)
  }
  if (!data.startsWith('0x')) return { kind: 'bytes', bytes: new TextEncoder().encode(data) }
  if (!/^0x([0-9a-fA-F]{2})*$/.test(data)) throw corefileError(directive, `'${data}' is not bytes such as 0xc0ffee`)
  return { kind: 'bytes', bytes: Uint8Array.from(Buffer.from(data.slice(2), 'hex')) }
}

/** `65001`, `0xffee`. */
function numberOf(directive: Directive, text: string | undefined, most: number): number {
  const number = text !== undefined && /^(\d+|0x[0-9a-fA-F]+)$/.test(text) ? Number(text) : Number.NaN
  if (!(number <= most)) throw corefileError(directive, `'${text ?? ''}' is not a number from 0 to ${most}`)
  return number
}
