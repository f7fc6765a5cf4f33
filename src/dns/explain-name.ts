/** What a pod's resolver does with a name, worked out by what answers it: the cluster's own zone. Nothing is asked. */
import { serviceKeysOf } from '../kube/endpoint-slice.ts'
import type { Namespace, Pod, Service } from '../kube/types/core.ts'
import type { EndpointSlice } from '../kube/types/discovery.ts'
import { messageOf } from './server/answer-message.ts'
import { type ExpansionStep, expansionOf } from './server/query-log.ts'
import { RCODE, rcodeName, TYPE, typeName } from './wire/codes.ts'
import { canonicalName, isWithin, tryEncodeName } from './wire/name.ts'
import { Question } from './wire/question.ts'
import type { DnsRecord } from './wire/record.ts'
import { KubernetesZone, type ZoneSettings } from './zone/kubernetes-zone.ts'
import { namespaceRecords, podRecords, serviceRecords } from './zone/service-records.ts'

/** Objects that names come from. */
export interface NamedObjects {
  readonly namespaces: readonly Namespace[]
  readonly services: readonly Service[]
  readonly endpointSlices: readonly EndpointSlice[]
  readonly pods: readonly Pod[]
}

/** What answers questions: the zone, and for names elsewhere whether somebody is asked. */
export interface NameModel {
  readonly zone: KubernetesZone
  /** Zones that are passed on (`forward`); '' is every name. None: other names are nobody's. */
  readonly forwards: readonly string[]
}

/** What a pod's `resolv.conf` says. */
export interface PodResolver {
  readonly searches: readonly string[]
  /** `ndots:5` among others. */
  readonly options: readonly string[]
}

/** One question and what it hears. */
export interface ExplainedQuestion {
  readonly type: string
  readonly rcode: string
  /** `alias elsewhere`: the records lead out of the cluster, where others are asked. */
  readonly verdict:
    | 'records'
    | 'no data'
    | 'no such name'
    | 'alias elsewhere'
    | 'asked elsewhere'
    | 'nobody'
    | 'failure'
  readonly records: readonly DnsRecord[]
  readonly answeredBy: 'kubernetes' | 'forward' | 'nobody'
  /** Objects that speak of the name: `service/default/web`, `slice/default/web-abcde`, `pod/default/x`. */
  readonly objects: readonly string[]
}

export interface ExplainedStep extends ExpansionStep {
  readonly questions: readonly ExplainedQuestion[]
}

export interface NameExplanation {
  readonly name: string
  /** In the order of asking; the last one that was asked is where the resolver stops. */
  readonly steps: readonly ExplainedStep[]
  readonly addresses: readonly string[]
}

/** A zone with the names of these objects. */
export function zoneOfObjects(objects: NamedObjects, settings: ZoneSettings): KubernetesZone {
  const zone = new KubernetesZone(settings)
  for (const namespace of objects.namespaces) {
    zone.set(`namespace/${namespace.metadata.name}`, namespaceRecords(namespace, settings), 1)
  }
  const slices = new Map<string, EndpointSlice[]>()
  for (const slice of objects.endpointSlices) {
    for (const key of serviceKeysOf(slice)) slices.set(key, [...(slices.get(key) ?? []), slice])
  }
  for (const service of objects.services) {
    const key = `${service.metadata.namespace}/${service.metadata.name}`
    zone.set(`service/${key}`, serviceRecords(service, slices.get(key) ?? [], settings), 1)
  }
  for (const pod of objects.pods) {
    zone.set(`pod/${pod.metadata.namespace}/${pod.metadata.name}`, podRecords(pod, settings), 1)
  }
  zone.synced = true
  return zone
}

/**
 * The names that a resolver (glibc) asks for in turn, what each question hears, and who says so. It asks for A and AAAA
 * of each name and stops at the first that has an address, or where somebody else must be asked.
 */
export function explainName(model: NameModel, resolver: PodResolver, name: string): NameExplanation {
  const steps: ExplainedStep[] = []
  for (const step of expansionOf(name, resolver.searches, ndotsOf(resolver))) {
    const questions = [TYPE.A, TYPE.AAAA].map((type) => explainQuestion(model, canonicalName(step.name), type))
    steps.push({ ...step, questions })
    const addresses = questions.flatMap(({ records }) =>
      records.flatMap(({ data }) => ('address' in data ? [data.address] : [])),
    )
    const isElsewhere = questions.some(
      ({ answeredBy, verdict }) => answeredBy === 'forward' || verdict === 'alias elsewhere',
    )
    if (addresses.length > 0 || isElsewhere) return { name, steps, addresses }
  }
  return { name, steps, addresses: [] }
}

/** What one question (canonical name) hears. */
export function explainQuestion({ zone, forwards }: NameModel, name: string, type: number): ExplainedQuestion {
  const key = tryEncodeName(name)
  const objects = [...(zone.table.get(name)?.records.keys() ?? [])].filter((owner) => owner.split('/').length > 1)
  const base = { type: typeName(type), objects, records: [] }
  if (key === undefined) return { ...base, rcode: 'FORMERR', verdict: 'failure', answeredBy: 'nobody' }
  const question = new Question().about(key, type)
  const answer = zone.answer(question)
  if (answer === undefined) {
    const isPassedOn = forwards.some((from) => isWithin(name, from))
    return isPassedOn
      ? { ...base, rcode: '', verdict: 'asked elsewhere', answeredBy: 'forward' }
      : { ...base, rcode: rcodeName(RCODE.SERVFAIL), verdict: 'nobody', answeredBy: 'nobody' }
  }
  if ('elsewhere' in answer) {
    const rcode = forwards.some((from) => isWithin(answer.elsewhere, from)) ? RCODE.NOERROR : RCODE.SERVFAIL
    const { records } = answer
    return { ...base, rcode: rcodeName(rcode), verdict: 'alias elsewhere', records, answeredBy: 'kubernetes' }
  }
  const records = messageOf(question, answer)?.answers ?? []
  const rcode = rcodeName(answer.rcode)
  return { ...base, rcode, verdict: verdictOf(answer.rcode, records, type), records, answeredBy: 'kubernetes' }
}

function verdictOf(rcode: number, records: readonly DnsRecord[], type: number): ExplainedQuestion['verdict'] {
  if (rcode === RCODE.NXDOMAIN) return 'no such name'
  if (rcode !== RCODE.NOERROR) return 'failure'
  return records.some(({ data }) => data.kind !== 'raw' && TYPE[data.kind] === type) ? 'records' : 'no data'
}

/** glibc's own is 1. */
function ndotsOf({ options }: PodResolver): number {
  const option = options.find((text) => text.startsWith('ndots:'))
  return option === undefined ? 1 : Number(option.slice('ndots:'.length))
}
