/** A prediction as a person reads it: one line a hop, branches below. */

import { hostPort } from '../base/ip.ts'
import type { ObjectRef } from '../controllers/service-diagnosis/cause.ts'
import type { Confirmation } from './confirm/confirm.ts'
import { type BackHop, type Branch, type Cause, type End, type Hop, type Path, placeText } from './hop.ts'
import type { Prediction } from './predict.ts'
import type { Resolution } from './resolve-name.ts'

export type Paint = (style: 'good' | 'bad' | 'dim' | 'bold', text: string) => string
export const plain: Paint = (_, text) => text

/** Branches that are told in full; of more, the others are counted. */
const BRANCHES_TOLD = 8

export function predictionTree(prediction: Prediction, paint: Paint = plain): string[] {
  const { from, to, protocol, port, resolution, path } = prediction
  const head = paint('bold', `${placeText(from)} -> ${to}`)
  const asked = path === undefined ? ` (${protocol} ${port})` : ` (${protocol})`
  return [
    head + paint('dim', asked),
    ...(resolution === undefined ? [] : resolutionLines(resolution, paint)),
    ...(path === undefined ? [] : pathLines(path, paint)),
  ]
}

function resolutionLines({ name, server, searches, ndots, questions, addresses }: Resolution, paint: Paint): string[] {
  const head = `name ${name}: asks ${server}, ndots ${ndots}, search ${searches.join(' ')}`
  const lines = questions.map(({ name: asked, answer, addresses: found, aliases, object }) => {
    const said =
      answer === 'addresses'
        ? `${[...aliases, ...found].join(' -> ')}${object === undefined ? '' : ` (${refText(object)})`}`
        : answer
    return `  ${asked} ${paint(answer === 'addresses' ? 'good' : 'dim', said)}`
  })
  return [
    `${addresses.length === 0 ? '└─' : '├─'} ${paint('dim', head)}`,
    ...lines.map((line) => `${addresses.length === 0 ? ' ' : '│'}  ${line}`),
  ]
}

function pathLines({ hops, next }: Path, paint: Paint, indent = ''): string[] {
  const lines = hops.map((hop) => `${indent}├─ ${hopText(hop)}`)
  if (next.kind !== 'choice') return [...lines, ...endLines(next, paint, indent)]
  const stays = next.affinitySeconds === undefined ? '' : `, a client stays for ${next.affinitySeconds} s`
  const because = next.because === undefined ? '' : ` (${next.because})`
  const count = next.branches.length === 1 ? '1 endpoint' : `${next.branches.length} endpoints`
  lines.push(`${indent}├─ one of ${count}: ${next.how}${stays}${because}`)
  const told = next.branches.slice(0, BRANCHES_TOLD)
  const more = next.branches.length - told.length
  for (const [index, branch] of told.entries()) {
    const isLast = more === 0 && index === told.length - 1
    lines.push(...branchLines(branch, paint, { indent, isLast }))
  }
  if (more > 0) lines.push(`${indent}└─ and ${more} more`)
  return lines
}

function branchLines(
  { share, endpoint, object, path }: Branch,
  paint: Paint,
  { indent, isLast }: { readonly indent: string; readonly isLast: boolean },
): string[] {
  const whose = object === undefined ? '' : ` ${refText(object)}`
  const head = `${indent}${isLast ? '└─' : '├─'} ${percent(share)} ${paint('bold', endpoint)}${whose}`
  return [head, ...pathLines(path, paint, `${indent}${isLast ? '   ' : '│  '}`)]
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`
}

export function refText({ kind, namespace, name }: ObjectRef): string {
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`
}

/** A hop in one line. */
export function hopText(hop: Hop): string {
  switch (hop.kind) {
    case 'origin':
      return `from ${hop.flow.source} to ${hostPort(hop.flow.destination, hop.flow.port)}`
    case 'lookup': {
      const port = hop.port === '' ? '' : `:${hop.port}`
      const what = `${hop.frontend} of ${refText(hop.object)}${port}, policy ${hop.policy}, client: ${hop.client}`
      return `${placeText(hop.place)}: ${hop.table} ${hop.map} { ${hop.element} } is ${what}; chains ${hop.chains.join(' > ')}`
    }
    case 'rule': {
      const whose = hop.object === undefined ? '' : ` (${refText(hop.object)})`
      return `${placeText(hop.place)}: ${hop.table} ${hop.chain}: ${hop.rule}${whose}: ${hop.verdict}`
    }
    case 'translate': {
      const [before, after] =
        hop.what === 'source'
          ? [hop.before.source, hop.after.source]
          : [hostPort(hop.before.destination, hop.before.port), hostPort(hop.after.destination, hop.after.port)]
      return `${placeText(hop.place)}: ${hop.what} ${before} becomes ${after} (${hop.why}; ${hop.by})`
    }
    case 'route':
      return `${placeText(hop.place)}: leaves by ${hop.device} to ${hop.to}`
    case 'tunnel':
      return `${placeText(hop.from)}: by ${hop.device} (VXLAN ${hop.vni}) in UDP ${hop.outer.source} -> ${hostPort(hop.outer.destination, hop.outer.port)} to ${placeText(hop.to)}`
    case 'balance': {
      const how = hop.carrier === 'kernel' ? 'in the kernel' : 'by HAProxy, which opens a connection of its own'
      const which = hop.loadBalancer === undefined ? '' : ` ${hop.loadBalancer}`
      const rest = (hop.idle ?? []).map(({ endpoint, why }) => `${endpoint} (${why})`)
      const idle = rest.length === 0 ? '' : `; nothing new goes to ${rest.join(', ')}`
      const whose = hop.object.kind === 'LoadBalancer' ? '' : ` of ${refText(hop.object)}`
      return `load balancer${which}${whose}: listener ${hop.listener}, scheduler ${hop.scheduler}, ${how}${idle}`
    }
    case 'proxy': {
      const headers = hop.headers.length === 0 ? '' : `; backends see ${hop.headers.join(', ')}`
      return `HAProxy takes the connection and ${hop.does}${headers}`
    }
    case 'arrive':
      return `arrives at ${placeText(hop.place)} as ${hop.flow.source} -> ${hostPort(hop.flow.destination, hop.flow.port)}`
    default:
      return hop satisfies never
  }
}

function endLines(end: End, paint: Paint, indent: string): string[] {
  if (end.kind !== 'delivered') return [`${indent}└─ ${paint('bad', `${end.kind}: ${end.cause.sentence}`)}`]
  return [`${indent}└─ ${paint('good', 'answers')}: ${end.back.map(backText).join('; ')}`]
}

function backText(hop: BackHop): string {
  switch (hop.kind) {
    case 'answer':
      return `${hop.flow.destination} answers ${hop.flow.source}`
    case 'tunnel':
      return `by ${hop.device} to ${placeText(hop.to)}`
    case 'restore':
      return `${placeText(hop.place)} puts ${hop.what} ${hop.to} back`
    default:
      return hop satisfies never
  }
}

/** The last lines: the verdict, and on failure the cause with the field to change. */
export function verdictLines(
  { verdict, cause }: Pick<Prediction, 'verdict' | 'cause'>,
  paint: Paint = plain,
): string[] {
  const words = {
    reachable: paint('good', 'reachable'),
    partly: paint('bad', 'not always reachable'),
    refused: paint('bad', 'refused at once'),
    dropped: paint('bad', 'dropped: the client waits for its time-out'),
    unreachable: paint('bad', 'unreachable'),
    unresolved: paint('bad', 'the name has no address'),
  }
  return [`=> ${words[verdict]}`, ...(cause === undefined ? [] : causeLines(cause))]
}

export function causeLines({ sentence, object, field, mend }: Cause): string[] {
  const where = [object === undefined ? undefined : refText(object), field]
    .filter((word) => word !== undefined)
    .join(', ')
  return [
    `   because ${sentence}`,
    ...(where === '' ? [] : [`   where   ${where}`]),
    ...(mend === undefined ? [] : [`   mend    ${mend}`]),
  ]
}

type Sent = Extract<Confirmation, { kind: 'sent' }>

/** What the kernel did with the packet that was sent. */
export function confirmationLines(sent: Sent, paint: Paint = plain): string[] {
  const { flow, fate, taken, differences, milliseconds, dropComments } = sent
  const to = taken?.endpoint === undefined ? '' : ` by ${taken.endpoint}`
  const dropped = dropComments.length === 0 ? '' : ` (dropped: ${dropComments.join(', ')})`
  const what = `one packet to ${hostPort(flow.destination, flow.port)} was ${fate}${fate === 'answered' ? to : ''}${dropped}`
  const head = `   kernel  ${what}; ${Math.round(milliseconds)} ms`
  if (differences.length === 0) return [head, `   ${paint('good', 'agrees')}  prediction and kernel say the same`]
  return [head, ...differences.map((line) => `   ${paint('bad', 'differs')} ${line}`)]
}
