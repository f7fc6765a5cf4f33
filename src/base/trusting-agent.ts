import type { Agent } from 'node:https'

/**
 * An agent of HTTPS requests that trusts one authority and keeps its connections, for clients that take one.
 *
 * @param caPem Certificate of the authority.
 */
export async function agentTrusting(caPem: string): Promise<Agent> {
  // Loaded when it is needed: most processes never ask the cloud.
  const { Agent } = await import('node:https')
  return new Agent({ ca: caPem, keepAlive: true })
}
