import { FairleadError, isFairleadError } from '../base/error.ts'
import { findHaproxy } from '../cloud/load-balancer/layer7/find-haproxy.ts'
import { ask, type Target, type Vantage } from '../cluster/vantage.ts'
import { askName } from './ask-name.ts'
import type { Lab } from './lab.ts'
import { BARRIER, endpointsOf, LAYER_4_PORT, PROTOCOL_PORT, type SceneService, SERVICES } from './scene.ts'

const ATTEMPT_MS = 250
const PAUSE_MS = 10
const PATIENCE_MS = 60_000
/** Enough for each of the two pods of the DNS to be asked. */
const NAME_ATTEMPTS = 6

/**
 * Waits until everybody knows the scene: its Services have endpoints and addresses, and a Service that was made after all
 * of that is served by every node, known by name, and each load balancer has answered. What is measured then is how
 * things are, and not how they come to be.
 *
 * @throws FairleadError `TIMEOUT`
 */
export async function settle(lab: Lab): Promise<void> {
  for (const service of SERVICES) {
    const wanted = endpointsOf(service)
    const { name } = service
    if (wanted !== undefined) {
      await lab.until(`${wanted} endpoints of ${name}`, () =>
        lab.watch.endpoints(name).length === wanted ? true : undefined,
      )
    }
    if (service.spec.type === 'LoadBalancer') await addressOf(lab, name)
  }
  await passBarrier(lab)
  const balanced = SERVICES.filter(({ spec }) => spec.type === 'LoadBalancer')
  await Promise.all(
    balanced.map((service) =>
      answered(lab, lab.from('internet'), tcp(lab.balancerAddress(service.name), doorOf(service))),
    ),
  )
  await known(lab, BARRIER.name)
}

/** Every node serves the Service that came last, and so all before it. */
async function passBarrier(lab: Lab): Promise<void> {
  await lab.create(BARRIER)
  const host = await lab.until('an address of the barrier', () => lab.watch.service(BARRIER.name)?.spec.clusterIP)
  await Promise.all(lab.cluster.spec.nodes.map(({ name }) => answered(lab, lab.nodeVantage(name), tcp(host, 80))))
}

/** The port that answers when the load balancer stands: without HAProxy those of layer 7 never do, and their cells say so. */
function doorOf({ annotations }: SceneService): number {
  const isLayer7 = annotations?.[PROTOCOL_PORT] !== undefined
  return isLayer7 && !hasHaproxy() ? LAYER_4_PORT : 80
}

function hasHaproxy(): boolean {
  try {
    findHaproxy()
    return true
  } catch (error) {
    if (isFairleadError(error, 'MISSING_TOOL')) return false
    throw error
  }
}

function addressOf(lab: Lab, name: string): Promise<string> {
  return lab.until(`an address of ${name}`, () => lab.watch.service(name)?.status?.loadBalancer?.ingress?.[0]?.ip)
}

function tcp(host: string, port: number): Target {
  return { host, port, protocol: 'TCP' }
}

async function answered(lab: Lab, from: Vantage, target: Target): Promise<void> {
  await repeated(lab, `an answer from ${target.host}:${target.port} to ${from.name}`, async () => {
    await ask(from, target, ATTEMPT_MS)
    return true
  })
}

async function known(lab: Lab, name: string): Promise<void> {
  const { dnsAddress, clusterDomain } = lab.cluster.spec
  await repeated(lab, `Service ${name} in the DNS`, async () => {
    for (let i = 0; i < NAME_ATTEMPTS; i++) {
      const { addresses } = await askName(lab.from('pod-beside'), dnsAddress, `${name}.default.svc.${clusterDomain}`)
      if (addresses.length === 0) return false
    }
    return true
  })
}

/** Tries until it is true; what is thrown counts as not yet. */
async function repeated(lab: Lab, what: string, attempt: () => Promise<boolean>): Promise<void> {
  const end = lab.clock.now() + PATIENCE_MS
  let cause: unknown
  while (lab.clock.now() < end) {
    try {
      if (await attempt()) return
    } catch (error) {
      cause = error
    }
    await lab.clock.sleep(PAUSE_MS, lab.signal)
  }
  throw new FairleadError('TIMEOUT', `After ${PATIENCE_MS / 1000} s there is not yet ${what}`, { cause })
}
