import { type HolderRules, heldRefusal, holderOf, placeOf } from '../diff/port-holder.ts'
import type { Diff, Step } from '../diff/step.ts'
import { isOwnedBy } from '../names.ts'
import { groupIdOf, isSet, wireParameters } from './group-calls.ts'
import type { DesiredNlb, DesiredNlbListener, ObservedNlb, ObservedNlbListener } from './nlb-model.ts'
import { rangeText } from './nlb-plan.ts'

/** Further certificates that one call takes. */
const CERTIFICATES_PER_CALL = 15

/** Changes of listeners, apart from the ends of those that go: groups change in between. */
interface ListenerDiff extends Diff {
  readonly ends: readonly Step[]
}

/**
 * The changes of listeners: ours that are no longer wanted go first, since a port is free only then. A port that someone
 * else holds is refused, with the holder. What people made on other ports stays; ACK's controller ends it on instances
 * of its own.
 */
export function diffNlbListeners(desired: DesiredNlb, observed: ObservedNlb, rules: HolderRules): ListenerDiff {
  if (desired.reuse !== undefined && !desired.reuse.override) return { ends: [], steps: [], refusals: [] }
  const { instance, listeners } = observed
  const refusalOf = (listener: DesiredNlbListener) => {
    const holder = listener.range === undefined ? holderOf(listener, listeners) : undefined
    return holder && heldRefusal(listener, holder, { ...rules, place: placeOf(listener, instance.id) })
  }
  const refusals = desired.listeners.flatMap((listener) => refusalOf(listener) ?? [])
  const wanted = desired.listeners.filter((listener) => refusalOf(listener) === undefined)
  const endsAll = rules.compat && desired.reuse === undefined
  const gone = listeners.filter((listener) => {
    if (desired.listeners.some((one) => isSame(one, listener))) return false
    return endsAll || isOwnedBy(listener.description, rules.owner)
  })
  return {
    refusals,
    ends: gone.map(deleteNlbListener),
    steps: wanted.flatMap((listener) => {
      const actual = listeners.find((one) => isSame(listener, one))
      if (actual === undefined) return createSteps(listener, instance.id)
      return updateSteps(listener, actual, { desired, observed })
    }),
  }
}

type Place = Pick<DesiredNlbListener, 'port' | 'range' | 'protocol'>

function isSame(a: Place, b: Place): boolean {
  return keyOf(a) === keyOf(b)
}

function keyOf({ port, range, protocol }: Place): string {
  return `${protocol}:${range === undefined ? port : rangeText(range)}`
}

/** The call that ends a listener. */
export function deleteNlbListener({ id }: Pick<ObservedNlbListener, 'id'>): Step {
  return { action: 'DeleteListener', parameters: { ListenerId: id } }
}

/** A new listener runs. */
function createSteps(listener: DesiredNlbListener, instanceId: string): Step[] {
  const { port, range, protocol, description, groupName, settings, certificates = [] } = listener
  const key = keyOf(listener)
  const made: Step = {
    action: 'CreateListener',
    parameters: {
      LoadBalancerId: instanceId,
      ListenerProtocol: protocol,
      ListenerPort: port,
      ...(range === undefined ? {} : { StartPort: range.first, EndPort: range.last }),
      ListenerDescription: description,
      ...wireParameters(settings),
    },
    listener: key,
    group: groupName,
  }
  const further = certificateSteps('Associate', certificates, {})
  return [made, ...further.map((step): Step => ({ ...step, listener: key, usesListener: true }))]
}

function updateSteps(
  listener: DesiredNlbListener,
  actual: ObservedNlbListener,
  { desired, observed }: { readonly desired: DesiredNlb; readonly observed: ObservedNlb },
): Step[] {
  const place = { ListenerId: actual.id }
  const isBound = groupIdOf(listener.groupName, desired, observed) === actual.groupId
  const steps: Step[] = []
  if (!isBound || actual.description !== listener.description || !isSet(listener.settings, actual.settings)) {
    const parameters = { ...place, ListenerDescription: listener.description, ...wireParameters(listener.settings) }
    steps.push({
      action: 'UpdateListenerAttribute',
      parameters,
      listener: keyOf(listener),
      group: listener.groupName,
    })
  }
  if (!actual.isRunning) steps.push({ action: 'StartListener', parameters: place, listener: keyOf(listener) })
  const { certificates } = listener
  if (certificates === undefined) return steps
  const there = actual.certificates ?? []
  const added = certificates.filter((id) => !there.includes(id))
  const removed = there.filter((id) => !certificates.includes(id))
  return [...steps, ...certificateSteps('Associate', added, place), ...certificateSteps('Disassociate', removed, place)]
}

function certificateSteps(
  verb: 'Associate' | 'Disassociate',
  ids: readonly string[],
  place: Readonly<Record<string, string>>,
): Step[] {
  return Array.from({ length: Math.ceil(ids.length / CERTIFICATES_PER_CALL) }, (_, n) => ({
    action: `${verb}AdditionalCertificatesWithListener`,
    parameters: {
      ...place,
      AdditionalCertificateIds: ids.slice(n * CERTIFICATES_PER_CALL, (n + 1) * CERTIFICATES_PER_CALL),
    },
  }))
}
