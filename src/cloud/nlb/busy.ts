import type { Action, Call } from '../openapi/product.ts'
import { Refusal } from '../openapi/refusal.ts'
import { type ChangedSince, isBusy } from '../state/unfollowed.ts'
import { listenersOf, usersOf } from './find.ts'
import { NLB_LISTENERS, SERVER_GROUPS } from './model.ts'

/**
 * Makes an action refuse while the job of an earlier change of the same thing goes on, as the API does:
 * `IncorrectStatus.loadBalancer`, `Conflict.Lock`.
 */
export function unlessBusy(name: string, action: Action, since: ChangedSince): Action {
  if (/^(Get|List|Tag|Untag)|^Create(LoadBalancer|ServerGroup)$/.test(name)) return action
  return (call) => {
    refuse(call, since)
    return action(call)
  }
}

function refuse({ parameters, transaction, now }: Call, since: ChangedSince): void {
  const listener = parameters.string('ListenerId')
  if (listener !== undefined) {
    refuseLocked('listener', listener, isBusy(since(NLB_LISTENERS, listener), now))
    return
  }
  const group = parameters.string('ServerGroupId')
  const loadBalancer = parameters.string('LoadBalancerId')
  if (loadBalancer !== undefined) {
    const busy = listenersOf(transaction, loadBalancer).find(({ id }) => isBusy(since(NLB_LISTENERS, id), now))
    if (busy === undefined) return
    throw new Refusal(
      'IncorrectStatus.loadBalancer',
      `The instance ${loadBalancer} is being configured (listener ${busy.id}): try again later.`,
    )
  }
  if (group === undefined) return
  // A group that nobody listens for is no packet's way.
  const isUsed = usersOf(transaction, group).some(({ status }) => status === 'Running')
  refuseLocked('group', group, isUsed && isBusy(since(SERVER_GROUPS, group), now))
}

function refuseLocked(kind: string, id: string, busy: boolean): void {
  if (!busy) return
  throw new Refusal('Conflict.Lock', `The ${kind} ${id} is being configured by an earlier call: try again later.`)
}
