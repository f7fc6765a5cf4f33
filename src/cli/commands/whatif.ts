import { openTraceSite } from '../../cluster/trace-site.ts'
import { gatherKernelFacts, peopleAround } from '../../trace/kernel-facts.ts'
import { parseService } from '../../trace/question.ts'
import { fork } from '../../trace/what-if/change.ts'
import { forecast } from '../../trace/what-if/forecast.ts'
import { forecastLines } from '../../trace/what-if/forecast-text.ts'
import { atlasOf } from '../../trace/world.ts'
import { print } from '../output.ts'
import { onOutput } from '../paint-output.ts'

export interface WhatIfOptions {
  readonly name: string
  readonly kubeconfig?: string
  readonly namespace: string
  readonly output: 'text' | 'json'
}

const UNKNOWN_CLOUD =
  'nothing is known of the cloud: load balancers are taken to be as Services ask, prices to be those that were published'

/** Forecasts a change of a Service. Exit code 0, also when somebody loses access: the question is answered. */
export async function whatIf(resource: string, changes: readonly string[], options: WhatIfOptions): Promise<number> {
  const { world, prices, doors } = await openTraceSite(options)
  const atlas = atlasOf(world)
  const service = parseService(resource, options.namespace, atlas)
  const people = peopleAround(service.metadata.namespace, atlas)
  const informed = doors === undefined ? atlas : { ...atlas, kernel: gatherKernelFacts(doors, people) }
  const forked = fork(informed, service, changes)
  const told = forecast(forked, prices === undefined ? {} : { prices })
  const notes = prices === undefined ? [...told.notes, UNKNOWN_CLOUD] : told.notes
  const document = { apiVersion: 'fairlead.dev/v1', kind: 'Forecast', ...told, notes }
  if (options.output === 'json') print(JSON.stringify(document, undefined, 2))
  else for (const line of forecastLines({ ...told, notes }, onOutput)) print(line)
  return 0
}
