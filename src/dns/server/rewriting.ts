import { type Rename, renamer } from '../corefile/renaming.ts'
import type { RewriteRule } from '../corefile/rewrite-config.ts'
import { type Answer, emptyAnswer, makeAnswer } from '../wire/answer.ts'
import { CLASS_IN, RCODE, TYPE } from '../wire/codes.ts'
import type { EdnsOption } from '../wire/edns-option.ts'
import { tryEncodeName } from '../wire/name.ts'
import type { Question } from '../wire/question.ts'
import type { DnsRecord, RecordData } from '../wire/record.ts'
import { messageOf } from './answer-message.ts'
import type { Asker } from './asker.ts'
import { type AskedThing, optionsAfter } from './edns-rewriting.ts'
import type { Resolver } from './responder.ts'

/** What is done to names in the answer. */
interface Answering {
  readonly part: 'name' | 'value'
  readonly rename: Rename
}

/** A rule, its patterns ready. */
interface ReadyRule {
  readonly rule: RewriteRule
  /** Of the name, or of an alias's target; for `ttl` and `rcode` it says whether the rule is meant. */
  readonly rename: Rename
  readonly answers: readonly Answering[]
}

/** What the rules make of a question, and what they do to its answer. */
interface Rewriting {
  readonly name: string
  readonly type: number
  readonly class: number
  /** Undefined when no rule has a word on options. */
  readonly options: readonly EdnsOption[] | undefined
  /** In the order in which the rules were met; applied from the last to the first. */
  readonly answers: readonly Answering[]
  readonly ttl: { readonly low: number; readonly high: number } | undefined
  readonly codes: ReadonlyMap<number, number>
  readonly aliases: readonly Rename[]
}

/**
 * The directive `rewrite`: asks for another name, type or class, or with other options, and writes the answer back to
 * what was asked.
 */
export function rewriting(
  rules: readonly RewriteRule[],
  next: Resolver,
  server: AskedThing['server'] = { address: undefined, port: 0 },
): Resolver {
  const ready = rules.map(readyRule)
  // An option that no rule names is for this server alone (RFC 6891 §6.1.1), and goes no further.
  const codes = new Set(rules.flatMap((rule) => (rule.field === 'edns0' ? [rule.code] : [])))
  return (question, asker) => {
    const rewriting = rewritten(ready, question, { asker, server, codes })
    if (rewriting === undefined) return question.class === CLASS_IN ? next(question, asker) : REFUSED
    if (rewriting.class !== CLASS_IN) return REFUSED
    const key = tryEncodeName(rewriting.name)
    if (key === undefined) return emptyAnswer(RCODE.SERVFAIL)
    const original = question.copy()
    const other = original.about(key, rewriting.type)
    other.class = CLASS_IN
    other.passedOn = rewriting.options ?? []
    const way = { original, other, rewriting }
    const answer = next(other, asker)
    if (rewriting.aliases.length > 0) return throughAliases(way, answer, (alias) => lookUp(alias, way, { asker, next }))
    return answer instanceof Promise ? answer.then((late) => writtenBack(way, late)) : writtenBack(way, answer)
  }
}

const REFUSED = emptyAnswer(RCODE.REFUSED)

interface Way {
  readonly original: Question
  /** What was asked instead. */
  readonly other: Question
  readonly rewriting: Rewriting
}

function readyRule(rule: RewriteRule): ReadyRule {
  const never = () => undefined
  switch (rule.field) {
    case 'name': {
      const answers = rule.answers.map(({ part, renaming }) => ({ part, rename: renamer(renaming) }))
      return { rule, rename: renamer(rule.renaming), answers }
    }
    case 'cname':
      return { rule, rename: renamer(rule.renaming), answers: [] }
    case 'ttl':
    case 'rcode':
      return { rule, rename: renamer(rule.names), answers: [] }
    default:
      return { rule, rename: never, answers: [] }
  }
}

interface Circumstances extends Pick<AskedThing, 'asker' | 'server'> {
  /** Options that rules name. */
  readonly codes: ReadonlySet<number>
}

/** What the rules that match make of a question; undefined when none does. */
function rewritten(
  rules: readonly ReadyRule[],
  question: Question,
  { codes: optionCodes, ...where }: Circumstances,
): Rewriting | undefined {
  let { text: name, type, class: ownClass } = question
  let ttl: Rewriting['ttl']
  let options: Rewriting['options'] =
    optionCodes.size === 0 ? undefined : question.options.filter(({ code }) => optionCodes.has(code))
  let matched = options !== undefined && options.length > 0
  const answers: Answering[] = []
  const codes = new Map<number, number>()
  const aliases: Rename[] = []
  for (const { rule, rename, answers: own } of rules) {
    if (rule.field === 'name') {
      const [from, to] = [name, rename(name)]
      if (to === undefined) continue
      name = to
      answers.push(...own, ...(rule.auto ? backTo(from, to) : []))
    } else if (rule.field === 'type' || rule.field === 'class') {
      if (rule.from !== (rule.field === 'type' ? type : ownClass)) continue
      if (rule.field === 'type') type = rule.to
      else ownClass = rule.to
    } else if (rule.field === 'cname') aliases.push(rename)
    else if (rule.field === 'edns0') {
      const after = optionsAfter(rule, options ?? [], { name, type, ...where })
      if (after === undefined) continue
      options = after
    } else if (rename(name) === undefined) continue
    else if (rule.field === 'ttl') ttl = rule
    else codes.set(rule.from, rule.to)
    matched = true
    if (!rule.goOn) break
  }
  return matched ? { name, type, class: ownClass, options, answers, ttl, codes, aliases } : undefined
}

/** The name that was asked for in place of the one that was looked up, wherever it stands. */
function backTo(asked: string, other: string): Answering[] {
  const rename = (name: string) => (name === other ? asked : undefined)
  return [
    { part: 'name', rename },
    { part: 'value', rename },
  ]
}

/** What was said of the other name, said of the one that was asked for. */
function writtenBack(way: Way, answer: Answer): Answer {
  const { original, other, rewriting } = way
  const message = messageOf(other, answer)
  if (message === undefined) return emptyAnswer(RCODE.SERVFAIL)
  const back = (record: DnsRecord) => recordBack(record, rewriting)
  return makeAnswer(original.name.subarray(0, original.nameLength), {
    rcode: rewriting.codes.get(answer.rcode) ?? answer.rcode,
    flags: answer.flags,
    answers: message.answers.map(back),
    // Names of authorities are those of the zone that was asked.
    authorities: message.authorities.map((record) => ({ ...record, ttl: ttlWithin(record.ttl, rewriting.ttl) })),
    additionals: message.additionals.map(back),
  })
}

function recordBack({ name, ttl, data, ...rest }: DnsRecord, { answers, ttl: range }: Rewriting): DnsRecord {
  return {
    ...rest,
    name: renamed(name, 'name', answers),
    ttl: ttlWithin(ttl, range),
    data: dataBack(data, (target) => renamed(target, 'value', answers)),
  }
}

function renamed(name: string, part: Answering['part'], rules: readonly Answering[]): string {
  let now = name
  for (const rule of [...rules].reverse()) {
    if (rule.part === part) now = rule.rename(now.toLowerCase()) ?? now
  }
  return now
}

function dataBack(data: RecordData, rename: (name: string) => string): RecordData {
  if (data.kind === 'SOA') return { ...data, primary: rename(data.primary), mailbox: rename(data.mailbox) }
  return 'target' in data ? { ...data, target: rename(data.target) } : data
}

function ttlWithin(ttl: number, range: Rewriting['ttl']): number {
  return range === undefined ? ttl : Math.min(range.high, Math.max(range.low, ttl))
}

/** `rewrite cname`: where an alias leads elsewhere, what is there stands in place of what it led to. */
async function throughAliases(
  way: Way,
  answer: Answer | Promise<Answer>,
  look: (target: string) => Promise<readonly DnsRecord[]>,
): Promise<Answer> {
  const found = await answer
  const message = messageOf(way.other, found)
  const { aliases } = way.rewriting
  const newTarget = ({ data }: DnsRecord) =>
    data.kind === 'CNAME' ? firstOf(aliases, data.target.toLowerCase()) : undefined
  const at = message?.answers.findIndex((record) => newTarget(record) !== undefined) ?? -1
  const alias = message?.answers[at]
  const target = alias === undefined ? undefined : newTarget(alias)
  if (message === undefined || alias === undefined || target === undefined || way.other.type === TYPE.CNAME) {
    return writtenBack(way, found)
  }
  const answers = [
    ...message.answers.slice(0, at),
    { ...alias, data: { kind: 'CNAME' as const, target } },
    ...(await look(target)),
  ]
  const name = way.other.name.subarray(0, way.other.nameLength)
  return writtenBack(way, makeAnswer(name, { rcode: found.rcode, flags: found.flags, answers }))
}

function firstOf(renames: readonly Rename[], name: string): string | undefined {
  for (const rename of renames) {
    const to = rename(name)
    if (to !== undefined) return to
  }
  return undefined
}

interface Onwards {
  readonly asker: Asker
  readonly next: Resolver
}

async function lookUp(target: string, { other }: Way, { asker, next }: Onwards): Promise<readonly DnsRecord[]> {
  const key = tryEncodeName(target)
  if (key === undefined) return []
  const question = other.about(key, other.type)
  return messageOf(question, await next(question, asker))?.answers ?? []
}
