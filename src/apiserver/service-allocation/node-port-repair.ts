import type { Service } from '../../kube/types/core.ts'
import type { Entry } from '../../store/store.ts'
import type { NodePortRange } from './allocation-context.ts'
import { heldNodePorts } from './node-ports.ts'
import { ownerOf, type ServiceOwner } from './service-owner.ts'

/** What is wrong with a node port of a Service: reason and text of the Event. */
export interface PortFault {
  readonly service: Service
  readonly reason: 'PortNotAllocated' | 'PortAlreadyAllocated' | 'PortOutOfRange'
  readonly message: string
}

/** A node port and whose it is said to be. */
export interface TakenPort {
  readonly port: number
  readonly owner: ServiceOwner
  readonly entry: Entry
}

/** A port that a Service has and nobody wrote down. */
export interface MissingPort {
  readonly port: number
  readonly service: Service
}

export interface PortRepair {
  readonly faults: readonly PortFault[]
  readonly missing: readonly MissingPort[]
  /** Those that the Service they are said to be of does not have. */
  readonly leaked: readonly TakenPort[]
}

/** Compares the node ports that Services have with those that are written down (upstream `portallocator/controller`). */
export function planNodePortRepair(
  services: readonly Service[],
  taken: readonly TakenPort[],
  range: NodePortRange,
): PortRepair {
  const faults: PortFault[] = []
  const missing: MissingPort[] = []
  const written = new Map(taken.map((each) => [each.port, each]))
  const used = new Set<number>()
  const kept = new Set<number>()
  for (const service of services) {
    for (const port of heldNodePorts(service.spec)) {
      const known = written.get(port)
      const own = known !== undefined && isSame(known.owner, ownerOf(service))
      if (own) kept.add(port)
      if (port < range.first || port > range.last) faults.push(outOfRange(service, port, range))
      else if (used.has(port) || (known !== undefined && !own && isHeld(services, known))) {
        const message = `Port ${port} was assigned to multiple services; please recreate service`
        faults.push({ service, reason: 'PortAlreadyAllocated', message })
      } else if (!own) {
        faults.push({ service, reason: 'PortNotAllocated', message: `Port ${port} is not allocated; repairing` })
        missing.push({ port, service })
      }
      used.add(port)
    }
  }
  return { faults, missing, leaked: taken.filter(({ port }) => !kept.has(port)) }
}

function outOfRange(service: Service, port: number, { first, last }: NodePortRange): PortFault {
  const message = `Port ${port} is not within the port range ${first}-${last}; please recreate service`
  return { service, reason: 'PortOutOfRange', message }
}

function isHeld(services: readonly Service[], { port, owner }: TakenPort): boolean {
  return services.some((service) => isSame(owner, ownerOf(service)) && heldNodePorts(service.spec).includes(port))
}

function isSame(a: ServiceOwner, b: ServiceOwner): boolean {
  return a.namespace === b.namespace && a.name === b.name
}
