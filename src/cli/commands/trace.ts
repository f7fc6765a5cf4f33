import { openTraceSite, type TraceSite } from '../../cluster/trace-site.ts'
import type { Protocol } from '../../kube/types/meta.ts'
import { gatherKernelFacts } from '../../trace/kernel-facts.ts'
import { type Prediction, predict } from '../../trace/predict.ts'
import { parseOrigin, parseTarget } from '../../trace/question.ts'
import { traceDocument } from '../../trace/trace-document.ts'
import { type Paint, predictionTree, verdictLines } from '../../trace/tree.ts'
import { type Atlas, atlasOf } from '../../trace/world.ts'
import { paint, print, say } from '../output.ts'

export interface TraceOptions {
  readonly name: string
  readonly kubeconfig?: string
  readonly namespace: string
  readonly protocol?: string
  readonly output: 'text' | 'json'
}

/** Explains the way of a connection. Exit code 0 when it gets there, 1 when it does not. */
export async function trace(from: string, to: string, options: TraceOptions): Promise<number> {
  const site = await openTraceSite(options)
  const words = { from, to, namespace: options.namespace, ...protocolOf(options) }
  const atlas = knowing(site, atlasOf(site.world))
  const prediction = predict(parseOrigin(words, atlas), parseTarget(words, atlas), atlas)
  if (options.output === 'json') print(JSON.stringify(traceDocument(prediction), undefined, 2))
  else printText(prediction, site)
  return prediction.verdict === 'reachable' ? 0 : 1
}

function protocolOf({ protocol }: TraceOptions): { protocol?: Protocol } {
  return protocol === undefined ? {} : { protocol: protocol.toUpperCase() as Protocol }
}

/** With what the kernel knows of listeners and routes, where it may be asked. */
function knowing({ doors }: TraceSite, atlas: Atlas): Atlas {
  if (doors === undefined) return atlas
  const { pods, nodes } = atlas.objects
  return {
    ...atlas,
    kernel: gatherKernelFacts(
      doors,
      pods,
      nodes.map(({ metadata }) => metadata.name),
    ),
  }
}

const STYLES = { good: 'green', bad: 'red', dim: 'dim', bold: 'bold' } as const
const onOutput: Paint = (style, text) => paint(STYLES[style], text, process.stdout)

function printText(prediction: Prediction, { closed }: TraceSite): void {
  for (const line of predictionTree(prediction, onOutput)) print(line)
  for (const line of verdictLines(prediction, onOutput)) print(line)
  if (closed !== undefined) say(`Predicted only: ${closed}`)
}
