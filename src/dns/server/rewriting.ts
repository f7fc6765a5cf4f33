import type { RewriteRule } from '../corefile/rewrite-config.ts'
import { type Answer, emptyAnswer, makeAnswer, writeResponse } from '../wire/answer.ts'
import { FLAG, RCODE, TCP_SIZE } from '../wire/codes.ts'
import { decodeMessage, type Message } from '../wire/message.ts'
import { tryEncodeName } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import type { DnsRecord } from '../wire/record.ts'
import type { Asker } from './asker.ts'
import type { Resolver } from './responder.ts'

interface Rewritten {
  readonly name: string
  readonly type: number
  readonly ttl: number | undefined
}

/** The directive `rewrite`: asks for another name or type, and writes the answer back to what was asked. */
export function rewriting(rules: readonly RewriteRule[], next: Resolver): Resolver {
  return (question, asker) => {
    const name = question.text
    const changed = rewritten(rules, name, question.type)
    if (changed === undefined) return next(question, asker)
    const key = tryEncodeName(changed.name)
    if (key === undefined) return emptyAnswer(RCODE.SERVFAIL)
    const original = question.copy()
    const other = original.about(key, changed.type)
    const answer = next(other, asker)
    if (!(answer instanceof Promise)) return writtenBack(original, other, { answer, ttl: changed.ttl })
    return answer.then((late) => writtenBack(original, other, { answer: late, ttl: changed.ttl }))
  }
}

function rewritten(rules: readonly RewriteRule[], asked: string, askedType: number): Rewritten | undefined {
  let name = asked
  let type = askedType
  let ttl: number | undefined
  let matched = false
  for (const rule of rules) {
    if (rule.field === 'name') {
      const to = rule.rename(name)
      if (to === undefined) continue
      name = to
    } else if (rule.field === 'type') {
      if (rule.from !== type) continue
      type = rule.to
    } else {
      if (!rule.matches(name)) continue
      ttl = rule.ttl
    }
    matched = true
    if (!rule.goOn) break
  }
  return matched ? { name, type, ttl } : undefined
}

interface AnswerToOther {
  readonly answer: Answer
  readonly ttl: number | undefined
}

/** What was said of the other name, said of the one that was asked for. */
function writtenBack(original: Question, other: Question, { answer, ttl }: AnswerToOther): Answer {
  const message = messageOf(other, answer)
  if (message === undefined) return emptyAnswer(RCODE.SERVFAIL)
  const [from, to] = [other.text, original.text]
  const back = (record: DnsRecord): DnsRecord => ({
    ...record,
    name: record.name.toLowerCase() === from ? to : record.name,
    ttl: ttl ?? record.ttl,
  })
  return makeAnswer(original.name.subarray(0, original.nameLength), {
    rcode: answer.rcode,
    flags: answer.flags,
    answers: message.answers.map(back),
    authorities: message.authorities,
    additionals: message.additionals.map(back),
  })
}

/** An answer as records. */
export function messageOf(question: Question, answer: Answer): Message | undefined {
  const out = Buffer.alloc(Math.min(TCP_SIZE, answer.body.length + 320))
  const length = writeResponse(out, 0, question, answer, { size: TCP_SIZE, turn: 0 })
  return decodeMessage(out.subarray(0, length))
}

/** The directive `autopath`: where a pod's search list would lead, in one answer. */
export interface Autopath {
  /** The search list of who asks; undefined when it is not known. */
  readonly searchOf: (asker: Asker) => readonly string[] | undefined
  readonly zones: readonly string[]
  readonly succeeded: () => void
}

/**
 * Goes through the search list at once when the first name of it is asked for; the answer bears an alias from the name
 * that was asked for to the one that was found. Only names that would lead on are tried: NXDOMAIN is what a resolver
 * goes on after.
 */
export function autopathing({ searchOf, zones, succeeded }: Autopath, next: Resolver): Resolver {
  return (question, asker) => {
    const [first, ...rest] = searchOf(asker) ?? []
    const name = question.text
    const isFirst = first !== undefined && name.endsWith(`.${first}`) && zones.some((zone) => within(name, zone))
    if (!isFirst) return next(question, asker)
    const original = question.copy()
    const direct = next(question, asker)
    const base = name.slice(0, -first.length - 1)
    const candidates = [...rest.map((suffix) => `${base}.${suffix}`), base]
    const goOn = async (answer: Answer): Promise<Answer> => {
      if (answer.rcode !== RCODE.NXDOMAIN) return answer
      for (const candidate of candidates) {
        const key = tryEncodeName(candidate)
        if (key === undefined) continue
        const other = original.about(key, original.type)
        const found = await next(other, asker)
        const message = found.rcode === RCODE.NOERROR ? messageOf(other, found) : undefined
        if (message === undefined) continue
        succeeded()
        return aliased(original, candidate, message)
      }
      return answer
    }
    if (!(direct instanceof Promise)) return direct.rcode === RCODE.NXDOMAIN ? goOn(direct) : direct
    return direct.then(goOn)
  }
}

function aliased(original: Question, candidate: string, message: Message): Answer {
  const name = original.text
  const ttl = Math.min(3_600, ...message.answers.map((record) => record.ttl))
  const alias: DnsRecord = { name, ttl, data: { kind: 'CNAME', target: candidate } }
  return makeAnswer(original.name.subarray(0, original.nameLength), {
    flags: message.flags & (FLAG.AA | FLAG.RA),
    answers: message.answers.length === 0 ? [] : [alias, ...message.answers],
    authorities: message.authorities,
    additionals: message.additionals,
  })
}

function within(name: string, zone: string): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`)
}
