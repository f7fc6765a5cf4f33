import { isOwnedBy, type Owner, parseListenerDescription } from '../names.ts'

export interface HolderRules {
  readonly owner: Owner
  readonly compat: boolean
  /** Whether a Service of this cluster (that is not the one at hand) is there and may hold a port. */
  isThere(holder: { readonly service: string; readonly namespace: string }): boolean
}

/** A listener, as far as it holds a port: UDP has ports of its own. */
export interface HeldPort {
  readonly port: number
  readonly protocol: string
  readonly description: string
}

/** Who has the port of a listener. */
export function holderOf<T extends HeldPort>(listener: Pick<HeldPort, 'port' | 'protocol'>, listeners: readonly T[]) {
  return listeners.find(({ port, protocol }) => port === listener.port && isUdp(protocol) === isUdp(listener.protocol))
}

function isUdp(protocol: string): boolean {
  return protocol.toLowerCase() === 'udp'
}

export function placeOf({ port }: Pick<HeldPort, 'port'>, instanceId: string): string {
  return `port ${port} of load balancer ${instanceId}`
}

/** Why a listener cannot have a port that another one has; `undefined` when it can. */
export function heldRefusal(
  listener: Pick<HeldPort, 'protocol'>,
  holder: HeldPort,
  { place, owner, compat, isThere }: HolderRules & { readonly place: string },
): string | undefined {
  const other = parseListenerDescription(holder.description)
  const isOurs = other !== undefined && isOwnedBy(holder.description, owner)
  if (other !== undefined && !isOurs && !compat) {
    const isHere = other.clusterId === owner.clusterId
    if (!isHere || isThere(other)) {
      const where = isHere ? '' : ` of cluster ${other.clusterId}`
      return `${place} is held by the Service ${other.namespace}/${other.service}${where}: give one of the two another port`
    }
  }
  if (holder.protocol === listener.protocol || isOurs) return undefined
  return `${place} has a listener of ${holder.protocol} that somebody else made ('${holder.description}'): delete it, or give the Service another port`
}
