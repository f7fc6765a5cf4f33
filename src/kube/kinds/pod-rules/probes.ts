import type { Container, HttpGetAction, LifecycleHandler, Probe } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { httpHeaderProblems, portNameProblems, portNumberProblems } from '../../validation/names.ts'

/** What a pod gives its containers to end in, in seconds. */
type Grace = number | undefined
type Handler = LifecycleHandler & Probe
type HandlerName = 'exec' | 'httpGet' | 'tcpSocket' | 'grpc' | 'sleep'

const OF_PROBES: readonly HandlerName[] = ['exec', 'httpGet', 'tcpSocket', 'grpc']
const OF_HOOKS: readonly HandlerName[] = ['exec', 'httpGet', 'tcpSocket', 'sleep']
const SCHEMES = ['HTTP', 'HTTPS']
const NUMBERS = [
  ...(['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds'] as const),
  ...(['successThreshold', 'failureThreshold'] as const),
]
const NOT_NEGATIVE = 'must be greater than or equal to 0'
const FOR_SIDECARS = 'may not be set for init containers without restartPolicy=Always'

/** Rules of what happens at the start and the end of a container and of how it is probed. */
export function checkLife(container: Container, grace: Grace, found: Findings): void {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container
  found.within(lifecycle, 'lifecycle', ({ postStart, preStop }) => {
    found.within(postStart, 'postStart', (hook) => checkHandler(hook, OF_HOOKS, { grace, found }))
    found.within(preStop, 'preStop', (hook) => checkHandler(hook, OF_HOOKS, { grace, found }))
  })
  found.within(livenessProbe, 'livenessProbe', checkOnceGood)
  found.within(readinessProbe, 'readinessProbe', (probe) => {
    checkProbe(probe, found)
    const ownGrace = probe.terminationGracePeriodSeconds
    if (ownGrace === undefined) return
    found.invalid('terminationGracePeriodSeconds', ownGrace, 'must not be set for readinessProbes')
  })
  found.within(startupProbe, 'startupProbe', checkOnceGood)
}

/** Init containers end before the others start: nothing of that is for them. */
export function forbidLife(container: Container, found: Findings): void {
  for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[field] !== undefined) found.forbidden(field, FOR_SIDECARS)
  }
}

function checkOnceGood(probe: Probe, found: Findings): void {
  checkProbe(probe, found)
  const { successThreshold = 1 } = probe
  if (successThreshold !== 1) found.invalid('successThreshold', successThreshold, 'must be 1')
}

function checkProbe(probe: Probe, found: Findings): void {
  checkHandler(probe, OF_PROBES, { grace: undefined, found })
  for (const field of NUMBERS) {
    const value = probe[field]
    if (value !== undefined && value < 0) found.invalid(field, value, NOT_NEGATIVE)
  }
  const grace = probe.terminationGracePeriodSeconds
  if (grace !== undefined && grace <= 0) {
    found.invalid('terminationGracePeriodSeconds', grace, 'must be greater than 0')
  }
}

interface Around {
  readonly grace: Grace
  readonly found: Findings
}

function checkHandler(handler: Handler, names: readonly HandlerName[], { grace, found }: Around): void {
  let first = true
  for (const name of names) {
    if (handler[name] === undefined) continue
    if (first) found.within(handler, name, () => checkAction(handler, name, { grace, found }))
    else found.forbidden(name, 'may not specify more than 1 handler type')
    first = false
  }
  if (first) found.required('', 'must specify a handler type')
}

function checkAction(handler: Handler, name: HandlerName, { grace, found }: Around): void {
  switch (name) {
    case 'exec':
      if ((handler.exec?.command ?? []).length === 0) found.required('command')
      return
    case 'httpGet':
      checkHttpGet(handler.httpGet, found)
      return
    case 'tcpSocket':
      checkPort(handler.tcpSocket?.port, found)
      return
    case 'grpc':
      checkPort(handler.grpc?.port, found)
      return
    case 'sleep':
      checkSleep(handler.sleep?.seconds ?? 0, grace, found)
      return
    default:
      name satisfies never
      return
  }
}

function checkSleep(seconds: number, grace: Grace, found: Findings): void {
  if (grace === undefined || (seconds >= 0 && seconds <= grace)) return
  found.invalid('', seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`)
}

function checkHttpGet(action: HttpGetAction | undefined, found: Findings): void {
  if (action?.path === '') found.required('path')
  checkPort(action?.port, found)
  found.oneOf('scheme', action?.scheme, SCHEMES)
  for (const { name = '' } of action?.httpHeaders ?? []) found.problems('httpHeaders', name, httpHeaderProblems(name))
}

function checkPort(port: number | string = 0, found: Findings): void {
  found.problems('port', port, typeof port === 'number' ? portNumberProblems(port) : portNameProblems(port))
}
