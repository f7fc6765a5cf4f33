/** Which pod; the uid is what the network remembers, the names are for people. */
export interface PodIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

/** How a pod is connected. */
export interface PodAttachment {
  /** One per address family, the node's first family first; without prefix length. */
  readonly addresses: readonly string[]
  /** Where the pod's default route of the first family leads. */
  readonly gateway: string
  /** The device in the pod's namespace, `eth0`. */
  readonly interfaceName: string
  readonly mtu: number
}

/** Connects the pods of one node. Disposing stops the work that goes on and leaves pods and routes as they are. */
export interface PodNetwork extends AsyncDisposable {
  /**
   * Finds what {@link attach} will give the pod, where that takes time; undefined when nothing is to be waited for.
   *
   * @throws FairleadError that says which limit is reached; the caller tries again later
   */
  prepare?(pod: PodIdentity, signal: AbortSignal): Promise<void> | undefined
  /**
   * Connects the pod's network namespace (given by path). Synchronous and idempotent: the same uid has the same address,
   * also after a restart of the agent.
   *
   * @throws FairleadError `KERNEL_REFUSED`, or `INVALID_INPUT` when no address is free.
   */
  attach(pod: PodIdentity, netns: string): PodAttachment
  /** Frees the pod's address and device. An unknown uid is fine. */
  detach(uid: string): void
  /** Detaches every pod whose uid is not among these: what a crash left. */
  retain(live: ReadonlySet<string>): void
}
