import { type Cidr, cidrContains, parseCidr, requireAddress } from '../../base/ip.ts'
import { type Answer, makeAnswer } from '../wire/answer.ts'
import { RCODE, TYPE } from '../wire/codes.ts'
import { canonicalName } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import type { DnsRecord } from '../wire/record.ts'
import { messageOf } from './answer-message.ts'
import type { Resolver } from './responder.ts'
import type { Weights } from './weights.ts'

export interface BalancingOptions {
  /** CIDRs whose addresses come first. */
  readonly prefer: readonly string[]
  readonly weights?: Pick<Weights, 'of'>
  /** 0 <= x < 1 */
  readonly random: () => number
}

/**
 * The directive `loadbalance`, for answers that do not take turns as bytes: aliases first, then addresses (in random
 * order, or the one first that the weights choose), then the rest.
 */
export function balancing({ prefer, weights, random }: BalancingOptions, next: Resolver): Resolver {
  const cidrs = prefer.flatMap((text) => parseCidr(text) ?? [])
  const order = (records: readonly DnsRecord[]) => {
    const turned = weights === undefined ? shuffled(records, random) : weighted(records, weights, random)
    return cidrs.length === 0 ? turned : preferredFirst(turned, cidrs)
  }
  // What turns as bytes is in good order already, where nobody has another wish.
  const isPlain = cidrs.length === 0 && weights === undefined
  const balance = (question: Question, answer: Answer) =>
    isPlain && answer.turning > 0 ? answer : balanced(question, answer, order)
  return (question, asker) => {
    if (!isBalanced(question.type, weights !== undefined)) return next(question, asker)
    const answer = next(question, asker)
    if (!(answer instanceof Promise)) return balance(question, answer)
    const kept = question.copy()
    return answer.then((late) => balance(kept, late))
  }
}

/** By weights also the addresses of what SRV records lead to. */
function isBalanced(type: number, isWeighted: boolean): boolean {
  return type === TYPE.A || type === TYPE.AAAA || type === (isWeighted ? TYPE.SRV : TYPE.MX)
}

type Order = (records: readonly DnsRecord[]) => readonly DnsRecord[]

function balanced(question: Question, answer: Answer, order: Order): Answer {
  if (answer.rcode !== RCODE.NOERROR || answer.answers + answer.additionals < 2) return answer
  const message = messageOf(question, answer)
  if (message === undefined) return answer
  const { answers, authorities, additionals } = message
  return makeAnswer(question.name.subarray(0, question.nameLength), {
    rcode: answer.rcode,
    flags: answer.flags,
    answers: inOrder(answers, order),
    authorities,
    additionals: inOrder(additionals, order),
  })
}

/** Some resolvers look for an alias before what it leads to, so it stays there. */
function inOrder(records: readonly DnsRecord[], order: Order): readonly DnsRecord[] {
  const addresses = records.filter(({ data }) => 'address' in data)
  const exchangers = records.filter(({ data }) => data.kind === 'MX')
  if (addresses.length + exchangers.length < 2) return records
  const others = records.filter(({ data }) => !('address' in data) && data.kind !== 'MX')
  return [...others, ...order(addresses), ...order(exchangers)]
}

function shuffled(records: readonly DnsRecord[], random: () => number): readonly DnsRecord[] {
  const out = [...records]
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [one, other] = [out[i] as DnsRecord, out[j] as DnsRecord]
    out[i] = other
    out[j] = one
  }
  return out
}

/** The chosen one changes places with the first. */
function weighted(
  records: readonly DnsRecord[],
  weights: Pick<Weights, 'of'>,
  random: () => number,
): readonly DnsRecord[] {
  const each = records.map(({ name, data }) => ('address' in data ? weights.of(canonicalName(name), data.address) : 1))
  let left = random() * each.reduce((sum, weight) => sum + weight, 0)
  const at = each.findIndex((weight) => {
    left -= weight
    return left < 0
  })
  const [first, chosen] = [records[0], records[at]]
  if (first === undefined || chosen === undefined || at === 0) return records
  return records.with(0, chosen).with(at, first)
}

function preferredFirst(records: readonly DnsRecord[], cidrs: readonly Cidr[]): readonly DnsRecord[] {
  const isPreferred = ({ data }: DnsRecord) =>
    'address' in data && cidrs.some((cidr) => cidrContains(cidr, requireAddress(data.address)))
  return [...records.filter(isPreferred), ...records.filter((record) => !isPreferred(record))]
}
