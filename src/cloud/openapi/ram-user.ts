/** A user of the cloud's API: a key, and what it may do. */
export interface RamUser {
  readonly name: string
  readonly accessKeyId: string
  readonly accessKeySecret: string
  /** A disabled key is refused. @default 'Active' */
  readonly status?: 'Active' | 'Inactive'
  readonly statements: readonly RamStatement[]
}

/** One statement of a RAM policy: `slb:Describe*` on everything. Deny outweighs Allow. */
export interface RamStatement {
  readonly effect: 'Allow' | 'Deny'
  /** `slb:CreateLoadBalancer`, with `*` for any characters. */
  readonly actions: readonly string[]
  /** Ids of resources, with `*`. @default everything */
  readonly resources?: readonly string[]
}

/** Whether a user may do something to a resource (`*` where the action names none). */
export function ramAllows(user: RamUser, action: string, resource: string): boolean {
  const matching = user.statements.filter(
    ({ actions, resources = ['*'] }) =>
      actions.some((pattern) => matches(pattern, action)) && resources.some((pattern) => matches(pattern, resource)),
  )
  return matching.length > 0 && matching.every(({ effect }) => effect === 'Allow')
}

function matches(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern.toLowerCase() === text.toLowerCase()
  const source = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')
  return new RegExp(`^${source}$`, 'is').test(text)
}
