import type { ApiContext } from './context.ts'
import { type ApiResponse, textResponse } from './request.ts'
import { pathNotFound } from './status-error.ts'

type HealthContext = Pick<ApiContext, 'store' | 'log'>
/** Something that must hold for the server to be well. */
type Check = (context: HealthContext) => boolean

const PING: readonly [string, Check] = ['ping', () => true]
const STORE: readonly [string, Check] = ['store', ({ store }) => store.revision() >= 0]
/** What has happened before the first request is answered; users may take roles away later without harm to the server. */
const ROLES: readonly [string, Check] = ['poststarthook/rbac/bootstrap-roles', () => true]

const CHECKS: ReadonlyMap<string, readonly (readonly [string, Check])[]> = new Map([
  ['healthz', [PING, STORE, ROLES]],
  ['livez', [PING, STORE]],
  ['readyz', [PING, STORE, ROLES]],
])

/**
 * `/healthz`, `/livez`, `/readyz`: ok when each check passes; `?verbose` names the checks, `?exclude=NAME` leaves one out,
 * `/livez/NAME` asks for one alone. Why a check fails is in the log: whoever asks may be anybody.
 */
export function healthResponse(context: HealthContext, path: string, query: URLSearchParams): ApiResponse {
  const [, kind = '', ...rest] = path.split('/')
  const one = rest.join('/')
  const all = CHECKS.get(kind) ?? []
  const excluded = query.getAll('exclude')
  const asked = all.filter(([name]) => (one === '' ? !excluded.includes(name) : name === one))
  if (one !== '' && asked.length === 0) throw pathNotFound()
  const failed = new Set(asked.filter((check) => !passes(context, kind, check)))
  if (failed.size === 0 && !query.has('verbose')) return textResponse(200, 'ok')
  const lines = (one === '' ? all : asked).map((check) => {
    if (!asked.includes(check)) return `[+]${check[0]} excluded: ok`
    return failed.has(check) ? `[-]${check[0]} failed: reason withheld` : `[+]${check[0]} ok`
  })
  const unmatched = excluded.filter((name) => !all.some(([known]) => known === name))
  if (unmatched.length > 0 && one === '') {
    const names = unmatched.map((name) => JSON.stringify(name)).join(',')
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`)
  }
  const what = one === '' ? kind : `${one}`
  return textResponse(
    failed.size === 0 ? 200 : 500,
    `${lines.join('\n')}\n${what} check ${failed.size === 0 ? 'passed' : 'failed'}\n`,
  )
}

function passes(context: HealthContext, kind: string, [name, check]: readonly [string, Check]): boolean {
  try {
    if (check(context)) return true
    context.log.warn({ check: `${kind}/${name}` }, 'A health check failed')
  } catch (error) {
    context.log.warn({ err: error, check: `${kind}/${name}` }, 'A health check failed')
  }
  return false
}
