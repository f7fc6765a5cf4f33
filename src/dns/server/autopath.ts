import { type Answer, makeAnswer } from '../wire/answer.ts'
import { FLAG, RCODE } from '../wire/codes.ts'
import type { Message } from '../wire/message.ts'
import { tryEncodeName } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import type { DnsRecord } from '../wire/record.ts'
import { messageOf } from './answer-message.ts'
import type { Asker } from './asker.ts'
import type { Resolver } from './responder.ts'

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
