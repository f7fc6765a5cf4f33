import type { DesiredListener, DesiredModel, ObservedListener, ObservedModel } from '../model.ts'
import { isOwnedBy } from '../names.ts'
import { listenerParameters } from '../observed/listener-view.ts'
import { groupKey } from './group-diff.ts'
import { type HolderRules, heldRefusal, holderOf, placeOf } from './port-holder.ts'
import type { Diff, Step } from './step.ts'

export type ListenerDiffRules = HolderRules

const HASHES: readonly string[] = ['sch', 'tch', 'qch']

/**
 * The changes of listeners: ours that are no longer wanted go first, since a port is free only then; redirecting ones
 * come last, and go first. A port that someone else holds is refused, with the holder.
 */
export function diffListeners(desired: DesiredModel, observed: ObservedModel, rules: ListenerDiffRules): Diff {
  if (desired.reuse !== undefined && !desired.reuse.override) return { steps: [], refusals: [] }
  const refusals: string[] = []
  const refused = new Set<DesiredListener>()
  for (const listener of desired.listeners) {
    const reason = refusalOf(listener, observed, rules)
    if (reason === undefined) continue
    refusals.push(reason)
    refused.add(listener)
  }
  const wanted = desired.listeners.filter((listener) => !refused.has(listener))
  const matches = (a: ObservedListener, b: DesiredListener) => a.port === b.port && a.protocol === b.protocol
  const redirectChanged = (a: ObservedListener, b: DesiredListener | undefined) =>
    b !== undefined && (isRedirect(a.settings) || isRedirect(b.settings)) && target(a.settings) !== target(b.settings)
  const gone = observed.listeners.filter((listener) => {
    const match = desired.listeners.find((one) => matches(listener, one))
    if (match === undefined) return isOwnedBy(listener.description, rules.owner)
    return !refused.has(match) && redirectChanged(listener, match)
  })
  const steps = { desired, observed }
  const kept = (listener: DesiredListener) =>
    observed.listeners.find((one) => matches(one, listener) && !gone.includes(one))
  const made = wanted.filter((listener) => kept(listener) === undefined)
  return {
    refusals,
    steps: [
      ...redirectsFirst(gone).map((listener) => deleteStep(observed.instance.id, listener)),
      ...redirectsFirst(made)
        .reverse()
        .flatMap((listener) => createSteps(listener, steps)),
      ...wanted.flatMap((listener) => {
        const actual = kept(listener)
        return actual === undefined ? [] : updateSteps(listener, actual, steps)
      }),
    ],
  }
}

function isRedirect(settings: Readonly<Record<string, string>>): boolean {
  return settings.ListenerForward === 'on'
}

function target(settings: Readonly<Record<string, string>>): string {
  return isRedirect(settings) ? (settings.ForwardPort ?? '') : ''
}

function redirectsFirst<T extends { readonly settings: Readonly<Record<string, string>> }>(
  listeners: readonly T[],
): T[] {
  return [...listeners].sort((a, b) => Number(isRedirect(b.settings)) - Number(isRedirect(a.settings)))
}

interface Models {
  readonly desired: DesiredModel
  readonly observed: ObservedModel
}

/** Why a listener cannot be as it is wanted; `undefined` when it can. */
function refusalOf(
  listener: DesiredListener,
  { listeners, instance }: ObservedModel,
  rules: ListenerDiffRules,
): string | undefined {
  const holder = holderOf(listener, listeners)
  if (holder === undefined) return undefined
  const place = placeOf(listener, instance.id)
  return heldRefusal(listener, holder, { ...rules, place }) ?? schedulerRefusal(listener, holder, place)
}

function schedulerRefusal(wanted: DesiredListener, actual: ObservedListener, place: string): string | undefined {
  if (wanted.protocol !== actual.protocol) return undefined
  const [from = '', to = ''] = [actual.settings.Scheduler, wanted.settings.Scheduler]
  if (to === '' || from === to || !(HASHES.includes(from) || HASHES.includes(to))) return undefined
  return `the listener of ${place} cannot change its scheduler from ${from} to ${to} while it exists: delete the listener, it is made again with ${to}`
}

function createSteps(listener: DesiredListener, models: Models): Step[] {
  const { id } = models.observed.instance
  const settings = { ...listener.initial, ...listener.settings, ...aclSettings(models) }
  const made = listenerStep('Create', listener, { id, settings, models })
  const extensions = (listener.domainExtensions ?? []).map((extension) => extensionStep(id, listener, extension))
  return [made, startStep(id, listener), ...extensions]
}

function updateSteps(listener: DesiredListener, actual: ObservedListener, models: Models): Step[] {
  const { id } = models.observed.instance
  const wanted = { ...listener.settings, ...aclSettings(models) }
  const steps: Step[] = []
  const isSame = Object.entries(wanted).every(([name, value]) => actual.settings[name] === value)
  // While requests are sent on, nothing else about the listener counts.
  if (!isRedirect(wanted) && !(isSame && isBound(listener, actual, models))) {
    const settings = { ...mergeable(actual, wanted), ...wanted }
    steps.push(listenerStep('Set', listener, { id, settings, models }))
  }
  if (!actual.isRunning) steps.push(startStep(id, listener))
  return [...steps, ...extensionSteps(id, listener, actual)]
}

/** What stays of a listener: without what only counted for something that is off now. */
function mergeable(
  actual: ObservedListener,
  wanted: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const { ForwardPort: _port, ListenerForward: _forward, ...kept } = actual.settings
  const rest: Record<string, string> = kept
  if (wanted.StickySession === 'off')
    for (const name of ['StickySessionType', 'Cookie', 'CookieTimeout']) delete rest[name]
  if (wanted.AclStatus === 'off') for (const name of ['AclId', 'AclType']) delete rest[name]
  if (wanted.ConnectionDrain === 'off' || rest.ConnectionDrainTimeout === '0') delete rest.ConnectionDrainTimeout
  return rest
}

/** Whether the listener has its group and its name; these count in ACK's own way too. */
function isBound(listener: DesiredListener, actual: ObservedListener, { desired, observed }: Models): boolean {
  if (actual.description !== listener.description) return false
  const group = desired.groups.find((one) => groupKey(one) === listener.groupName)
  const there = observed.groups.find(({ id, name }) =>
    group?.id === undefined ? name === group?.name : id === group.id,
  )
  return there !== undefined && there.id === actual.groupId
}

/** The list of source ranges, when the Service has some. */
function aclSettings({ desired, observed }: Models): Readonly<Record<string, string>> {
  if (desired.sourceRanges === undefined) return {}
  return { AclStatus: 'on', AclType: 'white', AclId: observed.acl?.id ?? '' }
}

function listenerStep(
  verb: 'Create' | 'Set',
  { port, protocol, description, groupName }: DesiredListener,
  {
    id,
    settings,
    models,
  }: { readonly id: string; readonly settings: Readonly<Record<string, string>>; readonly models: Models },
): Step {
  const usesAcl = models.desired.sourceRanges !== undefined && models.observed.acl === undefined
  return {
    action: `${verb}LoadBalancer${protocol.toUpperCase()}Listener${verb === 'Set' ? 'Attribute' : ''}`,
    parameters: {
      LoadBalancerId: id,
      ListenerPort: port,
      Description: description,
      ...(verb === 'Set' && groupName !== undefined ? { VServerGroup: 'on' } : {}),
      ...listenerParameters(protocol, settings),
    },
    listener: `${protocol}:${port}`,
    ...(groupName === undefined ? {} : { group: groupName }),
    ...(usesAcl ? { acl: 'uses' as const } : {}),
  }
}

function startStep(id: string, { port, protocol }: DesiredListener): Step {
  return {
    action: 'StartLoadBalancerListener',
    parameters: { LoadBalancerId: id, ListenerPort: port, ListenerProtocol: protocol },
    listener: `${protocol}:${port}`,
  }
}

/** The call that ends a listener. */
export function deleteStep(id: string, { port, protocol }: Pick<ObservedListener, 'port' | 'protocol'>): Step {
  return {
    action: 'DeleteLoadBalancerListener',
    parameters: { LoadBalancerId: id, ListenerPort: port, ListenerProtocol: protocol },
  }
}

function extensionStep(
  id: string,
  { port, protocol }: Pick<DesiredListener, 'port' | 'protocol'>,
  { domain, certificateId }: { readonly domain: string; readonly certificateId: string },
): Step {
  return {
    action: 'CreateDomainExtension',
    parameters: { LoadBalancerId: id, ListenerPort: port, Domain: domain, ServerCertificateId: certificateId },
    listener: `${protocol}:${port}`,
  }
}

function extensionSteps(id: string, listener: DesiredListener, actual: ObservedListener): Step[] {
  const wanted = listener.domainExtensions
  if (wanted === undefined) return []
  const there = actual.domainExtensions ?? []
  const removed = there.filter(({ domain }) => !wanted.some((one) => one.domain === domain))
  const changed = wanted.flatMap((one): Step[] => {
    const found = there.find(({ domain }) => domain === one.domain)
    if (found === undefined) return [extensionStep(id, listener, one)]
    if (found.certificateId === one.certificateId) return []
    const parameters = { DomainExtensionId: found.id, ServerCertificateId: one.certificateId }
    return [{ action: 'SetDomainExtensionAttribute', parameters }]
  })
  return [
    ...removed.map((each): Step => ({ action: 'DeleteDomainExtension', parameters: { DomainExtensionId: each.id } })),
    ...changed,
  ]
}
