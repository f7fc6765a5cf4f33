import { openTraceSite, type TraceSite } from '../../cluster/trace-site.ts'
import type { Protocol } from '../../kube/types/meta.ts'
import { type Confirmation, confirm } from '../../trace/confirm/confirm.ts'
import { gatherKernelFacts, peopleOn } from '../../trace/kernel-facts.ts'
import { type Prediction, predict } from '../../trace/predict.ts'
import { type Origin, parseOrigin, parseTarget, type QuestionWords } from '../../trace/question.ts'
import { predictionSvg } from '../../trace/svg.ts'
import { traceDocument } from '../../trace/trace-document.ts'
import { confirmationLines, predictionTree, verdictLines } from '../../trace/tree.ts'
import { unknownsOf } from '../../trace/unknowns.ts'
import { type Atlas, atlasOf } from '../../trace/world.ts'
import { print, say } from '../output.ts'
import { onOutput } from '../paint-output.ts'

export interface TraceOptions {
  readonly name: string
  readonly kubeconfig?: string
  readonly namespace: string
  readonly protocol?: string
  readonly output: 'text' | 'json' | 'svg'
  /** Sends a packet, where that is possible. */
  readonly confirm: boolean
}

/** Explains the way of a connection. Exit code 0 when it gets there, 1 when it does not. */
export async function trace(from: string, to: string, options: TraceOptions): Promise<number> {
  const site = await openTraceSite({ ...options, asksCloud: true })
  const words = { from, to, namespace: options.namespace, ...protocolOf(options) }
  const { origin, prediction, atlas } = predicted(words, site)
  const confirmation = await confirmed({ origin, prediction, atlas, site, isWanted: options.confirm })
  const unknown = unknownsOf(prediction, atlas)
  if (options.output === 'json') print(JSON.stringify(traceDocument(prediction, confirmation, unknown), undefined, 2))
  else if (options.output === 'svg') print(predictionSvg(prediction))
  else {
    printText(prediction, confirmation)
    for (const one of unknown) say(`Not known: ${one}`)
  }
  return isReached(prediction, confirmation) ? 0 : 1
}

interface ToConfirm {
  readonly origin: Origin
  readonly prediction: Prediction
  readonly atlas: Atlas
  readonly site: TraceSite
  readonly isWanted: boolean
}

async function confirmed({ origin, prediction, atlas, site, isWanted }: ToConfirm): Promise<Confirmation> {
  const { doors, closed = 'there is nowhere to send from' } = site
  if (!isWanted) return { kind: 'not sent', why: '--no-confirm' }
  return doors === undefined ? { kind: 'not sent', why: closed } : confirm({ origin, prediction, atlas, doors })
}

/** What is there must be what was predicted too: a disagreement is no success. */
function isReached({ verdict }: Prediction, confirmation: Confirmation): boolean {
  return verdict === 'reachable' && (confirmation.kind === 'not sent' || confirmation.differences.length === 0)
}

function protocolOf({ protocol }: TraceOptions): { protocol?: Protocol } {
  return protocol === undefined ? {} : { protocol: protocol.toUpperCase() as Protocol }
}

/** Predicted by the API, then again with what the kernel knows of those who are on the way, where it may be asked. */
function predicted(
  words: QuestionWords,
  { world, doors }: TraceSite,
): Pick<ToConfirm, 'origin' | 'prediction' | 'atlas'> {
  const atlas = atlasOf(world)
  const [origin, target] = [parseOrigin(words, atlas), parseTarget(words, atlas)]
  const first = predict(origin, target, atlas)
  if (doors === undefined) return { origin, prediction: first, atlas }
  const informed = { ...atlas, kernel: gatherKernelFacts(doors, peopleOn(first, atlas)) }
  return { origin, prediction: predict(origin, target, informed), atlas: informed }
}

function printText(prediction: Prediction, confirmation: Confirmation): void {
  for (const line of predictionTree(prediction, onOutput)) print(line)
  for (const line of verdictLines(prediction, onOutput)) print(line)
  if (confirmation.kind === 'not sent') say(`Predicted, not confirmed: ${confirmation.why}`)
  else for (const line of confirmationLines(confirmation, onOutput)) print(line)
}
