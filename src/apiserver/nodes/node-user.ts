import type { User } from '../request.ts'

const PREFIX = 'system:node:'

/** The node whose kubelet a user is; `undefined`: he is none. */
export function nodeOf({ name, groups }: User): string | undefined {
  if (!name.startsWith(PREFIX) || !groups.includes('system:nodes')) return undefined
  return name.length > PREFIX.length ? name.slice(PREFIX.length) : undefined
}
