import type { CloudProduct } from '../api/cloud-api.ts'

/**
 * A call of the load balancer's product that changes something. Ids that only earlier steps bring are filled in when it
 * is their turn.
 */
export interface Step {
  /** Another product. */
  readonly product?: CloudProduct
  readonly action: string
  readonly parameters: Readonly<Record<string, unknown>>
  /** Key of the group whose id goes in as `VServerGroupId` (`ServerGroupId` of NLB). */
  readonly group?: string
  /** Key of the group whose id this call answers with. */
  readonly makesGroup?: string
  /** Whether the id of the Service's access control list goes in as `AclId`. */
  readonly acl?: 'uses' | 'makes'
  /** Listener `<port>` that this step is about: further steps about it are left out when it fails. */
  readonly listener?: string
  /** Whether the id of that listener goes in as `ListenerId`: an earlier step makes it. */
  readonly usesListener?: true
  /** Tried again after the rest of the group when the instance has too many servers. */
  readonly mayWait?: true
}

/** What must not be done, and why; the other steps are none the less. */
export interface Diff {
  readonly steps: readonly Step[]
  readonly refusals: readonly string[]
}
