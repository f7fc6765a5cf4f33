import { errorMessage } from '../base/error.ts'
import type { ApiContext } from './context.ts'
import { type ApiResponse, textResponse } from './request.ts'

/** `/healthz`, `/livez`, `/readyz`: ok when the store answers; `?verbose` names the checks. */
export function healthResponse({ store }: ApiContext, path: string, query: URLSearchParams): ApiResponse {
  const problem = storeProblem(store)
  const name = path.split('/')[1] ?? ''
  if (problem === undefined && !query.has('verbose')) return textResponse(200, 'ok')
  const lines = ['[+]ping ok', problem === undefined ? '[+]store ok' : `[-]store failed: ${problem}`]
  const verdict = `${name} check ${problem === undefined ? 'passed' : 'failed'}`
  return textResponse(problem === undefined ? 200 : 500, `${[...lines, verdict].join('\n')}\n`)
}

function storeProblem(store: ApiContext['store']): string | undefined {
  try {
    store.revision()
    return undefined
  } catch (error) {
    return errorMessage(error)
  }
}
