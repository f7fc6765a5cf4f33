/** Who listens where a packet arrives, and why it is not taken. */
import { hostPort } from '../base/ip.ts'
import { type ObjectRef, refOf } from '../controllers/service-diagnosis/cause.ts'
import { list } from '../controllers/service-diagnosis/diagnose-service.ts'
import type { Cause, Flow } from './hop.ts'
import type { Step } from './step.ts'
import { type Listener, nameOf } from './world.ts'

/** Whether one of the sockets takes a packet. */
export function takes(listeners: readonly Listener[], { protocol, destination, port }: Flow): boolean {
  return listeners.some((one) => one.protocol === protocol && one.port === port && hears(one.address, destination))
}

function hears(address: string, destination: string): boolean {
  return address === (destination.includes(':') ? '::' : '0.0.0.0') || address === destination
}

interface Deaf {
  readonly what: string
  readonly listeners: readonly Listener[]
  readonly ref?: ObjectRef
}

/** Why nobody takes it. */
export function deaf({ flow, via }: Step, { what, listeners, ref }: Deaf): Cause {
  const same = listeners.find(({ protocol, port }) => protocol === flow.protocol && port === flow.port)
  if (same !== undefined) {
    const sentence = `${what} listens on ${hostPort(same.address, same.port)} only, not on ${flow.destination}`
    return {
      code: 'not-listening',
      sentence,
      ...(ref === undefined ? {} : { object: ref }),
      mend: 'let the program listen on all addresses (0.0.0.0 or ::)',
    }
  }
  const heard = [...new Set(listeners.map(({ port, protocol }) => `${port}/${protocol}`))]
  const does = heard.length === 0 ? 'on no port at all' : `on ${list(heard)}`
  const not = `${what} does not listen on ${flow.port}/${flow.protocol} but ${does}`
  if (via === undefined) return { code: 'not-listening', sentence: not, ...(ref === undefined ? {} : { object: ref }) }
  const index = (via.service.spec.ports ?? []).indexOf(via.port)
  const sentence = `${not}; targetPort ${via.port.targetPort ?? via.port.port} of Service ${nameOf(via.service)} leads there`
  const field = `spec.ports[${Math.max(0, index)}].targetPort`
  const mend = heard.length === 0 ? 'start the program' : `set it to a port that the pod listens on`
  return { code: 'wrong-target-port', sentence, object: refOf(via.service, 'Service'), field, mend }
}
