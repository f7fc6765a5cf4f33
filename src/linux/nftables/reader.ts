/** Tables, chains and rules as dumped. */
import { readAttributes, readString } from '../netlink/message.ts'
import * as nft from './constants.ts'
import { readExpressions } from './expression-decoder.ts'
import type { NftFamily } from './family.ts'
import { type Chain, type ChainHook, HOOKS, type Listed, type Rule, type Table } from './program.ts'
import { readUdataComment } from './userdata.ts'

type Attributes = Map<number, Buffer>

function text(a: Attributes, type: number): string {
  const value = a.get(type)
  return value === undefined ? '' : readString(value)
}

function handleOf(a: Attributes, type: number): bigint {
  return a.get(type)?.readBigUInt64BE(0) ?? 0n
}

function commentOf(a: Attributes, attribute: number, type: number): { comment?: string } {
  const comment = readUdataComment(a.get(attribute), type)
  return comment === undefined ? {} : { comment }
}

/** Decodes NFT_MSG_NEWTABLE. */
export function readTable(family: NftFamily, bytes: Buffer): Listed<Table> {
  const a = readAttributes(bytes)
  return {
    family,
    table: text(a, nft.NFTA_TABLE_NAME),
    handle: handleOf(a, nft.NFTA_TABLE_HANDLE),
    ...commentOf(a, nft.NFTA_TABLE_USERDATA, nft.NFTNL_UDATA_TABLE_COMMENT),
  }
}

/** Decodes NFT_MSG_NEWCHAIN. */
export function readChain(family: NftFamily, bytes: Buffer): Listed<Chain> {
  const a = readAttributes(bytes)
  const base = readHook(a)
  return {
    family,
    table: text(a, nft.NFTA_CHAIN_TABLE),
    name: text(a, nft.NFTA_CHAIN_NAME),
    handle: handleOf(a, nft.NFTA_CHAIN_HANDLE),
    ...(base === undefined ? {} : { base }),
    ...commentOf(a, nft.NFTA_CHAIN_USERDATA, nft.NFTNL_UDATA_CHAIN_COMMENT),
  }
}

function readHook(a: Attributes): ChainHook | undefined {
  const nested = a.get(nft.NFTA_CHAIN_HOOK)
  if (nested === undefined) return undefined
  const hook = readAttributes(nested)
  const number = hook.get(nft.NFTA_HOOK_HOOKNUM)?.readUInt32BE(0)
  const type = text(a, nft.NFTA_CHAIN_TYPE)
  const name = (Object.keys(HOOKS) as (keyof typeof HOOKS)[]).find((key) => HOOKS[key] === number)
  if (name === undefined || (type !== 'filter' && type !== 'nat' && type !== 'route')) return undefined
  return {
    type,
    hook: name,
    priority: hook.get(nft.NFTA_HOOK_PRIORITY)?.readInt32BE(0) ?? 0,
    policy: a.get(nft.NFTA_CHAIN_POLICY)?.readUInt32BE(0) === 0 ? 'drop' : 'accept',
  }
}

/** Decodes NFT_MSG_NEWRULE. */
export function readRule(family: NftFamily, bytes: Buffer): Listed<Rule> {
  const a = readAttributes(bytes)
  return {
    family,
    table: text(a, nft.NFTA_RULE_TABLE),
    chain: text(a, nft.NFTA_RULE_CHAIN),
    handle: handleOf(a, nft.NFTA_RULE_HANDLE),
    expressions: readExpressions(a.get(nft.NFTA_RULE_EXPRESSIONS) ?? Buffer.alloc(0)),
    ...commentOf(a, nft.NFTA_RULE_USERDATA, nft.NFTNL_UDATA_RULE_COMMENT),
  }
}
